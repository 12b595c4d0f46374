"""What a model's config.json says that a user should know of, and does not stop anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.data.messages import shown_value
from backend.errors import InputError

GENERIC = re.compile(r"LABEL_\d+")


def config_notes(config: Mapping[str, Any]) -> list[str]:
    """A sentence for names that disagree, for code of its own, which is never run, for sparse attention."""
    notes = []
    if differing := _differing(config.get("id2label"), config.get("label2id")):
        number, name, other = differing
        notes.append(
            f"config.json's label2id disagrees with its id2label (output {number} is {shown_value(name)} in "
            f"id2label and {shown_value(other)} in label2id): id2label is taken, as transformers does."
        )
    if config.get("auto_map"):
        kind = shown_value(config.get("model_type"))
        notes.append(
            "config.json names code of its own (auto_map), which is never run: the model is loaded as "
            f"transformers' own {kind}; if the code changes what the model does, this is another model."
        )
    if config.get("attention_type") == "block_sparse":
        notes.append(
            "BigBird is read with full attention: transformers leaves block-sparse attention for good at the "
            "first text that is too short for it. A run of long texts only was trained a little differently."
        )
    return notes


def named_backwards(folder: Path, label2id: Any) -> dict[str, str]:
    """What id2label would be, where a config has only ``label2id``; `InputError` unless that means something.

    transformers reads no label2id alone and gives such a model two outputs.
    """
    inverse = {str(number): str(name) for name, number in label2id.items()}
    if len(label2id) == 2 and sorted(inverse) == ["0", "1"]:
        return inverse
    raise InputError(
        f"{folder / 'config.json'}: names no classes: it has no id2label, and of label2id "
        f"({len(label2id)} names) transformers makes two outputs; add id2label"
    )


def _differing(id2label: Any, label2id: Any) -> tuple[str, Any, Any] | None:
    """The first output of which both say another name: its number and both names.

    A config begins with LABEL_0, LABEL_1, ... in both: whoever names one of them leaves them in the other.
    """
    if not isinstance(id2label, dict) or not isinstance(label2id, dict):
        return None
    if all(GENERIC.fullmatch(str(name)) for name in label2id):
        return None
    other = {str(number): name for name, number in label2id.items()}
    return next(
        (
            (number, name, other[number])
            for number, name in id2label.items()
            if other.get(number, name) != name
        ),
        None,
    )
