"""The shape of a model, as its config.json says, before anything is loaded or fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from backend.errors import InputError
from backend.model.smollm2 import SHAPE, SMOLLM2
from backend.model.source import resolve


def read_config(model: str) -> dict[str, Any]:
    """Of a folder, ``minilm``, ``smollm2``, or a hub id that the cache holds; empty where none can be read.

    Whoever loads the model says what is wrong with it.
    """
    if model == SMOLLM2:  # which is written when it is needed
        return dict(SHAPE)
    try:
        source = Path(resolve(model))
        place = source / "config.json" if source.is_dir() else _cached(model)
        found = json.loads(place.read_text(encoding="utf-8")) if place else {}
    except (InputError, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def positive(config: dict[str, Any], *names: str) -> int | None:
    """The first of these fields that holds a whole number above 0; models call the same thing differently."""
    found = (config.get(name) for name in names)
    return next((each for each in found if type(each) is int and each > 0), None)


def width_of(config: dict[str, Any]) -> int | None:
    """Width of the hidden layers."""
    return positive(config, "hidden_size", "dim", "d_model", "n_embd")


def _cached(model: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model, "config.json")
    return Path(found) if isinstance(found, str) else None
