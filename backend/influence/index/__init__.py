"""Sums and lists over all rows, so that a question need not read them."""
