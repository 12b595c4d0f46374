"""Paths, hub ids and names as people paste them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from backend.data.sources import is_local
from backend.errors import InputError

ROOT = "FIRSTWORD_ROOT"
_HUB = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?:datasets/|models/)?", re.I)
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "`": "`"}


def typed_path(text: str | None) -> str:
    """A path without what file managers and terminals put around it: quotes, ``file://``, blanks."""
    plain = _unquoted(text)
    return unquote(urlsplit(plain).path) if plain.lower().startswith("file://") else plain


def allowed_path(text: str | None) -> str:
    """`typed_path`; `InputError` if it leads out of the folder that ``FIRSTWORD_ROOT`` names, if it is set.

    Whoever reaches the page could else look at any file that the server's user can read.
    """
    plain, root = typed_path(text), os.environ.get(ROOT)
    # what stands before a colon may be meant, too: FOLDER:SPLIT (`backend.data.sources`)
    meant = [each for each in (plain, plain.rpartition(":")[0]) if each]
    if root and not all(_lies_in(each, Path(root)) for each in meant):
        raise InputError(f"{plain}: outside {root}, the folder that this server reads from ({ROOT})")
    return plain


def _lies_in(plain: str, root: Path) -> bool:
    try:
        return Path(plain).expanduser().resolve().is_relative_to(root.resolve())
    except (OSError, ValueError, RuntimeError):  # what can be no path lies nowhere
        return False


def typed_hub_id(text: str | None) -> str:
    """``owner/name`` of a hub id or of the address of its page.

    `InputError` for what can only be a path where ``FIRSTWORD_ROOT`` is set: not even whether something is
    there is then said.
    """
    plain = _unquoted(text)
    if not _HUB.match(plain):
        if os.environ.get(ROOT) and _can_only_be_a_path(plain):
            raise InputError(f"{plain}: no hub id; it is owner/name")
        return plain
    return "/".join(re.split(r"[?#]", _HUB.sub("", plain))[0].split("/")[:2])


def allowed_model(text: str | None) -> str:
    """A model by name: `allowed_path` of a folder, else `typed_hub_id`."""
    plain = _unquoted(text)
    is_folder = not _HUB.match(plain) and (_can_only_be_a_path(plain) or is_local(plain))
    return allowed_path(plain) if is_folder else typed_hub_id(plain)


def _can_only_be_a_path(plain: str) -> bool:
    is_deep = plain.split("@")[0].count("/") > 1
    return plain.startswith(("/", ".", "~", "file:")) or ".." in plain or is_deep


def _unquoted(text: str | None) -> str:
    plain = (text or "").replace("\0", "").strip()
    return plain[1:-1].strip() if len(plain) > 1 and _QUOTES.get(plain[0]) == plain[-1] else plain


def folder_name(text: str) -> str:
    """The nearest name of letters, digits, - and _ that a folder of ours can have; "" if nothing is left."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:60]


def typed_class_names(text: str | None) -> str:
    """``0=hate,1=offensive`` of names typed with =, : or a list of names alone, which is numbered from 0.

    Parts stand on lines of their own, or between semicolons or commas. `InputError` for a part that is empty
    or holds a comma, which parts the names where they are passed on.
    """
    lines = [
        part.strip() for part in re.split(r"[\n;]" if re.search(r"[\n;]", text or "") else ",", text or "")
    ]
    parts = [part.rstrip(",").strip() for part in lines if part]
    pairs = [re.fullmatch(r"(.+?)\s*(?:=>?|:|→)\s*(.+)", part) for part in parts]
    if parts and not any(pairs):
        return ",".join(f"{number}={_name(part)}" for number, part in enumerate(parts))
    for part, pair in zip(parts, pairs, strict=True):
        if pair is None:
            raise InputError(f"class names: “{part[:60]}” names no label; write 0=hate, 1=offensive")
    return ",".join(f"{pair[1].strip()}={_name(pair[2])}" for pair in pairs if pair)


def _name(text: str) -> str:
    name = _unquoted(text)
    if "," in name:
        raise InputError(f"class names: “{name[:60]}” holds a comma; name the class without one")
    return name
