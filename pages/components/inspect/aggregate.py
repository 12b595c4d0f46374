"""Which words of the query carry the influence over the whole result list."""

from __future__ import annotations

import streamlit as st

from backend.influence.answers.explanation import Explanation
from pages.components import keys
from pages.components.markup import plain_label
from pages.components.numbers import Unit
from pages.components.scale import all_entries

SHOWN = 6


def word_totals(explanation: Explanation) -> list[tuple[str, float]]:
    """The query's words, lower-cased, with their scores summed over all shown examples; strongest first."""
    sums: dict[str, float] = {}
    for entry in all_entries(explanation):
        for word in entry.query_words:
            key = word.word.lower()
            sums[key] = sums.get(key, 0.0) + word.score
    return sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))


def show_strongest_words(explanation: Explanation) -> None:
    """A line of words with their totals, each the way to the training rows that have it."""
    totals = word_totals(explanation)[:SHOWN]
    unit = Unit.of(score for _, score in totals)
    count = len(all_entries(explanation))
    with st.container(key="strongest-words", horizontal=True, vertical_alignment="center", gap="small"):
        name = f"words over all {count} examples {unit.name}".strip()
        st.caption(name, width="content", help="A word leads to all training rows that have it.")
        for word, score in totals:
            st.page_link(
                "pages/explore.py",
                label=f"{plain_label(word, 30)} {unit.signed(score)}",
                query_params={keys.WORKSPACE: keys.get(keys.WORKSPACE) or "", keys.ROWS_FIND: word},
            )
