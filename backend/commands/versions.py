"""Versions of the decisions: freeze, versions, diff, restore."""

from __future__ import annotations

from typing import Annotated

import typer

from backend import console
from backend.commands.options import Author, Json, WorkspacePath
from backend.data.dataset import Split
from backend.data.readable import readable
from backend.review.diff import Diff
from backend.review.words import done_words, kind_word, target_words, told_change
from backend.workspace import Workspace

FROM_HELP = "A version such as v1, or raw (the data as they came); default: the last version, or raw."
MOST = 1_000_000
ORDER = ("keep", "flag", "remove", "relabel")  # of the columns


def freeze(
    ws: WorkspacePath,
    message: Annotated[str, typer.Option(help="What this version is, in a line.")],
    author: Author = None,
    json: Json = False,
) -> None:
    """Name the decisions in force now: v1, v2, ..."""
    workspace = Workspace.open(ws)
    version = workspace.review.freeze(message, author=author)
    counts = workspace.review.ledger.counts(version.seq)
    if json:
        console.print_json({"name": version.name, **vars(version), "counts": counts})
        return
    print(f"{version.name}: {_counted(workspace, counts)}   (`diff {ws}` shows what changes from here on)")


def versions(ws: WorkspacePath, json: Json = False) -> None:
    """All versions, the newest first."""
    workspace = Workspace.open(ws)
    found = [
        (each, workspace.review.ledger.counts(each.seq)) for each in reversed(workspace.review.versions())
    ]
    if json:
        console.print_json([{"name": each.name, **vars(each), "counts": counts} for each, counts in found])
        return
    rows = [
        (each.name, each.at, each.author, each.message, each.seq, *(counts[action] for action in ORDER))
        for each, counts in found
    ]
    words = done_words(workspace.space)
    names = ("version", "when", "who", "message", "entry", *(words[each] for each in ORDER))
    console.print_table(names, rows)


def diff(
    ws: WorkspacePath,
    before: Annotated[str | None, typer.Argument(metavar="[FROM]", help=FROM_HELP)] = None,
    after: Annotated[str, typer.Argument(metavar="[TO]", help="The same, or now.")] = "now",
    limit: Annotated[int, typer.Option(min=0, max=MOST, help="How many rows to list.")] = 50,
    json: Json = False,
) -> None:
    """What one version decides otherwise than another: counts, classes, rows."""
    workspace = Workspace.open(ws)
    found = workspace.review.diff(before, after)
    if json:
        console.print_json(found.to_json())
        return
    if not found.rows:
        print(f"{found.before} to {found.after}: the decisions are the same")
        return
    print(f"{found.before} to {found.after}: {len(found.rows):,} rows decided otherwise")
    if workspace.space.edit == "text":  # every answer is another
        said = [(kind_word(workspace.space, kind), count) for kind, count in found.counts.items() if count]
        print(", ".join(f"{kind} {count:,}" for kind, count in said))
    else:
        _print_counts(found)
        _print_flow(found)
    _print_rows(workspace, found, limit)


def restore(
    ws: WorkspacePath,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Such as v1; raw takes all back.")],
    author: Author = None,
) -> None:
    """Decide as a version does: one more entry of the log, which can be undone."""
    batch = Workspace.open(ws).review.restore(version, author=author, origin="cli")
    print(f"restored {version}   (decision {batch}; `undo {ws}` takes it back)")


def _counted(workspace: Workspace, counts: dict[str, int]) -> str:
    words = done_words(workspace.space)
    return ", ".join(f"{name} {counts[action]:,}" for action, name in words.items())


def _print_counts(found: Diff) -> None:
    kinds = [kind for kind, count in found.counts.items() if count]
    rows = [(name, *(f"{counts[kind]:,}" for kind in kinds)) for name, counts in found.per_class.items()]
    rows.append(("all", *(f"{found.counts[kind]:,}" for kind in kinds)))
    print()
    console.print_table(("class before", *kinds), rows)


def _print_flow(found: Diff) -> None:
    if found.flow:
        print()
        rows = [(old, new, f"{count:,}") for (old, new), count in found.flow.items()]
        console.print_table(("from class", "to class", "rows"), rows)


def _beginning(train: Split, row: str) -> str:
    """What is read of a row, in a few words."""
    (text, *_) = readable(train.take([train.position(row)])).fields[0]
    return console.shown(text)[:80]


def _print_rows(workspace: Workspace, found: Diff, limit: int) -> None:
    if not limit:
        return
    train = workspace.train_split
    rows = [
        (
            each.row,
            ", ".join(kind_word(workspace.space, kind) for kind in each.kinds),
            *told_change(workspace.space, each.old_label, each.new_label),
            each.reason,
            each.author,
            _beginning(train, each.row) if train.has(each.row) else "",
        )
        for each in found.rows[:limit]
    ]
    print()
    targets = target_words(workspace.space)
    console.print_table(("row", "what", *targets, "reason", "who", "text"), rows)
    more = len(found.rows) - limit
    if more > 0:
        print(f"and {more:,} more; --limit lists them")
