"""What the app keeps of a workspace's rows goes when something is computed anew."""

import streamlit as st

from pages.components import newest


def test_an_earlier_version_is_let_go_at_once():
    made = []

    @newest.of_newest
    @st.cache_resource(max_entries=10)
    def table(path: str, version: str) -> str:
        made.append(version)
        return version

    try:
        newest.seen("/ws", "1")
        assert [table("/ws", "1"), table("/ws", "1")] == ["1", "1"] and made == ["1"]
        newest.seen("/ws", "1")
        newest.seen("/other", "7")  # of another workspace, seen for the first time: nothing is let go
        assert table("/ws", "1") == "1" and made == ["1"]
        newest.seen("/ws", "2")
        assert table("/ws", "1") == "1" and made == ["1", "1"]
    finally:
        newest._LARGE.pop()
        newest._VERSIONS.clear()
