"""The attribution methods and their scores by name, the default first, and those that are registered.

What the modules of `backend.influence.answers.methods` say themselves (a test holds them together); here it
can be read without loading them, and torch with them: a wrong name is refused at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.extensions import admit, load_extensions, origin

if TYPE_CHECKING:
    from backend.influence.answers.method import Method

_MODES = ("dot", "train-normalised", "cosine", "adam", "fisher", "kfac", "ekfac", "whitened")
_LAYER = ("dot", "train-normalised", "cosine")
_TERMS = ("label", "residual", "plain")

SCORES: dict[str, tuple[str, ...]] = {
    "we": _MODES,
    "random": ("plain",),
    "embedding": _TERMS,
    "last-layer": _LAYER,
    "second-layer": _LAYER,
    "middle-layer": _LAYER,
    "trained": (*_LAYER, "adam"),
    "tfidf": ("residual", "label", "plain"),
    "bm25": _TERMS,
    "we-nocommon": _MODES[:-1],
    "we-syn": _MODES,
    "we-topk": ("dot", "adam", "fisher", "kfac", "ekfac"),
}

OF_LANGUAGE_MODELS = ("we", "trained", "tfidf", "bm25", "embedding", "random")
"""The methods that serve language models."""

_added: dict[str, Method] = {}


def register(method: Method) -> None:
    """Add an attribution method that is defined elsewhere.

    Parameters
    ----------
    method
        An instance that scores every training row for a question. Its ``name`` is what ``explain --method``
        takes; `Similarity` is the base that asks for least.

    Raises
    ------
    InputError
        Where the name is that of a built-in method or of one from another file, or can't be a name.
        Registering one again from the same file or notebook replaces it.
    """
    comes_from = {name: origin(type(each)) for name, each in _added.items()}
    _added[admit("method", method.name, origin(type(method)), SCORES, comes_from)] = method


def added_methods() -> dict[str, Method]:
    """Those that are registered, by name."""
    load_extensions()
    return dict(_added)


def known_scores() -> dict[str, tuple[str, ...]]:
    """The scores of every method by its name, of the registered ones, too."""
    return {**SCORES, **{name: each.scores for name, each in added_methods().items()}}


def serving_language_models() -> tuple[str, ...]:
    """The names of the methods that serve language models."""
    own = (name for name, each in added_methods().items() if each.language_models)
    return (*OF_LANGUAGE_MODELS, *own)
