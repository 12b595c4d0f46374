"""How Firstword does what it does. Scripts and notebooks import `firstword`, which stays as it is."""

import os

# Threads that wait should soon sleep: with the app, a job and a browser on few cores, spinning ones made
# a training step several times slower (docs/decisions.md, D-019). Must be set before torch is imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

# Nothing is reported to anybody; hub libraries read this when they are imported.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from typing import TYPE_CHECKING, Any

from backend.home import caches
from backend.program import CHECKOUT

if CHECKOUT is None:  # compiled functions do not lie among installed files, where none would take them away
    os.environ.setdefault("NUMBA_CACHE_DIR", str(caches() / "numba"))

from backend.errors import InputError
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.callback import FirstwordCallback

__all__ = ["FirstwordCallback", "InputError", "Workspace"]


def __getattr__(name: str) -> Any:
    """The callback needs transformers, which takes seconds to load: only who asks for it waits."""
    if name == "FirstwordCallback":
        from backend.callback import FirstwordCallback

        return FirstwordCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
