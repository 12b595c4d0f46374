"""What keeps the repository in order; nothing of the product imports it."""
