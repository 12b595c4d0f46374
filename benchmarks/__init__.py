"""Scripts that produce the figures of the README. Each prints a table; run them from the project's root."""
