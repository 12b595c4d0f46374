"""The table of words, read once for all sessions; or the job that makes it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from backend.workspace import Workspace
from pages.components.empty_state import lead_to, show_empty
from pages.components.eval_errors import NO_ERRORS, errors_said, has_no_errors
from pages.components.newest import of_newest
from pages.components.purposes import PURPOSES
from pages.components.result_or_job import Wanted, result_or_job
from pages.components.workspaces import opened, version


def _wanted(workspace: Workspace) -> Wanted:
    return Wanted(
        artifact="words",
        command="words",
        about=f"{PURPOSES['words']} It goes by the loss of {errors_said(workspace)}, and has not been "
        "computed yet.",
        button="Compute words",
        cost="one pass over the eval rows and the stored training rows",
    )


def words_or_offer(workspace: Workspace) -> pd.DataFrame | None:
    """The table, most harmful words first (see `Workspace.words`); do not change it."""
    if workspace.folder.state("words") == "missing" and has_no_errors(workspace):
        nothing = f"{NO_ERRORS}, so no word misleads the model there."
        show_empty("words", nothing, lead_to("inspect", "Inspect what is right"))
        return None
    return result_or_job(workspace, _wanted(workspace), lambda: read_words(workspace))


def read_words(workspace: Workspace) -> pd.DataFrame:
    """The table; `InputError` where it is missing, stale or damaged."""
    return _words(str(workspace.path), version(workspace))


@of_newest
@st.cache_resource(max_entries=3, show_spinner="Reading the words …")
def _words(path: str, artifacts: str) -> pd.DataFrame:
    return opened(Path(path)).audit.words().to_pandas()
