"""Firstword: which training examples, and which words in them, made the model say this.

>>> import firstword
>>> ws = firstword.Workspace.open("demo")  # doctest: +SKIP
>>> ws.explain("a gorgeous, witty film").proponents[0].words  # doctest: +SKIP

What stands here and in `firstword.extend` is the public API: it changes with a major version only. All else
is how it is done.
"""

from typing import TYPE_CHECKING, Any

from backend import InputError, Workspace
from backend.version import VERSION

if TYPE_CHECKING:
    from backend.callback import FirstwordCallback

__version__ = VERSION
__all__ = ["FirstwordCallback", "InputError", "Workspace", "__version__"]


def __getattr__(name: str) -> Any:
    """The callback needs transformers, which takes seconds to load: only who asks for it waits."""
    if name == "FirstwordCallback":
        from backend.callback import FirstwordCallback

        return FirstwordCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
