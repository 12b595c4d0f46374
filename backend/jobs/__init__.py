"""Long work in processes of its own, visible through files."""
