"""Decisions from the app: callbacks that store at once, say what was done, and can be undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backend.data.rowstate import Action, RowState
from backend.data.targets.space import Space
from backend.review.author import default_author
from backend.review.ledger import LogEntry
from backend.review.words import action_word
from pages.components import keys
from pages.components.badges import ACTION_WORDS, CORRECTED
from pages.components.explanations import HIDDEN_NOTE, explanations_are_shown
from pages.components.focus_place import focus_on, focused
from pages.components.history import row_batch
from pages.components.markup import brief, plain_label, short
from pages.components.messages import safely, say
from pages.components.remembered_name import remembered_name
from pages.components.workspaces import opened


def author() -> str:
    """Under which name decisions are logged; in a session's first run its field is not drawn yet."""
    return (keys.get(keys.AUTHOR) or "").strip() or remembered_name() or default_author()


def _reason() -> str:
    """The reason given on the page; one that was given on another page, out of sight, is none."""
    field = keys.get(keys.REASON_FIELD)
    return (keys.get(field) or "").strip() if field else ""


@safely
def decide(
    path: Path,
    action: Action,
    row: str,
    seen: RowState | None,
    label: str | None = None,
    then: Callable[[], None] | None = None,
    note: str = "",
    reason: str = "",
) -> None:
    """Store one decision about a training row, ``note`` where no reason is given; ``then`` follows.

    ``reason``: given for this decision alone; else that in the page's field counts.

    ``seen`` is what the page showed as decided: what others have decided meanwhile is not overridden.
    """
    reason = reason or _reason() or note or ("" if explanations_are_shown() else HIDDEN_NOTE)
    workspace = opened(path)
    workspace.review.decide(
        action, [row], label=label, reason=reason, author=author(), origin="app", seen={row: seen}
    )
    done = ACTION_WORDS[action] + (f" as {brief(label)}" if label else "")
    done = CORRECTED if label and workspace.space.edit == "text" else done
    odd = workspace.space.oddity(label) if label else ""
    say(f"{short(row)} {done}. {plain_label(odd)}{'. ' if odd else ''}Press U to undo.")
    if then is not None:
        then()


@safely
def relabel_from_menu(
    path: Path,
    row: str,
    seen: RowState | None,
    menu_key: str,
    then: Callable[[], None] | None = None,
    note: str = "",
) -> None:
    """Store the class chosen in a menu button; the rest as for `decide`."""
    label = keys.get(menu_key)
    if label is not None:
        decide(path, "relabel", row, seen, label, then, note)


@safely
def undo(path: Path, batch: int | None = None) -> None:
    """Take a decision back: the newest, or ``batch``."""
    workspace = opened(path)
    entries = workspace.review.undo(batch, author=author(), origin="app")
    say(f"Undone: {_named(workspace.space, entries)}", ":material/undo:")
    _look_again(entries)


@safely
def redo(path: Path, batch: int | None = None) -> None:
    """Bring an undone decision back: the last, or ``batch``."""
    workspace = opened(path)
    entries = workspace.review.redo(batch, author=author(), origin="app")
    say(f"Redone: {_named(workspace.space, entries)}", ":material/redo:")
    _look_again(entries)


@safely
def undo_row(path: Path, row: str) -> None:
    """Take back the newest decision in force on a row, with all that was decided at once with it."""
    batch = row_batch(opened(path).review.ledger, row)
    if batch:
        undo(path, batch.number)


def _look_again(entries: list[LogEntry]) -> None:
    """Where one row is in focus: that which was undone, to be decided anew."""
    row = entries[0].row_id
    if focused() is not None and len(entries) == 1 and row is not None:
        focus_on(row)


def _named(space: Space, entries: list[LogEntry]) -> str:
    first = entries[0]
    if first.note:
        return first.note
    action = action_word(space, first.action)
    return f"{action} {first.row_id}" if len(entries) == 1 else f"{action} {len(entries):,} rows"
