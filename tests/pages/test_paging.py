"""The number of a list's page: what was chosen, else what the address says, never beyond the list."""

import pytest
from streamlit.testing.v1 import AppTest

SCRIPT = """
import streamlit as st
from pages.components.paging import page_number, pages_of, turn_pages
pages = pages_of({count}, 10)
st.text(page_number("at", pages))
turn_pages("at", pages)
"""


@pytest.mark.parametrize(
    ("count", "address", "shown"),
    [
        (35, None, 1),
        (35, "3", 3),
        (35, "9", 4),
        (35, "0", 1),
        (35, "-1", 1),
        (35, "²", 1),
        (35, "9" * 5000, 4),
        (35, "x", 1),
        (0, "2", 1),
        (10, "2", 1),
    ],
)
def test_from_the_address(count, address, shown):
    app = AppTest.from_string(SCRIPT.format(count=count))
    if address is not None:
        app.query_params["at"] = address
    app.run()
    assert not app.exception and app.text[0].value == str(shown)
    assert len(app.get("pagination")) == (count > 10)


def test_what_was_chosen_counts():
    app = AppTest.from_string(SCRIPT.format(count=35))
    app.session_state["at"] = 2
    app.query_params["at"] = "3"
    assert app.run().text[0].value == "2"
