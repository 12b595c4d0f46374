"""What decisions are called where they are counted: another label is a relabelling, another text is not."""

from __future__ import annotations

from backend.data.targets.space import Space


def done_words(space: Space) -> dict[str, str]:
    """What was done to a row, by action."""
    changed = "corrected" if space.edit == "text" else "relabelled"
    return {"remove": "removed", "relabel": changed, "flag": "flagged", "keep": "kept"}


def action_word(space: Space, action: str) -> str:
    """An action by the name of its command."""
    return "correct" if action == "relabel" and space.edit == "text" else action


def target_words(space: Space) -> tuple[str, str]:
    """What a row's target is called: as it was, and as it is decided to be."""
    return ("answer", "new answer") if space.edit == "text" else ("label", "new label")


def kind_word(space: Space, kind: str) -> str:
    """One of `backend.review.diff.KINDS`."""
    return kind.replace("relabelled", done_words(space)["relabel"])
