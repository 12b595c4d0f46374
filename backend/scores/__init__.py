"""Data-set-level scores: one value per training row, and what it says about the row."""
