"""Texts of a data set in Markdown that anyone may show: none of it becomes markup, HTML or a link."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:$^=\"'@/])")
# What some readers turn into a link even where it is escaped. A word joiner parts it unseen.
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)(?=\w)", re.IGNORECASE)
_WORD_JOINER = "\u2060"
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, marks that turn the writing direction, halves of pairs


def plain(text: str, most: int = 200) -> str:
    """A text as one line that reads as it is, cut after ``most`` characters."""
    line = visible(str(text)[: 10 * most])
    line = _ADDRESS.sub(_WORD_JOINER, line if len(line) <= most else f"{line[: most - 1]}…")
    escaped = _MARKUP.sub(r"\\\1", line.replace("&", "\0"))
    return escaped.replace("\0", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def visible(text: str) -> str:
    """A text as one line, without what is not seen but does something: controls, marks of direction."""
    return " ".join("".join(" " if unicodedata.category(each) in _UNSEEN else each for each in text).split())


def code(text: str) -> str:
    """A text of ours between backticks: names of files and commands, without a backtick of its own."""
    return "`" + visible(str(text)).replace("`", "'").replace("|", "\\|") + "`"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table whose cells are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(each) + " |" for each in lines]
