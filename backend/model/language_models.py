"""Which models can be language models here, by their configs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.data.messages import shown_value
from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.tasks.heads import CAUSAL_LM, WRITES, writes_text

_BOTH_WAYS = frozenset(
    (
        *(
            "bert",
            "bert-generation",
            "big_bird",
            "camembert",
            "convbert",
            "data2vec-text",
            "electra",
            "ernie",
        ),
        *("megatron-bert", "modernbert", "rembert", "roberta", "roberta-prelayernorm", "roc_bert"),
        *("roformer", "xlm", "xlm-roberta", "xlm-roberta-xl", "xmod"),
    )
)
"""Model types that also read what comes after a token, unless they were made decoders."""


def is_language_model(config: Any, task: TaskInfo | None = None) -> bool:
    """Whether a model is loaded to write text: as the ``task`` wants it; without one, as its config says.

    A classifier's adapter stands beside the config of its base, which may name a class that writes: what it
    was trained for counts.
    """
    if task is not None:
        return task.name == CAUSAL_LM
    return writes_text(_first(config.architectures)) and not getattr(config, "problem_type", None)


def require_language_model(config: Mapping[str, Any], source: str | Path) -> None:
    """`InputError` for the config of a model that can't write one token after the other."""
    name = _first(config.get("architectures"))
    named = f"{source}: {_article(name)} {name}" if name else f"{source}"
    if config.get("is_encoder_decoder"):
        raise InputError(f"{named}, which reads one text and writes another; {_WANTED}")
    both_ways = config.get("model_type") in _BOTH_WAYS and not config.get("is_decoder")
    if (name and not writes_text(name)) or both_ways:
        raise InputError(f"{named}, which writes no text; {_WANTED}")


_WANTED = f"task {CAUSAL_LM} needs one that goes on writing (...{WRITES[0]}), such as smollm2"


def _first(found: Any) -> str:
    """The first class that a config names."""
    first = next(iter(found), "") if isinstance(found, list | tuple) else ""
    return shown_value(first, 80)[1:-1] if isinstance(first, str) else ""


def _article(name: str) -> str:
    return "an" if name[:1] in "AEIOU" else "a"
