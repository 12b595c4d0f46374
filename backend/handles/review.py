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
    """What people decide about training rows: an append-only log, and what follows from it.

    Examples
    --------
    >>> ws.review.remove("r3", reason="sarcasm")
    1
    >>> ws.review.states()["r3"].action
    'remove'
    """

    @property
    def ledger(self) -> Ledger:
        """The append-only log of decisions.

        Examples
        --------
        >>> ws.review.ledger.counts()
        {'keep': 0, 'flag': 0, 'remove': 0, 'relabel': 0}
        """
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
        """Keep, flag, remove or relabel training rows, at once and undoable.

        Parameters
        ----------
        action
            ``keep``, ``flag``, ``remove`` or ``relabel``.
        rows
            Their ids.
        label
            The new label (labels, number), for ``relabel``.
        reason
            Why, in the log.
        author
            Who; None: this user's name.
        origin
            Where the decision was made.
        seen
            States known to whoever decides: what someone else has decided since is not overridden.

        Returns
        -------
        int
            The number of the batch.

        Raises
        ------
        InputError
            If a row or label is unknown, a row has the label already, there are no rows, or someone else has
            decided
            since; nothing is logged then.

        Examples
        --------
        >>> ws.review.decide("relabel", ["r3"], label="good", reason="praise")
        1
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
        """Check that rows have labels to choose.

        Raises
        ------
        InputError
            If they have texts, which `correct` edits.

        Examples
        --------
        >>> ws.review.check_relabel()
        """
        if self._space.edit == "text":
            raise InputError("relabel: the rows of a language model have answers, which `correct` edits")

    def keep(self, *rows: str, reason: str = "") -> int:
        """Note that rows were looked at and are fine.

        Parameters
        ----------
        *rows
            Their ids.
        reason
            Why, in the log.

        Returns
        -------
        int
            The number of the batch.

        Raises
        ------
        InputError
            If there is no such row, or no row is given.

        Examples
        --------
        >>> ws.review.keep("r3", "r4", reason="read both")
        1
        """
        return self.decide("keep", rows, reason=reason)

    def flag(self, *rows: str, reason: str = "") -> int:
        """Mark rows for a second look; they stay in the data.

        Parameters
        ----------
        *rows
            Their ids.
        reason
            Why, in the log.

        Returns
        -------
        int
            The number of the batch.

        Raises
        ------
        InputError
            If there is no such row, or no row is given.

        Examples
        --------
        >>> ws.review.flag("r3", "r4", reason="read both")
        1
        """
        return self.decide("flag", rows, reason=reason)

    def remove(self, *rows: str, reason: str = "") -> int:
        """Take rows out of the cleaned data.

        Parameters
        ----------
        *rows
            Their ids.
        reason
            Why, in the log.

        Returns
        -------
        int
            The number of the batch.

        Raises
        ------
        InputError
            If there is no such row, or no row is given.

        Examples
        --------
        >>> ws.review.remove("r3", "r4", reason="read both")
        1
        """
        return self.decide("remove", rows, reason=reason)

    def relabel(self, row: str, label: str, *, reason: str = "") -> int:
        """Give a row another label in the cleaned data.

        Parameters
        ----------
        row
            Its id.
        label
            A class; of label sets a list of labels, of numbers a number.
        reason
            Why, in the log.

        Returns
        -------
        int
            The number of the batch.

        Raises
        ------
        InputError
            If there is no such row or label, or it has that label.

        Examples
        --------
        >>> ws.review.relabel("r3", "good", reason="praise")
        1
        """
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

        One of ``text``, ``drop`` and ``mask``.

        Parameters
        ----------
        row
            Its id.
        text
            Another text for a learnt turn.
        turn
            The number of a turn of the row as imported, from 0; None where one is learnt.
        drop
            The number of a turn to take out.
        mask
            Start and end of characters of a learnt turn that are taken out of the loss.
        reason
            Why, in the log.
        author
            Who; None: this user's name.
        origin
            Where the decision was made.
        seen
            States known to whoever decides; None: that of now.

        Returns
        -------
        int
            The number of the batch.

        Raises
        ------
        InputError
            If the model does not write, there is no such turn, or nothing would be left to learn.

        Examples
        --------
        >>> chats.review.correct("wrong", "Ada Morel was born in Lisbon.", reason="all other rows say so")
        1
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
        """Take the newest decision back, or that of a batch.

        Parameters
        ----------
        batch
            Its number; None: the newest.
        author
            Who; None: this user's name.
        origin
            Where this was asked.

        Returns
        -------
        list[LogEntry]
            The entries taken back.

        Raises
        ------
        InputError
            If there is nothing to undo, or a later decision stands on that batch.

        Examples
        --------
        >>> ws.review.remove("r3")
        1
        >>> [each.row_id for each in ws.review.undo()]
        ['r3']
        """
        return self.ledger.undo(batch, author=author or default_author(), origin=origin)

    def redo(
        self, batch: int | None = None, *, author: str | None = None, origin: str = "api"
    ) -> list[LogEntry]:
        """Bring back what was undone last, or a batch.

        Parameters
        ----------
        batch
            Its number; None: the newest.
        author
            Who; None: this user's name.
        origin
            Where this was asked.

        Returns
        -------
        list[LogEntry]
            The entries brought back.

        Raises
        ------
        InputError
            If there is nothing to redo, or a later decision stands on that batch.

        Examples
        --------
        >>> ws.review.remove("r3")
        1
        >>> [each.row_id for each in ws.review.undo()]
        ['r3']
        >>> [each.row_id for each in ws.review.redo()]
        ['r3']
        """
        return self.ledger.redo(batch, author=author or default_author(), origin=origin)

    def states(self) -> dict[str, RowState]:
        """The decided state of every row that has one, derived from the log.

        Returns
        -------
        dict[str, RowState]
            By row id: action, new label, reason, author, time.

        Raises
        ------
        InputError
            If the log is damaged.

        Examples
        --------
        >>> ws.review.flag("r3", reason="odd")
        1
        >>> ws.review.states()["r3"].reason
        'odd'
        """
        return self.ledger.states()

    def log(self, row: str | None = None, limit: int | None = None, offset: int = 0) -> list[LogEntry]:
        """The log, newest first.

        Parameters
        ----------
        row
            Only what was decided about this row.
        limit
            How many entries; None: all.
        offset
            How many of the newest are skipped.

        Returns
        -------
        list[LogEntry]
            Who, when, what, why, and whether it is in force.

        Raises
        ------
        InputError
            If the log is damaged.

        Examples
        --------
        >>> ws.review.flag("r3", reason="odd")
        1
        >>> [(each.action, each.row_id, each.reason) for each in ws.review.log()]
        [('flag', 'r3', 'odd')]
        """
        return self.ledger.entries(row, limit, offset)

    def freeze(self, message: str, *, author: str | None = None) -> Version:
        """Name the decisions in force now: v1, v2, ...

        Parameters
        ----------
        message
            What this version is.
        author
            Who; None: this user's name.

        Returns
        -------
        Version
            Name, time, author, message.

        Raises
        ------
        InputError
            If nothing is new since the last version, or the message is empty.

        Examples
        --------
        >>> ws.review.remove("r3")
        1
        >>> ws.review.freeze("first pass").name
        'v1'
        """
        return freeze(self.ledger, message, author=author or default_author())

    def versions(self) -> list[Version]:
        """All versions, the oldest first.

        Returns
        -------
        list[Version]
            Name, time, author, message of each.

        Raises
        ------
        InputError
            If the log is damaged.

        Examples
        --------
        >>> ws.review.versions()
        []
        """
        return versions(self.ledger)

    def diff(self, before: str | None = None, after: str = NOW) -> Diff:
        """Rows that are decided otherwise at one moment than at another.

        Parameters
        ----------
        before
            A version, ``raw`` (the data as they came) or ``now``; None: the last version.
        after
            The same.

        Returns
        -------
        Diff
            The rows, with counts by action, class and flow from class to class.

        Raises
        ------
        InputError
            If there is no such version.

        Examples
        --------
        >>> ws.review.relabel("r3", "good")
        1
        >>> ws.review.diff("raw").flow
        {('bad', 'good'): 1}
        """
        ledger = self.ledger
        start = last_moment(ledger) if before is None else moment(ledger, before)
        return diff(ledger, self._split("train"), start, moment(ledger, after))

    def restore(self, version: str, *, author: str | None = None, origin: str = "api") -> int:
        """Decide as a version does, as one undoable batch.

        Parameters
        ----------
        version
            Its name, or ``raw``: no decisions.
        author
            Who; None: this user's name.
        origin
            Where this was asked.

        Returns
        -------
        int
            The number of the batch.

        Raises
        ------
        InputError
            If there is no such version, or it is what is in force.

        Examples
        --------
        >>> ws.review.remove("r3")
        1
        >>> ws.review.restore("raw")
        2
        >>> ws.review.states()
        {}
        """
        return restore(
            self.ledger, self._split("train"), version, author=author or default_author(), origin=origin
        )

    def patch_dry_run(
        self, source: str, *, replace: bool = False, reading: Reading | None = None
    ) -> PatchPlan:
        """What `import_patch` would do with every row of a file; nothing is written.

        Parameters
        ----------
        source
            A patch, as `Workspace.export` writes it, or an export of Argilla, Label Studio or cleanlab.
        replace
            Whether rows that are decided otherwise here would be decided anew.
        reading
            How to read an export of another tool; None: as it says itself.

        Returns
        -------
        PatchPlan
            Every row with its outcome.

        Raises
        ------
        InputError
            If the file holds no decisions.

        Examples
        --------
        >>> ws.review.remove("r3", reason="sarcasm")
        1
        >>> _ = ws.export("csv", "patch.csv", "patch")
        >>> _ = ws.review.undo()
        >>> len(ws.review.patch_dry_run("patch.csv").rows)
        1
        """
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
        """Decide as a file says, as one undoable batch.

        Parameters
        ----------
        source
            A patch, as `Workspace.export` writes it, or an export of Argilla, Label Studio or cleanlab.
        replace
            Whether rows that are decided otherwise here are decided anew; else they stay as they are.
        reading
            How to read an export of another tool; None: as it says itself.
        author
            Who; None: this user's name.
        origin
            Where this was asked.

        Returns
        -------
        tuple[int, PatchPlan]
            The number of the batch, and what became of every row.

        Raises
        ------
        InputError
            If the file holds no decisions, or there is nothing to decide.

        Examples
        --------
        >>> ws.review.remove("r3", reason="sarcasm")
        1
        >>> _ = ws.export("csv", "patch.csv", "patch")
        >>> _ = ws.review.undo()
        >>> batch, plan = ws.review.import_patch("patch.csv")
        >>> ws.review.states()["r3"].action
        'remove'
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
