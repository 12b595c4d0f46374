"""Attribution methods; each module has a tuple ``METHODS``."""
