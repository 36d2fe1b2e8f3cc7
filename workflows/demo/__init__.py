"""Demo: prepare, train, evaluate and localize in one command."""
