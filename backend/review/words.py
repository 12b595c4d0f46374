"""What decisions are called where they are counted: another label is a relabelling, another text is not."""

from __future__ import annotations

from backend.data.targets.space import Space

_LONGEST, _AROUND = 120, 30  # characters of a text, and of what stands before a change


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


def told_change(space: Space, before: str | None, after: str | None) -> tuple[str, str]:
    """Two targets as a person reads them; of long texts the part in which they differ."""
    shown = [space.shown(each or "") for each in (before, after)]
    if space.edit != "text":
        return shown[0], shown[1]
    pairs = enumerate(zip(*shown, strict=False))
    differs = next((at for at, (one, other) in pairs if one != other), min(map(len, shown)))
    start = max(differs - _AROUND, 0)
    return _cut(shown[0], start), _cut(shown[1], start)


def _cut(text: str, start: int) -> str:
    end = start + _LONGEST
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


def kind_word(space: Space, kind: str) -> str:
    """One of `backend.review.diff.KINDS`."""
    return kind.replace("relabelled", done_words(space)["relabel"])
