"""The reviewer's name in this browser: read when a session begins, written when it is changed."""

from __future__ import annotations

from pages.components.kept_cookie import keep_cookie, kept_cookie

COOKIE = "firstword-name"
LONGEST = 80


def remembered_name() -> str | None:
    """The name that this browser was given last; None if there is none or it could not be one."""
    name = kept_cookie(COOKIE).strip()
    return name if name.isprintable() and 0 < len(name) <= LONGEST else None


def remember_name(name: str) -> None:
    """Have the browser keep the name, for a year."""
    keep_cookie(COOKIE, name)
