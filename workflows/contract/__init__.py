"""What a recipe is made of, and how recipes are found."""
