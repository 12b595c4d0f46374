"""From options to the columns of a data set, for `init` and `build`."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import Any

from backend.data.columns import LANGUAGE_MODEL, Columns, columns_of_turns
from backend.data.conversation import Loss
from backend.data.targets.registry import all_kinds
from backend.errors import InputError
from backend.manifest import Form

_LOSSES: dict[str, Loss] = {"all": "all", "completion": "answers", "assistant": "answers"}
_LOSSES_OF: dict[Form, tuple[str, ...]] = {
    "text": ("all",),
    "pair": ("all", "completion", "assistant"),
    "messages": ("all", "assistant"),
}

_LEARNT = "texts (--text), completions (--completion) or the answers of --messages"


@dataclass(frozen=True)
class Turns:
    """The options that only rows for language models have."""

    prompt: str | None = None
    completion: str | None = None
    messages: str | None = None
    system: str | None = None
    tools: str | None = None
    loss: str | None = None


def default_model(task: str) -> str:
    """The embedded model that serves a task."""
    return "smollm2" if task == LANGUAGE_MODEL else "minilm"


def columns_of(
    task: str,
    text: str | None,
    label: str | None,
    labels: str | None,
    *,
    merge: bool,
    names: str | None,
    turns: Turns | None = None,
    **others: Any,
) -> Columns:
    """The columns, once task and label options fit each other; ``others`` as of `Columns`. `InputError`."""
    if task not in all_kinds():
        raise InputError(f"--task {task}: must be one of {', '.join(all_kinds())}")
    turns = turns or Turns()
    if task != "classification":
        for option, given in (("--merge-labels", merge), ("--names", names)):
            if given:
                raise InputError(f"{option}: for --task classification only")
    if task == LANGUAGE_MODEL:
        for option, given in (("--label", label), ("--labels", labels)):
            if given is not None:
                raise InputError(f"{option}: not for --task {LANGUAGE_MODEL}; what is learnt are {_LEARNT}")
        return _columns_of_turns(text, turns, others)
    for name, given in vars(turns).items():
        if given is not None:
            raise InputError(f"--{name}: for --task {LANGUAGE_MODEL} only")
    if text is None:
        raise InputError("--text: missing; name the column with the text")
    return _columns_of_text(task, text, label, labels, others)


def _columns_of_text(
    task: str, text: str, label: str | None, labels: str | None, others: dict[str, Any]
) -> Columns:
    if task != "multilabel":
        if labels is not None:
            raise InputError("--labels: for --task multilabel only; name the column with --label")
        if label is None:
            raise InputError("--label: missing; name the column with the label")
        return Columns(text, label, task=task, **others)
    if (label is None) == (labels is None):
        raise InputError("--task multilabel: name the column of labels, or all 0/1 columns, with --labels")
    listed = [label] if label is not None else listed_names(labels or "")
    if not listed:
        raise InputError("--labels: names no column")
    several = tuple(listed) if len(listed) > 1 else ()
    return Columns(text, listed[0] or "", task=task, labels=several, **others)


def _columns_of_turns(text: str | None, turns: Turns, others: dict[str, Any]) -> Columns:
    """Of a row for a language model, which is written in one of three forms."""
    for name in ("text_b", "annotator"):
        if others.get(name) is not None:
            raise InputError(f"--{name.replace('_', '-')}: not for --task {LANGUAGE_MODEL}")
    rows = {"text": text, "prompt": turns.prompt, "completion": turns.completion, "messages": turns.messages}
    columns = columns_of_turns(**rows, system=turns.system, tools=turns.tools, **others)
    for name in ("system", "tools"):
        if columns.form == "text" and getattr(turns, name) is not None:
            raise InputError(f"--{name}: for --messages, or --prompt and --completion; a text has none")
    return replace(columns, loss=_loss(turns.loss, columns.form))


def _loss(given: str | None, form: Form) -> Loss:
    if given is None:
        return "answers"
    if given not in _LOSSES_OF[form]:
        raise InputError(f"--loss {given}: must be {' or '.join(_LOSSES_OF[form])} here")
    return _LOSSES[given] if form != "text" else "answers"


def listed_names(names: str) -> list[str]:
    """Names separated by commas; one that holds a comma stands in double quotes, as in CSV."""
    return [each.strip() for each in next(csv.reader([names], skipinitialspace=True), [])]
