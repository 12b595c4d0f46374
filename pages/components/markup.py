"""The one place where HTML is made: everything that is not made by `tag` is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

import streamlit as st

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~:$^&=\"'@/])")

# What Streamlit turns into a link even where it is escaped. A word joiner parts it unseen.
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)(?=\w)", re.IGNORECASE)
_WORD_JOINER = "\u2060"


class Html(str):
    """Text that is HTML already; made by `tag` and `join` only."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | None) -> Html:
    """An element; children that are no `Html`, and all attribute values, are escaped.

    Attributes are Python names (``cls`` is class, ``aria_label`` is aria-label); None leaves one out.
    """
    written = "".join(
        f' {_attribute(key)}="{html.escape(value, quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Html:
    """Parts one after the other; those that are no `Html` are escaped."""
    return Html("".join(each if isinstance(each, Html) else html.escape(each, quote=True) for each in parts))


def show(content: Html) -> None:
    """Put HTML made by `tag` on the page."""
    if not isinstance(content, Html):
        raise TypeError("only HTML made by tag() may be shown")
    st.html(content)


def plain_label(text: str, limit: int = 80) -> str:
    """A data set's text for places that read Markdown (buttons, pills, messages), where it means nothing."""
    plain = _ADDRESS.sub(_WORD_JOINER, short(" ".join(text[: 10 * limit].split()), limit))
    return _MARKDOWN.sub(r"\\\1", plain)


def short(text: str, limit: int = 80) -> str:
    """At most ``limit`` characters of a text, the last of them … if it is cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def distinct(names: Iterable[str], limit: int = 80) -> dict[str, str]:
    """Each name on one line of at most ``limit`` characters, no two alike.

    A widget knows its options by what they are called: two that look the same would be one.
    """
    names = list(dict.fromkeys(names))
    found: dict[str, str] = {}
    taken: set[str] = set()
    for number, name in enumerate(names, 1):
        plain, tries = _one_line(name), number
        title = brief(plain, limit)
        if title in taken and len(plain) > limit:
            title = f"…{plain[len(plain) - limit + 1 :]}"
        while title in taken:
            mark = f"… ({tries})"
            title, tries = f"{plain[: max(limit - len(mark), 0)]}{mark}", tries + len(names)
        found[name] = title
        taken.add(title)
    return found


def brief(name: str, limit: int = 48) -> str:
    """A name of at most ``limit`` characters; a longer one is cut in its first half.

    Names of classes often begin alike, as those of a taxonomy do, and tell what they mean at the end.
    """
    if len(name) <= limit:
        return name
    head = (limit - 1) // 3
    return f"{name[:head]}…{name[len(name) - (limit - 1 - head) :]}"


def cut(name: str, limit: int = 48) -> Html:
    """A name for one line of a table or a list; the whole of it, if it is cut, is in its tooltip."""
    title = short(name, 1_000) if len(name) > limit else None
    return tag("span", brief(name, limit), cls="fw-cut", title=title)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _attribute(name: str) -> str:
    return "class" if name == "cls" else name.replace("_", "-")
