"""What the columns of rows for a language model mean: conversations, prompts with answers, or texts."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from backend.data.columns import Columns, columns_of_turns
from backend.data.peek import Peek
from backend.manifest import Form
from pages.components import keys
from pages.components.choice import pick
from pages.components.new.column_choice import field_key, optional, required

FORMS: dict[Form, str] = {"messages": "A conversation", "pair": "A prompt and its answer", "text": "A text"}
FORM_HELP = (
    "A conversation is a list of messages, with role and content or from and value. Of conversations and "
    "prompts only the answers are learnt, of a text every word."
)
LOSS_HELP = "Off: only the answers count, as is usual. On: the model learns to write the questions, too."


def ask_turns(look: Peek, mark: str) -> Columns | None:
    """The columns, without that of the splits; None until what must be named is."""
    likely = _likely(look)
    form = pick("Each row is", FORMS, f"{keys.NEW_FORM}-{mark}", likely.form, help=FORM_HELP, named=True)
    first, second, third = st.columns(3)
    row_id, group, system = st.columns(3)
    pair = form == "pair"
    with first:
        read = {"messages": "Messages", "pair": "Prompt", "text": "Text"}[form]
        guess = likely.text if likely.form == form else None
        text = required(read, look, guess or (look.guess.text if form == "text" else None), mark)
    label, tools, before = text, None, None
    if pair:
        with second:
            label = required("Answer", look, likely.label if likely.form == form else None, mark)
    if form != "text":
        with third if pair else second:
            help = "What the chat template is told of tools."
            tools = optional("Tools", look, likely.tools, mark, help)
        with system:
            before = optional("System text", look, likely.system, mark, "What comes first in every row.")
    with row_id:
        ids = optional("Id", look, look.guess.id, mark, "Unique. Without one, ids come from the content.")
    with group:
        groups = optional("Group", look, look.guess.group, mark, "Where a row comes from, for audits.")
    whole = form != "text" and st.toggle(
        "Learn every word", key=field_key("whole", mark), bind="query-params", help=LOSS_HELP
    )
    if text is None or label is None:
        return None
    named: dict[str, str] = {"prompt": text, "completion": label} if pair else {str(form): text}
    columns = columns_of_turns(**named, system=before, tools=tools, id=ids, group=groups)
    return replace(columns, loss="all" if whole else "answers")


def turn_options(columns: Columns) -> dict[str, str | None]:
    """As options of the command line."""
    pair = columns.form == "pair"
    named: dict[str, str | None] = {"prompt": columns.text, "completion": columns.label}
    if not pair:
        named = {str(columns.form): columns.text}
    loss = "all" if columns.loss == "all" else None
    return {**named, "system": columns.system, "tools": columns.tools, "loss": loss}


def _likely(look: Peek) -> Columns:
    """As `peek` guesses; a text where no column is made for a language model."""
    guess = look.guess
    named = {role: getattr(guess, role) for role in ("messages", "prompt", "completion")}
    if any(named.values()):
        return columns_of_turns(**named, system=guess.system, tools=guess.tools)
    return columns_of_turns(text=guess.text or look.columns[0])
