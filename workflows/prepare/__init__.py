"""Prepare: media in, a dataset of clips out."""
