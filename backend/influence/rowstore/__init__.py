"""Gradient rows on disk: how they are coded, planned, computed and read."""
