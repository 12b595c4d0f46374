"""The tokenizer of a run, with its chat template."""

from __future__ import annotations

import re
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from backend.errors import InputError
from backend.model.loading import attempt
from backend.model.source import resolve

_CHECKPOINT = re.compile(r"checkpoint-(\d{1,15})")
_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "spiece.model", "tokenizer.model")


def run_tokenizer(run: Path, given: str | None = None) -> PreTrainedTokenizerBase:
    """That of the last checkpoint, or of the run's folder; ``given`` (folder or hub id) wins.

    `InputError` where there is none.
    """
    source = resolve(given) if given else _own(run)
    if source is None:
        raise InputError(f"{run}: has no tokenizer; name it with --tokenizer FOLDER_OR_HUB_ID")
    return attempt(
        lambda: AutoTokenizer.from_pretrained(str(source), trust_remote_code=False),
        f"{source}: cannot be loaded as a tokenizer",
    )


def _own(run: Path) -> Path | None:
    numbered = [
        (int(found[1]), each) for each in run.iterdir() if (found := _CHECKPOINT.fullmatch(each.name))
    ]
    folders = [*(each for _, each in sorted(numbered, reverse=True)), run]
    return next((each for each in folders if any((each / name).is_file() for name in _FILES)), None)
