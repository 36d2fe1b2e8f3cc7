"""What you run: one verb a file, the one training loop, recipes and evaluators. May import models, datasets, infra."""
