"""Under which name decisions are logged."""

import getpass


def default_author() -> str:
    """The name under which decisions are logged unless another is given: the system user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
