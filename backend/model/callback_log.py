"""What `backend.FirstwordCallback` wrote into a run: rates and rows of every update, tokens of every row.

Its files are other people's: what has not the right shape is passed over, as a line cut short by a kill is.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from backend.model.rates import is_rate

FOLDER = "firstword"  # as in backend/callback.py, which needs transformers
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,15})")
_FIRST, _ROWS = "steps.jsonl", re.compile(r"rows-[0-9a-f]{16}\.jsonl")
_MOST = 10_000  # processes
_LONGEST = 2**26  # bytes of a line: an update of some million rows


@dataclass(frozen=True)
class Update:
    """One step of the optimizer.

    ``rates`` by group of parameters; ``group``: that of the word embeddings, None where they are in none;
    ``trained``: whether they require a gradient. ``batches``: row numbers of the trainer's data, batch by
    batch; None where they are not known. ``skipped``: nothing moved (an overflow of fp16).
    """

    step: int
    rates: tuple[float, ...]
    group: int | None
    trained: bool | None
    batches: tuple[tuple[int, ...], ...] | None
    skipped: bool = False


@dataclass(frozen=True)
class PreparedRow:
    """A row as the trainer got it; ``labelled``: tokens with a label, ``lengths``: rows packed in it."""

    tokens: int
    digest: str
    labelled: int | None = None
    lengths: tuple[int, ...] | None = None


@dataclass(frozen=True)
class CallbackLog:
    """``arguments`` and ``versions`` as the last start of the run wrote them, ``updates`` by step."""

    arguments: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    data_rows: int | None = None
    rows_file: Path | None = None
    updates: tuple[Update, ...] = ()
    saves: dict[int, str] = field(default_factory=dict)
    """By step the digest of the state that was saved with the checkpoint."""
    why_not: str | None = None
    """Why the order of rows is not known for all steps; None where it is."""

    def mean_rate(self, after: int, upto: int) -> float:
        """Mean of `rates` over the updates in (after, upto], all of which it `covers`."""
        within = [rate for step, rate in self.rates() if after < step <= upto]
        return math.fsum(within) / len(within)

    def rates(self) -> list[tuple[int, float]]:
        """Step and learning rate of the word embeddings' group, 0 where an update was skipped.

        Embeddings that are in no group were not trained; the first group's rates stand for them.
        """
        found = [each for each in self.updates if each.rates]
        return [(each.step, 0.0 if each.skipped else each.rates[each.group or 0]) for each in found]

    def covers(self, step: int) -> bool:
        """Whether every step up to this one has its rates."""
        known = {each.step for each in self.updates if each.rates}
        return step > 0 and all(each in known for each in range(1, step + 1))

    def seen(self, upto: int | None = None) -> dict[int, list[int]] | None:
        """By row number the steps in which it was trained, once for every time; None where not known."""
        wanted = [each for each in self.updates if upto is None or each.step <= upto]
        if self.why_not is not None or not wanted:
            return None
        first, last = wanted[0].step, wanted[-1].step
        if first != 1 or last != len(wanted) or (upto or 0) > last:
            return None
        steps: dict[int, list[int]] = {}
        for each in wanted:
            for row in (row for batch in each.batches or () for row in batch):
                steps.setdefault(row, []).append(each.step)
        return steps

    def rows(self) -> list[PreparedRow] | None:
        """The trainer's rows in its order; None where they were not written down or the file is damaged."""
        if self.rows_file is None:
            return None
        found = [_prepared(line) for line in _lines(self.rows_file)]
        whole = [each for each in found if each is not None]
        return whole if whole and len(whole) == len(found) == self.data_rows else None


def read_callback_log(run: Path) -> CallbackLog | None:
    """What the callback wrote into a run's output folder.

    None where it wrote nothing that can be read, or the last checkpoint is of another training.

    Of a run that was resumed or begun anew, what a later start did again replaces what an earlier one did.
    Processes of one run (``steps-1.jsonl``) each trained rows of their own: they are put together.
    """
    folder = run / FOLDER
    first = _one(folder, folder / _FIRST)
    if first is None or not _is_of(run, first):
        return None
    processes = first.arguments.get("world_size")
    others = range(1, processes if isinstance(processes, int) and processes < _MOST else 1)
    parts = [_one(folder, folder / f"steps-{rank}.jsonl") for rank in others]
    found = [first, *(each for each in parts if each is not None)]
    together = _together([each.updates for each in found])
    why_not = next((each.why_not for each in found if each.why_not), None)
    if isinstance(processes, int) and processes > len(found):
        why_not = why_not or f"of {processes} processes {len(found)} wrote their rows down"
    if why_not is None and any(each.batches is None for each in together):
        why_not = "the rows of some steps were not seen"
    return replace(first, updates=together, why_not=why_not)


