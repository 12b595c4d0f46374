"""Training again on changed data, beside controls, and saying honestly what that changed."""
