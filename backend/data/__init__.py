"""Reading, validating, splitting and exporting the user's data."""
