"""Copies of a workspace to try things on: wrong labels planted, a small model, an untrained one."""