def _is_of(run: Path, log: CallbackLog) -> bool:
    """Whether the last checkpoint, if there is one, is one that this log saw being saved."""
    steps = [int(found[1]) for each in run.iterdir() if (found := _CHECKPOINT.fullmatch(each.name))]
    if not steps:
        return True
    try:
        state = (run / f"checkpoint-{max(steps)}" / "trainer_state.json").read_bytes()
    except OSError:
        return False
    return log.saves.get(max(steps)) == hashlib.blake2b(state, digest_size=8).hexdigest()


def _one(folder: Path, path: Path) -> CallbackLog | None:
    log: CallbackLog | None = None
    updates: dict[int, Update] = {}
    saves: dict[int, str] = {}
    doubts: list[tuple[int, str]] = []
    for line in _lines(path):
        event = line.get("event") if isinstance(line, dict) else None
        step = line.get("step") if isinstance(line, dict) else None
        if not isinstance(step, int) or not 0 <= step < 2**53:
            continue
        if event == "begin":
            updates = {each: known for each, known in updates.items() if each <= step}
            saves = {each: known for each, known in saves.items() if each <= step}
            doubts = [each for each in doubts if each[0] <= step]
            log, doubt = _begun(folder, line, log if updates else None)
            doubts += [(step, doubt)] if doubt else []
        elif event == "doubt":
            doubts.append((step, str(line.get("why"))))
        elif event == "save":
            saves[step] = str(line.get("state"))
        elif event == "step" and (update := _update(step, line)) is not None:
            updates[step] = update
    if log is None:
        return None
    ordered = tuple(updates[step] for step in sorted(updates))
    return replace(log, updates=ordered, saves=saves, why_not=doubts[0][1] if doubts else None)


def _begun(folder: Path, line: dict[str, Any], before: CallbackLog | None) -> tuple[CallbackLog, str | None]:
    """What a start of the run says, ``before`` what it goes on; and why the order of rows is doubtful."""
    named = line.get("rows")
    file = folder / named if isinstance(named, str) and _ROWS.fullmatch(named) else None
    arguments, versions, count = line.get("arguments"), line.get("versions"), line.get("data_rows")
    log = CallbackLog(
        arguments if isinstance(arguments, dict) else {},
        {str(k): str(v) for k, v in versions.items()} if isinstance(versions, dict) else {},
        count if isinstance(count, int) else None,
        file,
    )
    if line.get("order") is not True:
        return log, str(line.get("why_not"))
    if before is not None and (before.rows_file, before.data_rows) != (file, log.data_rows):
        return log, "the run was resumed with other data"
    return log, None


def _update(step: int, line: dict[str, Any]) -> Update | None:
    rates, group, trained = (
        line.get(name) for name in ("rates", "embedding_group", "embedding_requires_grad")
    )
    usable = isinstance(rates, list) and all(is_rate(each) for each in rates)
    usual = tuple(float(each) for each in rates) if usable and rates is not None else ()
    inside = isinstance(group, int) and 0 <= group < len(usual)
    return Update(
        step,
        usual,
        group if inside else None,
        trained if isinstance(trained, bool) else None,
        _batches(line.get("batches")),
        line.get("skipped") is True,
    )


def _batches(value: object) -> tuple[tuple[int, ...], ...] | None:
    if not isinstance(value, list) or not all(isinstance(batch, list) for batch in value):
        return None
    whole = all(isinstance(row, int) and row >= 0 for batch in value for row in batch)
    return tuple(tuple(batch) for batch in value) if whole else None


def _together(parts: Sequence[tuple[Update, ...]]) -> tuple[Update, ...]:
    """Updates of all processes: rates are the same in all, rows are each one's own."""
    found = {each.step: each for each in parts[0]}
    for part in parts[1:]:
        others = {each.step: each for each in part}
        for step, known in found.items():
            more = others[step].batches if step in others else None
            both = None if more is None or known.batches is None else known.batches + more
            found[step] = replace(known, batches=both)
    return tuple(found[step] for step in sorted(found))


def _prepared(line: object) -> PreparedRow | None:
    if not isinstance(line, dict):
        return None
    tokens, digest, labelled, lengths = (
        line.get(name) for name in ("tokens", "digest", "labelled", "lengths")
    )
    if not isinstance(tokens, int) or not isinstance(digest, str):
        return None
    packed = isinstance(lengths, list) and all(isinstance(each, int) for each in lengths)
    return PreparedRow(
        tokens,
        digest,
        labelled if isinstance(labelled, int) else None,
        tuple(lengths) if packed and lengths is not None else None,
    )


def _lines(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as file:
            while line := file.readline(_LONGEST):
                try:
                    yield json.loads(line)
                except (ValueError, RecursionError):
                    continue
    except OSError:
        return
