"""Taking over the decisions of a patch: what would become of each row, and the batch that does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import replace as dataclass_replace
from functools import cached_property
from typing import Any, Literal, get_args

from backend.data.corrections import fits
from backend.data.dataset import Split
from backend.data.messages import shown_name
from backend.data.patch import PatchRow
from backend.data.rowstate import RowState
from backend.data.targets.registry import holds
from backend.data.targets.space import Space
from backend.data.write_table import undefused
from backend.errors import InputError
from backend.review.checks import check_reason
from backend.review.ledger import Ledger, Step
from backend.review.steps import given_labels, same, steps_to

Outcome = Literal["applies", "so already", "decided otherwise here", "unknown id", "no class", "another row"]
MEANINGS: dict[Outcome, str] = {
    "applies": "decided as the patch says",
    "so already": "is decided so here; nothing changes",
    "decided otherwise here": "what is decided here stays, unless the patch is to replace it",
    "unknown id": "no training row here has this id; left out",
    "no class": "the new label is none that these data can have; left out",
    "another row": "the row of this id has another text or label here; left out",
}
_NOTE = 200  # characters of a file's name that the log keeps


@dataclass(frozen=True)
class PatchPlan:
    """What becomes of every row of a patch, in its order; ``odd``: what is unlike all training rows in it.

    ``kind``: what the file was, if not a patch of our own; ``notes``: what there is to say about it.
    """

    rows: tuple[tuple[PatchRow, Outcome], ...]
    odd: tuple[str, ...] = ()
    kind: str = "patch"
    notes: tuple[str, ...] = ()

    @cached_property
    def counts(self) -> dict[Outcome, int]:
        """Rows of each outcome, zeros included."""
        found = Counter(outcome for _, outcome in self.rows)
        return {each: found[each] for each in get_args(Outcome)}

    def of(self, outcome: Outcome) -> list[PatchRow]:
        """The rows with that outcome."""
        return [row for row, each in self.rows if each == outcome]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a program."""
        rows = [{**asdict(row), "outcome": each} for row, each in self.rows]
        return {
            "from": self.kind,
            "counts": self.counts,
            "rows": rows,
            "odd": list(self.odd),
            "notes": list(self.notes),
        }


def plan(
    patch: Sequence[PatchRow],
    train: Split,
    space: Space,
    states: Mapping[str, RowState],
    *,
    replace: bool,
) -> PatchPlan:
    """What applying ``patch`` to these ``states`` would do; ``replace``: it overrules decisions here.

    `InputError` for a reason that the log cannot hold.
    """
    for row in patch:
        _check_reason(row)
    read = [_read(row, space) for row in patch]
    found = PatchPlan(tuple((row, _outcome(row, train, space, states, replace)) for row in read))
    odd = [(row.id, space.oddity(row.label)) for row in found.of("applies") if row.label is not None]
    return dataclass_replace(found, odd=tuple(f"{shown_name(row)}: {said}" for row, said in odd if said))


def import_patch(
    ledger: Ledger,
    train: Split,
    space: Space,
    patch: Sequence[PatchRow],
    *,
    name: str,
    replace: bool,
    author: str,
    origin: str,
) -> tuple[int, PatchPlan]:
    """Log what applies of ``patch`` as one batch; its number, and what became of every row.

    `InputError` if nothing applies; then nothing is logged. What is decided here is read in the
    transaction that writes.
    """
    done: list[PatchPlan] = []
    name = shown_name(name)[:_NOTE]

    def steps(present: dict[str, RowState]) -> list[Step]:
        found = plan(patch, train, space, present, replace=replace)
        done.append(found)
        wanted = {row.id: _state(row) for row in found.of("applies")}
        if not wanted:
            others = ", ".join(f"{n:,} {each}" for each, n in found.counts.items() if n)
            raise InputError(f"{name}: no row of this patch applies ({others})")
        return steps_to(wanted, present, given_labels(train))

    batch = ledger.bring_about(steps, note=f"import {name}", author=author, origin=origin)
    return batch, done[-1]


def _read(row: PatchRow, space: Space) -> PatchRow:
    """The row with its targets spelled as they are kept, where they are such."""
    return dataclass_replace(row, label=_spelled(row.label, space), old_label=_spelled(row.old_label, space))


def _spelled(target: str | None, space: Space) -> str | None:
    try:
        return None if target is None else space.read(target)
    except InputError:
        return target


def _outcome(
    row: PatchRow, train: Split, space: Space, states: Mapping[str, RowState], replace: bool
) -> Outcome:
    if not train.has(row.id):
        return "unknown id"
    if row.label is not None and not holds(space, row.label):
        return "no class"
    at = train.position(row.id)
    if not _is_row(row, train, at):
        return "another row"
    if row.label is not None and space.edit == "text" and not fits(train.texts_of(at)[0], row.label):
        return "no class"
    state = states.get(row.id)
    if same(state, _state(row)):
        return "so already"
    return "applies" if state is None or replace else "decided otherwise here"


def _is_row(row: PatchRow, train: Split, at: int) -> bool:
    """Whether what the patch says about the row, as far as it does, is true of the row here."""
    if row.old_label is not None and row.old_label != train.labels[at]:
        return False
    texts = (*train.texts_of(at), None)[:2]
    return all(
        said is None or here is None or said in (here, undefused(here))  # exported with --no-defuse
        for said, here in zip((row.text, row.text_b), texts, strict=True)
    )


def _state(row: PatchRow) -> RowState:
    return RowState(row.action, row.label, row.reason, "", "")


def _check_reason(row: PatchRow) -> None:
    try:
        check_reason(row.reason)
    except InputError as error:
        raise InputError(f"{row.where}, {error}") from error
