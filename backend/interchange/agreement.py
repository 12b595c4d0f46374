"""From what several people said about a row to one decision: where they agree, theirs; else a flag.

Who says the row's own label keeps it, who says another one relabels (or corrects) it; *remove* and *flag* are
answers of their own. All must say the same; with ``majority``, more than half of those who answered. The last
answer of a person counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.data.conversation import Conversation
from backend.data.corrections import rewritten
from backend.data.dataset import Split
from backend.data.markdown import visible
from backend.data.messages import listing, shown_label
from backend.data.patch import PatchRow
from backend.data.rowstate import Action
from backend.data.targets.space import Space
from backend.data.targets.typed import as_typed
from backend.errors import InputError
from backend.interchange.rows_meant import RowsMeant
from backend.interchange.said import (
    ACTIONS,
    LABEL,
    NOTE,
    OURS,
    ROW,
    ROW_ID,
    TURN,
    Judged,
    Judgements,
    Said,
    values_in,
)
from backend.review.checks import MAX_REASON


@dataclass(frozen=True)
class Verdict:
    """What one person wants: an action, for a relabelling the new target; ``told``: in words."""

    action: Action
    label: str | None
    told: str


def decisions(
    found: Judgements,
    train: Split,
    space: Space,
    labels: Mapping[str, str],
    *,
    question: str | None = None,
    majority: bool = False,
) -> tuple[list[PatchRow], list[str]]:
    """The rows of a patch, and what else there is to say.

    Args:
        labels: those in force, by id, of rows that have another one than they came with.
        question: which answers are the label's, where it is not called ``label``.

    `InputError` where it is not clear which question asks for the label.
    """
    asked = _question(found, question, space)
    rows = RowsMeant(train, labels)
    meant: dict[str, list[Judged]] = defaultdict(list)
    nameless = 0
    for record in found.records:
        row = rows.id_of(record)
        if row is None:
            nameless += 1
        else:
            meant[row].append(record)
    reader = _Reader(train, space, labels, asked, found.tool, majority)
    made = [reader.decided(row, records, rows) for row, records in meant.items()]
    decided = [each for each in made if each is not None]
    notes = [*found.notes]
    if nameless:
        notes.append(f"{nameless:,} records name no training row, by id or by a text that one row has alone")
    if silent := len(made) - len(decided):
        notes.append(f"{silent:,} rows have no answer yet, or were skipped")
    if not decided:
        raise InputError("no record decides anything: " + ("; ".join(notes) or "there is none"))
    return decided, notes


def _question(found: Judgements, question: str | None, space: Space) -> str:
    names = Counter(name for record in found.records for each in record.said for name in each.answers)
    if question is not None:
        if question not in names:
            raise InputError(f"--question {question}: nobody answered it; there are {listing(names)}")
        return question
    ours = all(ROW_ID in each.shown for each in found.records)
    others = [name for name in names if name not in OURS]
    if not others or (LABEL in names and (ours or not found.mixed)):
        return LABEL
    if len(others) == 1:
        return others[0]
    raise InputError(f"say which question asks for the label, with --question: {listing(others)}")


@dataclass(frozen=True)
class _Reader:
    train: Split
    space: Space
    labels: Mapping[str, str]
    question: str
    tool: str
    majority: bool

    def decided(self, row: str, records: Sequence[Judged], rows: RowsMeant) -> PatchRow | None:
        """What becomes of a row; None where nobody said anything about it."""
        where = records[0].where
        known = self.train.has(row)
        last: dict[str, tuple[str, Verdict]] = {}
        said = [(record, each) for record in records for each in record.said]
        for at, (record, each) in enumerate(said, start=1):
            verdict = self._verdict(row if known else None, record, each)
            who = each.who or f"someone {at}"  # who has no name is somebody else each time
            if verdict is not None and each.when >= last.get(who, ("", verdict))[0]:
                last[who] = each.when, verdict
        if not last:
            return None
        verdict, why = self._agreed({who: each for who, (_, each) in last.items()})
        notes = [str(text) for _, each in said for text in values_in(each.answers.get(NOTE))]
        reason = _one_line("; ".join([f"{self.tool}: {why}", *dict.fromkeys(notes)]))
        other = known and not all(rows.same_texts(row, each) for each in records)
        own = self.train.texts_of(self.train.position(row))[0] if known else None
        return PatchRow(
            where, row, verdict.action, verdict.label, reason, text=f"not {own}" if other else own
        )

    def _agreed(self, of: Mapping[str, Verdict]) -> tuple[Verdict, str]:
        """The decision, and who said what."""
        votes: dict[tuple[Action, str | None], list[str]] = defaultdict(list)
        told = {(each.action, each.label): each.told for each in of.values()}
        for who, each in of.items():
            votes[each.action, each.label].append(who)
        most = max(votes, key=lambda each: len(votes[each]))
        said = ", ".join(f"{told[each]} ({', '.join(people)})" for each, people in votes.items())
        if len(votes) == 1 or (self.majority and 2 * len(votes[most]) > len(of)):
            return Verdict(*most, told[most]), said
        return Verdict("flag", None, "flag"), f"no agreement: {said}"

    def _verdict(self, row: str | None, record: Judged, said: Said) -> Verdict | None:
        ours = ROW_ID in record.shown
        actions = [each for each in values_in(said.answers.get(ROW)) if each in ACTIONS] if ours else []
        if actions and actions[0] != "keep":
            return Verdict(actions[0], None, actions[0])
        cell = said.answers.get(self.question)
        chosen = [cell] if self.space.edit == "text" and isinstance(cell, str) and cell else values_in(cell)
        if not chosen:
            return Verdict("keep", None, "keep") if actions else None
        return self._about_label(row, record, chosen)

    def _about_label(self, row: str | None, record: Judged, chosen: list[Any]) -> Verdict:
        """Keep for the label that the row came with, else another label; what is none stays as it is."""
        typed = [as_typed(each) if isinstance(each, str | int | float) else str(each) for each in chosen]
        if len(typed) > 1 and self.space.edit != "choose many":
            return Verdict("flag", None, f"several at once: {' and '.join(map(shown_label, typed))}")
        given = None if row is None else self.train.labels[self.train.position(row)]
        try:
            target = self._target(row, record, typed)
        except InputError:  # what was chosen stands as it is, and is refused as no label here
            target = as_typed(typed) if self.space.edit == "choose many" else typed[0]
        told = shown_label(self.space.shown(target))
        return Verdict("keep", None, told) if target == given else Verdict("relabel", target, told)

    def _target(self, row: str | None, record: Judged, typed: list[str]) -> str:
        if self.space.edit != "text" or row is None:
            return self.space.read(as_typed(typed) if self.space.edit == "choose many" else typed[0])
        at = self.train.position(row)
        now = self.labels.get(row, self.train.labels[at])
        conversation = Conversation.of(self.train.texts_of(at)[0], now)
        turn = answered_turn(conversation, record.shown.get(TURN))
        if typed[0] == conversation.turns[turn].text:
            return now
        return rewritten(conversation, typed[0], turn).text()


def answered_turn(conversation: Conversation, said: object = None) -> int:
    """The number of the learnt turn that goes out and comes back: the one that is ``said``, else the last."""
    learnt = [each.number for each in conversation.shown if each.learnt]
    number = int(said) if isinstance(said, int | str) and str(said).isdecimal() else learnt[-1]
    if number not in learnt:
        raise InputError(f"turn {number} of the row is not learnt")
    return number


def _one_line(text: str) -> str:
    """A reason that the log can hold."""
    line = visible(text)
    return line if len(line) <= MAX_REASON else f"{line[: MAX_REASON - 1]}…"
