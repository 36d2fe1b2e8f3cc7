"""How fast it is, as ratios measured in one run: `make bench`. None of it is collected by pytest."""
