"""What is asked for where nothing is said. Chosen by evidence: docs/decisions.md, D-070."""

DEFAULT_METHOD = "we"
DEFAULT_SCORE = "ekfac"
