"""Which tokens an attached run of a language model was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from backend.data.conversation import Conversation, Loss
from backend.data.conversations import is_left_out
from backend.data.examples import Examples
from backend.data.messages import shown_value
from backend.data.remark import count_of
from backend.errors import InputError
from backend.manifest import Manifest
from backend.model.callback_log import read_callback_log
from backend.model.tool_calls import unwritten_calls

_GIVEN: dict[str, Loss] = {"all": "all", "completion": "answers", "assistant": "answers"}


def loss_of_run(run: Path, manifest: Manifest, given: str | None) -> tuple[Loss, list[str]]:
    """What is said (``all``, ``completion``, ``assistant``), else what the run wrote down, else as the
    workspace has it; and notes on what is assumed.

    Runs write it down where `backend.FirstwordCallback` was among their callbacks, as TRL's arguments.
    """
    if given is not None:
        if given not in _GIVEN:
            raise InputError(f"--loss {shown_value(given)}: must be one of {', '.join(_GIVEN)}")
        return _GIVEN[given], []
    here: Loss = manifest.task.loss or "answers"
    if manifest.data.form == "text":
        return here, []  # all of a text is learnt
    recorded = _recorded(run_arguments(run), manifest.data.form)
    if recorded is None:
        taken = "the answers" if here == "answers" else "all"
        return here, [
            f"Which tokens were in the loss is not recorded: {taken} are taken. Of conversations TRL trains "
            "all unless it is told otherwise: if it was not, attach with --loss all."
        ]
    if recorded == here:
        return here, []
    words = "all tokens were" if recorded == "all" else "only the answers were"
    return recorded, [f"By the run's own record {words} in the loss: so it is from now on."]


def run_arguments(run: Path) -> dict[str, Any]:
    """Arguments of the trainer, as the callback wrote them; empty where there are none."""
    for folder in (run, run.resolve().parent):
        found = read_callback_log(folder)
        if found is not None:
            return found.arguments
    return {}


def length_of_run(run: Path) -> int | None:
    """Tokens that TRL cut rows to, where the run wrote it down."""
    found = run_arguments(run).get("max_length")
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None


def _recorded(arguments: dict[str, Any], form: str) -> Loss | None:
    if "completion_only_loss" not in arguments and "assistant_only_loss" not in arguments:
        return None
    completion, assistant = arguments.get("completion_only_loss"), arguments.get("assistant_only_loss")
    if form == "pair":
        return "all" if completion is False and not assistant else "answers"
    return "answers" if assistant is True else "all"


def of_answers(tokenizer: PreTrainedTokenizerBase, rows: Examples) -> list[str]:
    """Notes on answers that a run has perhaps learnt otherwise than they are read here."""
    if rows.reading is None:
        return []
    pairs = zip(rows.fields[0], rows.targets, strict=True)
    silent = sum(any(map(is_left_out, Conversation.of(*each).turns)) for each in pairs)
    calls, notes = unwritten_calls(tokenizer, rows), []
    if silent:
        notes.append(
            f"{count_of(silent, 'row')} with answers whose weight, loss or train is 0: they are taken for "
            "not learnt. A trainer that does not know these keys has learnt them: what they did is missing."
        )
    return notes + ([f"{calls[:1].upper()}{calls[1:]}."] if calls else [])
