"""``python -m firstword`` and ``firstword``: the command line."""

from backend.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
