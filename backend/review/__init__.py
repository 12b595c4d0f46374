"""What people decided about training examples."""
