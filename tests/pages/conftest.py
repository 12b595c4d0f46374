"""The app on a small workspace."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.driver import new_app


@pytest.fixture
def app(tiny_workspace, monkeypatch, tmp_path) -> AppTest:
    """The app on a small real workspace; no other workspace is to be found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(tiny_workspace.path))
    return new_app()
