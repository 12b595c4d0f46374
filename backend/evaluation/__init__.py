"""Benchmarks on the user's own data: whether scores find what they should find."""
