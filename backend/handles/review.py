"""`Workspace.review`: decisions about training rows, versions of them, patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as replace_in
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from backend.data.conversation import Conversation, Target
from backend.data.corrections import rewritten, with_mask, without_turn
from backend.data.decided import check_storable
from backend.data.messages import shown_value
from backend.data.rowstate import Action, RowState
from backend.data.targets.registry import space_of
from backend.data.targets.space import Space
from backend.data.targets.typed import Typed
from backend.errors import InputError
from backend.handles.handle import Handle
from backend.review.author import default_author
from backend.review.decide import decide
from backend.review.diff import Diff, diff
from backend.review.ledger import Ledger, LogEntry
from backend.review.restore import restore
from backend.review.steps import label_of
from backend.review.versions import NOW, Version, freeze, last_moment, moment, versions

if TYPE_CHECKING:
    from backend.interchange.decisions_file import DecisionsFile, Reading
    from backend.review.patch_import import PatchPlan


class Review(Handle):
    """What people decide about training rows: an append-only log, and what follows from it."""

    @property
    def ledger(self) -> Ledger:
        """The append-only log of decisions."""
        return Ledger(self._folder.review)

    @property
    def _space(self) -> Space:
        return space_of(self._folder.manifest().task)

    def decide(
        self,
        action: Action,
        rows: Sequence[str],
        *,
        label: Typed | None = None,
        reason: str = "",
        author: str | None = None,
        origin: str = "api",
        seen: Mapping[str, RowState | None] | None = None,
    ) -> int:
        """Keep, flag, remove or relabel training rows, at once and undoable; returns the batch number.

        ``seen``: the states known to whoever decides; what someone else has decided since is not overridden
        (see `backend.review.decide`).
        """
        return decide(
            self.ledger,
            self._split("train"),
            self._space,
            action,
            rows,
            label=label,
            reason=reason,
            author=author or default_author(),
            origin=origin,
            seen=seen,
            holdable=partial(check_storable, self._split("train"), self._folder.manifest().task),
        )

    def check_relabel(self) -> None:
        """`InputError` where rows have no labels to choose, but texts, which `correct` edits."""
        if self._space.edit == "text":
            raise InputError("relabel: the rows of a language model have answers, which `correct` edits")

    def keep(self, *rows: str, reason: str = "") -> int:
        """Note that rows were looked at and are fine."""
        return self.decide("keep", rows, reason=reason)

    def flag(self, *rows: str, reason: str = "") -> int:
        """Mark rows for a second look; they stay in the data."""
        return self.decide("flag", rows, reason=reason)

    def remove(self, *rows: str, reason: str = "") -> int:
        """Take rows out of the cleaned data."""
        return self.decide("remove", rows, reason=reason)

    def relabel(self, row: str, label: str, *, reason: str = "") -> int:
        """Give a row another label in the cleaned data."""
        self.check_relabel()
        return self.decide("relabel", [row], label=label, reason=reason)

    def correct(
        self,
        row: str,
        text: str | None = None,
        *,
        turn: int | None = None,
        drop: int | None = None,
        mask: tuple[int, int] | None = None,
        reason: str = "",
        author: str | None = None,
        origin: str = "api",
        seen: Mapping[str, RowState | None] | None = None,
    ) -> int:
        """Correct what a row teaches a language model, on top of what was corrected before; undoable.

        One of: another ``text`` for a learnt turn; ``drop``, a turn to take out; ``mask``, start and end of
        characters of a learnt turn that are taken out of the loss. ``turn``, ``drop``: the number of a turn
        of the row as imported, from 0; ``turn`` may be left out where one is learnt. Returns the batch
        number. `InputError` for what is no such turn, or where nothing would be left to learn.
        """
        if self._space.edit != "text":
            raise InputError("correct: for language models; give a row another label with relabel")
        state = self.ledger.state(row)
        target = self._corrected(row, state, text, turn, drop, mask).text()
        return self.decide(
            "relabel",
            [row],
            label=target,
            reason=reason,
            author=author,
            origin=origin,
            seen={row: state} if seen is None else seen,
        )

    def _corrected(
        self,
        row: str,
        state: RowState | None,
        text: str | None,
        turn: int | None,
        drop: int | None,
        mask: tuple[int, int] | None,
    ) -> Target:
        if (text is not None) + (drop is not None) + (mask is not None) != 1:
            raise InputError("correct: give another text, a turn to drop, or characters to mask: one of them")
        if drop is not None and turn is not None:
            raise InputError("correct: a turn to drop is named alone")
        split = self._split("train")
        at = split.position(row)
        now = label_of(state, split.labels[at]) or ""
        found = Conversation.of(split.texts_of(at)[0], now)
        try:
            if text is not None:
                return rewritten(found, text, turn)
            if drop is not None:
                return without_turn(found, drop)
            start, end = mask or (0, 0)
            return with_mask(found, start, end, turn)
        except InputError as error:
            raise InputError(f"correct {shown_value(row)}: {error}") from error

    def undo(
        self, batch: int | None = None, *, author: str | None = None, origin: str = "api"
    ) -> list[LogEntry]:
        """Take the newest decision back, or that of ``batch``; returns the entries taken back."""
        return self.ledger.undo(batch, author=author or default_author(), origin=origin)

    def redo(
        self, batch: int | None = None, *, author: str | None = None, origin: str = "api"
    ) -> list[LogEntry]:
        """Bring back what was undone last, or ``batch``."""
        return self.ledger.redo(batch, author=author or default_author(), origin=origin)

    def states(self) -> dict[str, RowState]:
        """The decided state of every row that has one, derived from the log."""
        return self.ledger.states()

    def log(self, row: str | None = None, limit: int | None = None, offset: int = 0) -> list[LogEntry]:
        """The log, newest first."""
        return self.ledger.entries(row, limit, offset)

    def freeze(self, message: str, *, author: str | None = None) -> Version:
        """Name the decisions in force now: v1, v2, ...; `InputError` if nothing is new since the last."""
        return freeze(self.ledger, message, author=author or default_author())

    def versions(self) -> list[Version]:
        """All versions, the oldest first."""
        return versions(self.ledger)

    def diff(self, before: str | None = None, after: str = NOW) -> Diff:
        """Rows that are decided otherwise at ``after`` than at ``before`` (default: the last version).

        Names are those of versions, ``raw`` (the data as they came) and ``now``.
        """
        ledger = self.ledger
        start = last_moment(ledger) if before is None else moment(ledger, before)
        return diff(ledger, self._split("train"), start, moment(ledger, after))

    def restore(self, version: str, *, author: str | None = None, origin: str = "api") -> int:
        """Decide as ``version`` (or ``raw``) does, as one undoable batch; returns its number."""
        return restore(
            self.ledger, self._split("train"), version, author=author or default_author(), origin=origin
        )

    def patch_dry_run(
        self, source: str, *, replace: bool = False, reading: Reading | None = None
    ) -> PatchPlan:
        """What `import_patch` would do with every row of a file; nothing is written."""
        from backend.review.patch_import import plan

        found, states = self._decisions_in(source, reading), self.states()
        made = plan(found.rows, self._split("train"), self._space, states, replace=replace)
        return replace_in(made, kind=found.kind, notes=tuple(found.notes))

    def _decisions_in(self, source: str, reading: Reading | None) -> DecisionsFile:
        from backend.interchange.decisions_file import Reading, read_decisions

        labels = {row: each.label for row, each in self.states().items() if each.label is not None}
        return read_decisions(source, reading or Reading(), self._split("train"), self._space, labels)

    def import_patch(
        self,
        source: str,
        *,
        replace: bool = False,
        reading: Reading | None = None,
        author: str | None = None,
        origin: str = "api",
    ) -> tuple[int, PatchPlan]:
        """Decide as a file says, as one undoable batch: its number, and what became of every row.

        The file is a patch, or an export of Argilla, Label Studio or cleanlab: ``reading`` says how to read
        it (`backend.interchange.decisions_file`). Rows that are decided otherwise here stay as they
        are, unless ``replace``.
        """
        from backend.review.patch_import import import_patch

        found = self._decisions_in(source, reading)
        batch, made = import_patch(
            self.ledger,
            self._split("train"),
            self._space,
            found.rows,
            name=Path(source).name,
            replace=replace,
            author=author or default_author(),
            origin=origin,
        )
        return batch, replace_in(made, kind=found.kind, notes=tuple(found.notes))
