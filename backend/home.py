"""Where workspaces lie that are called by a name, and what is kept for all of them."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

from backend.program import CHECKOUT

VARIABLE = "FIRSTWORD_HOME"


def home() -> Path:
    """What ``FIRSTWORD_HOME`` names, else ``cache/`` of the checkout, else the user's folder for data."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    if CHECKOUT:
        return Path("cache") if Path.cwd() == CHECKOUT else CHECKOUT / "cache"
    return user_data_path("firstword")


HOME = home()
"""As it was when the process began."""


def caches() -> Path:
    """Where lies what can be made again for any workspace: below ``XDG_CACHE_HOME``, on Linux."""
    return user_cache_path("firstword").absolute()


def located(path: str | Path) -> Path:
    """What a person means by ``path``: itself, or the folder of that name in the home where there is none."""
    given = Path(path)
    named = HOME / given
    return named if len(given.parts) == 1 and not given.exists() and named.is_dir() else given
