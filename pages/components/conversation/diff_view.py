"""An edit as a text: what went is struck, what came is underlined, each with a name for screen readers."""

from __future__ import annotations

from pages.components.conversation.word_diff import Piece, word_diff
from pages.components.markup import Html, join, short, tag

SHOWN_BLANK = "⏎"


def diff_view(old: str, new: str) -> Html:
    """Both texts in one; a line where nothing changed."""
    if old == new:
        return tag("p", "nothing changed", cls="fw-muted")
    return tag("p", join(_piece(each) for each in word_diff(old, new)), cls="fw-text fw-diff", dir="auto")


def differing(reference: str, text: str) -> Html:
    """A text that stands beside another: the words that it has instead are marked, with those as a tooltip;
    words that it lacks are struck only where nothing is in their place."""
    pieces = word_diff(reference, text)
    parts, instead = list[Html](), ""
    for piece, after in zip(pieces, [*pieces[1:], None], strict=True):
        if piece.kind == "out" and after is not None and after.kind == "in":
            instead = piece.text.strip()
        else:
            parts.append(_piece(piece, f"instead of: {short(instead, 300)}" if instead else "put in"))
            instead = ""
    return tag("p", join(parts), cls="fw-text fw-diff", dir="auto")


def _piece(piece: Piece, put_in: str = "put in") -> Html:
    if piece.kind == "same":
        return join([piece.text])
    name, title = ("del", "taken out") if piece.kind == "out" else ("ins", put_in)
    # Line ends can't be struck or underlined: a sign stands for them.
    text = piece.text.replace("\n", f"{SHOWN_BLANK}\n") if not piece.text.strip() else piece.text
    return tag(name, text, title=title, aria_label=f"{title}: {piece.text.strip() or 'white space'}")
