"""Videos in, clips out, tensors to the trainer, on Ray Data. May import infra."""
