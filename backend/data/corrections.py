"""Correcting what a row teaches a language model: another answer, a turn taken out, words out of the loss.

Turns are counted as in the row as imported, from 0. Every correction gives a target of the row, which is
kept like any other new label (`backend.review`).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from backend.data.conversation import Conversation, Target, Turn
from backend.data.conversations import ANSWERED, TOOLS, call_ids, calls_tools
from backend.data.spans import merged, without
from backend.errors import InputError


def rewritten(row: Conversation, text: str, number: int | None = None) -> Target:
    """With another text in a learnt turn, the only one if none is named; what was masked there no longer is.

    `InputError` for a turn that is not learnt or was taken out, and for a text that is blank or there
    already.
    """
    turn = _learnt_turn(row, number)
    if text == turn.text:
        raise InputError(f"turn {turn.number} has this text already")
    return _target(row, replace(turn, text=text, masked=()))


def with_mask(row: Conversation, start: int, end: int, number: int | None = None) -> Target:
    """With the characters from ``start`` to before ``end`` of a learnt turn out of the loss, too.

    `InputError` where there are no such characters, or nothing would be left to learn.
    """
    turn = _learnt_turn(row, number)
    size = len(turn.text)
    if not 0 <= start < end <= size:
        raise InputError(f"mask {start}:{end}: turn {turn.number} has the characters 0:{size}")
    masked = merged([*turn.masked, (start, end)])
    if masked == turn.masked:
        raise InputError(f"mask {start}:{end}: these characters are out of the loss already")
    return _target(row, replace(turn, masked=masked))


def without_turn(row: Conversation, number: int) -> Target:
    """Without a turn. `InputError` for what is no chat, no such turn, or where no answer would be left."""
    if not row.chat:
        raise InputError("turns can be taken out of conversations only; remove the row")
    turn = _turn(row, number)
    without = replace(row, removed=row.removed | {turn.number})
    check_calls(without)
    return _target(without)


def check_target(context: str, target: str) -> None:
    """`InputError` unless a text is a target of the row, spelled as it is kept."""
    try:
        row = Conversation.of(context, target)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"is no target of the row ({error})") from error
    _target(row)
    apart = all(each.masked == merged(each.masked) for each in row.turns)
    if row.target().text() != target or not apart:
        raise InputError("is a target that is not spelled as it is kept")
    if row.removed and not row.chat:
        raise InputError("turns can be taken out of conversations only")


def fits(context: str, target: str) -> bool:
    """Whether a text is a target of the row."""
    try:
        check_target(context, target)
    except InputError:
        return False
    return True


def _target(row: Conversation, changed: Turn | None = None) -> Target:
    """The target of the row with a turn in the place of its own; `InputError` if nothing is left to learn."""
    turns = tuple(changed if changed and changed.number == each.number else each for each in row.turns)
    found = replace(row, turns=turns)
    left = [each for each in found.shown if each.learnt]
    if blank := next((each for each in left if not each.text.strip() and not calls_tools(each.more)), None):
        raise InputError(f"turn {blank.number}: the text is blank; take the turn out, or remove the row")
    if not left:
        raise InputError("no answer would be left to learn; remove the row")
    if all(each.masked and not without(each.text, each.masked).strip() for each in left):
        raise InputError("no word would be left to learn; remove the row")
    return found.target()


def check_calls(row: Conversation) -> None:
    """`InputError` where a call of a tool was taken out, and what the tool answered is still there: what
    names the call, or stands right behind it where calls have no names."""
    for call in row.turns:
        if call.number not in row.removed or not calls_tools(call.more):
            continue
        left = next((each for each in _answers(row, call) if each.number not in row.removed), None)
        if left is not None:
            told = f"turn {left.number} ({left.role}) answers what turn {call.number} calls"
            raise InputError(f"{told}; take {left.number} out first")


def _answers(row: Conversation, call: Turn) -> list[Turn]:
    """What tools said to a turn's calls."""
    behind = row.turns[call.number + 1 :]
    named = call_ids(call.more)
    if any(each.more.get(ANSWERED) in named for each in behind):
        return [each for each in behind if each.more.get(ANSWERED) in named]
    return list(takewhile(lambda each: each.role in TOOLS and not each.more.get(ANSWERED), behind))


def _learnt_turn(row: Conversation, number: int | None) -> Turn:
    learnt = [each for each in row.shown if each.learnt]
    listed = ", ".join(str(each.number) for each in learnt)
    if number is None:
        if len(learnt) > 1:
            raise InputError(f"several turns are learnt; say which with --turn: {listed}")
        return learnt[0]
    turn = _turn(row, number)
    if not turn.learnt:
        raise InputError(f"turn {number} ({turn.role}) is not learnt; those that are: {listed}")
    return turn


def _turn(row: Conversation, number: int) -> Turn:
    found = next((each for each in row.turns if each.number == number), None)
    if found is None:
        raise InputError(f"there is no turn {number}; the row has turns 0 to {len(row.turns) - 1}")
    if number in row.removed:
        raise InputError(f"turn {number} was taken out; undo that first")
    return found
