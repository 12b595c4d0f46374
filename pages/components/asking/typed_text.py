"""A text of the user's own to explain; as long as it is short, the address keeps it over a refresh."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from backend.errors import InputError
from pages.components import keys
from pages.components.workspaces import Asked

OWN = "leave it empty: the model answers itself"
LONGEST_IN_ADDRESS = 1_500  # characters; longer addresses are cut by proxies and mail programs


def ask_text(with_second: bool) -> Asked | None:
    """The typed text, or pair of texts; None as long as there is none, `InputError` if it is empty."""
    fields = {keys.TEXT: "Text"} | ({keys.TEXT_B: "Second text"} if with_second else {})
    sent, texts = _ask(fields, {})
    text, text_b = texts[keys.TEXT], texts.get(keys.TEXT_B, "")
    if not sent and not text.strip() and not text_b.strip():
        st.caption("Type a text to see which training examples made the model say what it says.")
        return None
    if not text.strip():
        raise InputError("The text is empty: type what the model should read.")
    if with_second and not text_b.strip():
        raise InputError("The second text is empty: this workspace explains pairs of texts.")
    return Asked(text=text, text_b=text_b if with_second else None)


def ask_prompt() -> tuple[str, str] | None:
    """A prompt, and an answer, which may be left empty; None as long as there is no prompt."""
    sent, texts = _ask({keys.TEXT: "Prompt", keys.TEXT_B: "Answer"}, {keys.TEXT_B: OWN})
    prompt, answer = texts[keys.TEXT], texts[keys.TEXT_B]
    if not prompt.strip() and (sent or answer.strip()):
        raise InputError("The prompt is empty: type what the model should read.")
    if not prompt.strip():
        st.caption("Type a prompt to see which training rows made the model answer as it does.")
        return None
    return prompt, answer


def _ask(fields: Mapping[str, str], placeholders: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
    """Whether the form was sent, and what is in its fields, by key."""
    with st.form("typed", border=False):
        for key, name in fields.items():
            _from_address(key)
            hint = placeholders.get(key, "Type or paste a text")
            st.text_area(name, key=key, persist_state="session", height=90, placeholder=hint)
        sent = st.form_submit_button("Explain", type="primary", icon=":material/search:")
    texts = {key: keys.get(key) or "" for key in fields}
    _to_address(texts)
    return sent, texts


def forget_address() -> None:
    """Take the texts out of the address: a row is explained."""
    _to_address({})


def _from_address(key: str) -> None:
    if keys.get(key) is None and key in st.query_params:
        keys.put(key, st.query_params[key])


def _to_address(texts: dict[str, str]) -> None:
    fits = sum(map(len, texts.values())) <= LONGEST_IN_ADDRESS
    for key in (keys.TEXT, keys.TEXT_B):
        wanted = texts.get(key) if fits else None
        if not wanted:
            st.query_params.pop(key, None)
        elif st.query_params.get(key) != wanted:
            st.query_params[key] = wanted
