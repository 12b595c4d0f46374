"""A field for a number, typed in whatever spelling; what can't be read is said beside it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from backend.errors import InputError
from pages.components import keys
from pages.components.markup import plain_label, show, tag
from pages.components.typed_number import Limits, read_number, spell

LONGEST = 60


class Faults(list[str]):
    """The names of a form's fields that can't be read: as long as there are some, nothing is started."""

    @property
    def words(self) -> str:
        """One line for a button's help and the line beside it."""
        return f"First correct {', '.join(self)}." if self else ""


def ask_number(
    name: str,
    key: str,
    limits: Limits,
    default: float | None,
    faults: Faults,
    *,
    help: str | None = None,
    placeholder: str | None = None,
    planned: float | None = None,
    disabled: bool = False,
    on_change: Callable[[], None] | None = None,
    in_address: bool = True,
) -> float | None:
    """Draw the field; the number in it, ``default`` where it is empty.

    ``planned``: what the caller takes where the field is empty; it stands there in grey.
    What can't be read is said beneath the field and added to ``faults``; ``default`` is returned then, which
    the caller must not use: a form with faults starts nothing.
    """
    usual = "" if default is None else spell(default, limits)
    st.text_input(
        name,
        value=usual,
        key=key,
        max_chars=LONGEST,
        bind="query-params" if in_address else None,
        placeholder=placeholder or (usual if planned is None else spell(planned, limits)),
        help=help or f"{limits.words[:1].upper()}{limits.words[1:]}",
        disabled=disabled,
        on_change=on_change,
    )
    text = str(keys.get(key) or "")
    if not text.strip() or disabled:
        return default
    try:
        return read_number(text, limits, default if planned is None else planned)
    except InputError as error:
        show_fault(error)
        faults.append(name.lower())
        return default


def ask_whole(
    name: str,
    key: str,
    limits: Limits,
    default: int,
    faults: Faults,
    *,
    help: str | None = None,
    in_address: bool = True,
) -> int:
    """The same for a whole number."""
    found = ask_number(name, key, limits, default, faults, help=help, in_address=in_address)
    return default if found is None else int(found)


def show_fault(error: InputError) -> None:
    """Beneath a field: why what is typed there can't be taken."""
    show(tag("p", str(error), cls="fw-wrong", role="alert"))


def say_faults(faults: Faults) -> None:
    """Beside a start button that they disable."""
    st.caption(plain_label(faults.words, 400), width="content")
