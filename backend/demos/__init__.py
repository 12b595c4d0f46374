"""Demo workspaces: what is in each, and building them."""
