"""Computing what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from backend.errors import InputError
from backend.scores.context import Context
from backend.scores.registry import producer_of, producers_for
from backend.scores.score import Producer
from backend.scores.table import score_id, score_state, scores_not_loaded, write_scores


def compute_scores(context: Context, only: Sequence[str] = (), everything: bool = False) -> list[str]:
    """Compute the scores named in ``only``, or those that cost little, or ``everything``.

    What is current stays.

    Call it with the workspace's lock held. Returns a line for each producer that was left out, with why.
    Raises `InputError` where a score was named and can't be computed, or is not made for the task.
    """
    task = context.manifest.task.name
    for name, what_to_do in scores_not_loaded(context.folder).items():
        if name in only:
            raise InputError(f"--only {name}: the extension that made it is not loaded; {what_to_do}")
    wanted = list(dict.fromkeys(producer_of(name, task).name for name in only))
    left_out = []
    for name, producer in producers_for(task).items():
        if not _is_asked(context, producer, wanted, everything):
            continue
        try:
            _compute(context, producer)
        except InputError as error:
            if only:
                raise
            left_out.append(f"{name}: {error}")
    return left_out


def _is_asked(context: Context, producer: Producer, wanted: Sequence[str], everything: bool) -> bool:
    if producer.name in wanted:
        return True
    if producer.combines:  # whenever one of those that it is made from is there
        return bool(producer.inputs_of(context.folder))
    return not wanted and (producer.default or everything)


def _compute(context: Context, producer: Producer) -> None:
    if producer.combines and not producer.inputs_of(context.folder):
        raise InputError(f"scores --only {producer.name}: none of the scores that it is made from is there")
    for artifact in producer.inputs_of(context.folder):
        context.folder.require(artifact, COMMANDS.get(artifact, artifact))
    if score_state(context.folder, producer, context.settings) == "current":
        return
    why_not = producer.why_not(context.folder, context.settings)
    if why_not is not None:
        raise InputError(why_not)
    context.progress(producer.name, 0, 1)
    key = score_id(context.folder, producer, context.settings)  # decisions may change while it computes
    write_scores(context.folder, producer, context.settings, producer.compute(context), key)
    context.progress(producer.name, 1, 1)


COMMANDS = {
    "checkpoints": "train",
    "rows": "precompute",
    "predictions": "precompute",
    "index": "precompute",
    "influence": "influence",
}
