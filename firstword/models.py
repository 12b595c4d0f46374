"""The models that come with Firstword, for scripts of your own."""

from __future__ import annotations

from pathlib import Path


def model_folder(name: str) -> Path:
    """
    The folder of a model that comes with Firstword, as `from_pretrained` of transformers takes it.

    Parameters
    ----------
    name
        ``minilm`` (all-MiniLM-L6-v2, for classifiers) or ``smollm2`` (SmolLM2-135M-Instruct, which writes).

    Returns
    -------
    Path
        Written on the first call where it comes in another format.

    Raises
    ------
    InputError
        If there is no such model, or its package is not installed.

    Examples
    --------
    >>> from firstword.models import model_folder
    >>> (model_folder("minilm") / "config.json").is_file()
    True
    """
    from backend.errors import InputError
    from backend.model.embedded import EMBEDDED
    from backend.model.smollm2 import SMOLLM2
    from backend.model.source import resolve

    if name not in (EMBEDDED, SMOLLM2):
        raise InputError(f"model {name!r}: must be {EMBEDDED} or {SMOLLM2}")
    return Path(resolve(name))
