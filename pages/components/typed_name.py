"""Paths, hub ids and names as people paste them."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_HUB = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?:datasets/|models/)?", re.I)
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "`": "`"}


def typed_path(text: str | None) -> str:
    """A path without what file managers and terminals put around it: quotes, ``file://``, blanks."""
    plain = _unquoted(text)
    return unquote(urlsplit(plain).path) if plain.lower().startswith("file://") else plain


def typed_hub_id(text: str | None) -> str:
    """``owner/name`` of a hub id or of the address of its page."""
    plain = _unquoted(text)
    if not _HUB.match(plain):
        return plain
    return "/".join(re.split(r"[?#]", _HUB.sub("", plain))[0].split("/")[:2])


def _unquoted(text: str | None) -> str:
    plain = (text or "").replace("\0", "").strip()
    return plain[1:-1].strip() if len(plain) > 1 and _QUOTES.get(plain[0]) == plain[-1] else plain


def folder_name(text: str) -> str:
    """The nearest name of letters, digits, - and _ that a folder of ours can have; "" if nothing is left."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:60]
