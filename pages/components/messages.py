"""What the app says to the user in a line: errors, and what has just been done."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from backend.errors import InputError
from pages.components import keys
from pages.components.markup import plain_label

P = ParamSpec("P")
LONGEST = 600


def show_error(error: Exception) -> None:
    """An error's message, whatever characters it holds, without the dashes of an option at its beginning."""
    st.error(plain_label(str(error).removeprefix("--"), LONGEST), icon=":material/error:")


def say(message: str, icon: str = ":material/check:") -> None:
    """In a callback: show ``message`` when the page is drawn next."""
    keys.put(keys.MESSAGE, (message, icon))


def show_messages() -> None:
    """Show what callbacks had to say."""
    waiting = st.session_state.pop(keys.MESSAGE, None)
    if waiting:
        message, icon = waiting
        st.toast(plain_label(message, LONGEST), icon=icon)


def safely(callback: Callable[P, None]) -> Callable[P, None]:
    """A callback whose `InputError` becomes a message."""

    @wraps(callback)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except InputError as error:
            say(str(error), ":material/error:")

    return guarded
