"""The attribution methods and their scores by name, the default first.

What the modules of `backend.influence.answers.methods` say themselves (a test holds them together); here it
can be read without loading them, and torch with them: a wrong name is refused at once.
"""

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
