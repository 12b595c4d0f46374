"""An edit as a text: what went is struck, what came is underlined, each with a name for screen readers."""

from __future__ import annotations

from pages.components.conversation.word_diff import Piece, word_diff
from pages.components.markup import Html, join, tag

SHOWN_BLANK = "⏎"


def diff_view(old: str, new: str) -> Html:
    """Both texts in one; a line where nothing changed."""
    if old == new:
        return tag("p", "nothing changed", cls="fw-muted")
    return tag("p", join(_piece(each) for each in word_diff(old, new)), cls="fw-text fw-diff", dir="auto")


def _piece(piece: Piece) -> Html:
    if piece.kind == "same":
        return join([piece.text])
    name, title = ("del", "taken out") if piece.kind == "out" else ("ins", "put in")
    # Line ends can't be struck or underlined: a sign stands for them.
    text = piece.text.replace("\n", f"{SHOWN_BLANK}\n") if not piece.text.strip() else piece.text
    return tag(name, text, title=title, aria_label=f"{title}: {piece.text.strip() or 'white space'}")
