"""Running the app without a browser, always from app.py."""

import os
from pathlib import Path

import streamlit as st
from streamlit.testing.v1 import AppTest

from backend.workspace import Workspace

ROOT = Path(__file__).parents[2]


def new_app() -> AppTest:
    st.cache_data.clear()
    st.cache_resource.clear()
    return another_session()


def another_session() -> AppTest:
    """A further session of the same server: what is cached for all of them stays."""
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


def opened() -> Workspace:
    return Workspace.open(os.environ["FIRSTWORD_WORKSPACE"])


def page(app: AppTest, name: str, **query: str) -> AppTest:
    app.run()
    for key, value in query.items():
        app.query_params[key] = value
    return app.switch_page(f"pages/{name}.py").run()


def words(app: AppTest) -> str:
    """All that is written on the page."""
    kinds = ("title", "subheader", "markdown", "caption", "error", "warning", "info")
    parts = [each.value for kind in kinds for each in getattr(app, kind)]
    return "\n".join([*parts, *(each.proto.body for each in app.get("html"))])


def explain(app: AppTest) -> None:
    next(each for each in app.button if each.label == "Explain").click().run()
