"""All words that carry influence on eval errors: searched, sorted, a page at a time; one can be chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from backend.workspace import Workspace
from pages.components import keys
from pages.components.conversation.shown_text import has_conversations
from pages.components.eval_errors import errors_said
from pages.components.markup import brief, plain_label, short
from pages.components.numbers import Unit, plural
from pages.components.paging import page_number, pages_of, turn_pages

PAGE = 15
EVERY = "every"
KINDS = {EVERY: "All", "word": "Words", "part": "Parts of words", "special": "Special"}
PARTS = ("start", "piece")
ORDERS = {
    "net": "Most harmful on balance",
    "harmful": "Most harm in all",
    "helpful": "Most help in all",
    "n_rows": "In most rows",
    "z": "Closest to one label",
}
RISING = ("net", "harmful")  # the lowest first: harm is below 0
_HARM = (
    "Harm and help are sums over all training rows: how far training on the word raised or lowered the loss "
    "of {errors}. The table holds the tokens that such an eval row shares with a training row. "
)
_LABELS = "z says how far a word goes with one label more often than chance would have it."
_WORST = "These are the tenth with the largest loss per token."


def pick_word(workspace: Workspace, words: pd.DataFrame) -> pd.Series | None:
    """The row of the chosen word; None, said in a line, as long as there is none."""
    errors, labelled = errors_said(workspace), not has_conversations(workspace)
    st.caption(_HARM.format(errors=errors) + (_LABELS if labelled else _WORST))
    if words.empty:
        st.success(f"No training row shares a word with {errors}.")
        return None
    places = _ask(words, labelled)
    chosen = chosen_place(words, keys.get(keys.WORD) or "")
    if len(places):
        _table(words, places, chosen, labelled)
    else:
        st.info("No word fits. Clear the search, or show all kinds.", icon=":material/search_off:")
    if chosen is None:
        _say_none(keys.get(keys.WORD) or "", errors)
        return None
    return words.iloc[chosen]


def chosen_place(words: pd.DataFrame, name: str) -> int | None:
    """The place of a token of that name, or of the first one that stands in a word of that name."""
    wanted = name.strip()
    named = words["text"] if "text" in words else words["token"]
    for found in (words["token"] == wanted, named == wanted, words["word"] == wanted.lower()):
        if wanted and found.any():
            return int(np.flatnonzero(found)[0])
    return None


def matching(words: pd.DataFrame, search: str, kind: str, order: str) -> np.ndarray:
    """Places of the words that hold ``search`` and are of ``kind``, in ``order``."""
    fits = np.ones(len(words), dtype=bool)
    if kind != EVERY:
        fits &= words["kind"].isin(PARTS if kind == "part" else [kind]).to_numpy()
    wanted = search.strip().lower()
    if wanted:
        columns = [words[name].str.lower().str.contains(wanted, regex=False) for name in ("token", "word")]
        fits &= (columns[0] | columns[1]).to_numpy()
    places = np.flatnonzero(fits)
    values = words[order].to_numpy(dtype=np.float64)[places]
    sign = 1 if order in RISING else -1
    return places[np.argsort(np.where(np.isnan(values), np.inf, sign * values), kind="stable")]


def _ask(words: pd.DataFrame, labelled: bool) -> np.ndarray:
    search, kind, order, name = st.columns([0.22, 0.37, 0.23, 0.18], vertical_alignment="bottom")
    with search:
        st.text_input(
            "Search in words",
            key=keys.WORD_SEARCH,
            bind="query-params",
            placeholder="any part of a word",
            on_change=_first_page,
            icon=":material/search:",
        )
    with kind:
        st.segmented_control(
            "Kind",
            list(KINDS),
            default=EVERY,
            required=True,
            format_func=lambda each: KINDS[each],
            key=keys.WORD_KIND,
            bind="query-params",
            on_change=_first_page,
        )
    orders = [each for each in ORDERS if labelled or each != "z"]
    if keys.get(keys.WORD_ORDER, orders[0]) not in orders:
        keys.put(keys.WORD_ORDER, orders[0])
    with order:
        st.selectbox(
            "Order",
            orders,
            format_func=lambda each: ORDERS[each],
            key=keys.WORD_ORDER,
            bind="query-params",
            on_change=_first_page,
        )
    with name:
        st.text_input(
            "Chosen word",
            key=keys.WORD,
            bind="query-params",
            placeholder="choose in the table",
            on_change=keys.put,
            args=(keys.WORD_ROWS_PAGE, 1),
        )
    return matching(
        words,
        keys.get(keys.WORD_SEARCH) or "",
        keys.get(keys.WORD_KIND) or EVERY,
        keys.get(keys.WORD_ORDER) or "net",
    )


def _table(words: pd.DataFrame, places: np.ndarray, chosen: int | None, labelled: bool) -> None:
    pages = pages_of(len(places), PAGE)
    page = page_number(keys.WORDS_PAGE, pages)
    shown = places[(page - 1) * PAGE : page * PAGE]
    part = words.iloc[shown]
    unit = Unit.of(words["harmful"])
    key = f"words-{page}-{digest_of(shown)}-{chosen}"
    st.dataframe(
        pd.DataFrame(
            {
                "word": [_name(each) for each in part.itertuples()],
                **{
                    f"{name} {unit.name}".strip(): part[name] / 10**unit.exponent
                    for name in ("net", "harmful", "helpful")
                },
                "rows": part["n_rows"],
                **(_labels(part) if labelled else {}),
            }
        ),
        key=key,
        placeholder="",  # for words that are not counted
        hide_index=True,
        height="content",
        on_select=lambda: _select(key, words["token"].iloc[shown].tolist()),
        selection_mode="single-row",
        selection_default={"selection": {"rows": np.flatnonzero(shown == chosen).tolist()}},
        column_config={
            "word": st.column_config.TextColumn(width="medium"),
            "rows": st.column_config.NumberColumn(
                format="localized", help="training rows that have the token"
            ),
            "z": st.column_config.NumberColumn(format="%+.1f"),
            **{
                f"{name} {unit.name}".strip(): st.column_config.NumberColumn(format=f"%+.{unit.decimals}f")
                for name in ("net", "harmful", "helpful")
            },
        },
        alt=f"Words with their harm and help, {plural(len(places), 'word')}",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{plural(len(places), 'word')}. Choose one to see its training rows.", width="content")
        turn_pages(keys.WORDS_PAGE, pages)


def _labels(part: pd.DataFrame) -> dict[str, object]:
    names = [brief(each) if isinstance(each, str) else "" for each in part["z_label"]]
    return {"goes with": names, "z": part["z"]}


def digest_of(places: np.ndarray) -> str:
    """Tells one list of places from another: a table's selection must not outlive its rows."""
    return str(hash(places.tobytes()))


def _name(word: Any) -> str:  # a row of `DataFrame.itertuples`
    token, kind, text = short(getattr(word, "text", word.token), 40), word.kind, short(word.word, 40)
    if kind == "word" or not text:
        return token
    return f"{token}  (in “{text}”)"


def _say_none(name: str, errors: str) -> None:
    if name.strip():
        st.warning(f"“{plain_label(name, 60)}” is not in the table: no training row shares it with {errors}.")


def _select(key: str, tokens: list[str]) -> None:
    chosen = keys.get(key)["selection"]["rows"]
    if chosen and chosen[0] < len(tokens):
        keys.put(keys.WORD, tokens[chosen[0]])
        keys.put(keys.WORD_ROWS_PAGE, 1)


def _first_page() -> None:
    keys.put(keys.WORDS_PAGE, 1)
