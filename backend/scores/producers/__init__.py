"""One module per pass that makes scores; each has a ``PRODUCER``."""
