"""Influence: gradients, rows on disk, the index over them, and answers; each room knows those before it."""
