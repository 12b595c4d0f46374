"""Influence: gradients, the rows made of them, the index, and answers from all three."""
