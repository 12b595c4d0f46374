"""The findings on the page, with the way to each; what is stale, with the button that computes it again."""

from __future__ import annotations

from typing import Any

import streamlit as st

from backend.errors import InputError
from backend.folder import ArtifactState
from backend.workspace import OPTIONAL_ARTIFACTS, Workspace
from pages.components.badges import Tone, badge
from pages.components.home.artifact_table import NAMES
from pages.components.home.findings import LOOKS, Finding, Severity, Unknown
from pages.components.job_panel import job_panel
from pages.components.markup import Html, show, tag
from pages.components.messages import show_error

TONES: dict[Severity, Tone] = {"high": "bad", "medium": "warn", "low": "plain"}
LINKS = {
    "review": ("Review", "checklist"),
    "explore": ("List in Explore", "travel_explore"),
    "inspect": ("Inspect errors", "search"),
    "words": ("List in Words", "match_word"),
}
MAKERS = {
    "review": ("Compute them on Review", "checklist"),
    "words": ("Compute them on Words", "match_word"),
}


def show_findings(workspace: Workspace, status: dict[str, Any]) -> None:
    """All that was found, the most serious first; then what is not known, and what is stale."""
    found = _look(workspace)
    counted = [each for each in found if isinstance(each, Finding)]
    for each in counted:
        if each.count:
            _finding(each)
    unknown = [each for each in found if isinstance(each, Unknown)]
    if not unknown and not any(each.count for each in counted):
        st.success("Nothing was found that asks for a look.", icon=":material/done_all:")
    for page, state in dict.fromkeys((each.page, each.state) for each in unknown):
        _unknown([each.about for each in unknown if (each.page, each.state) == (page, state)], page, state)
    _stale(workspace, status)


def _look(workspace: Workspace) -> list[Finding | Unknown | None]:
    """What each look finds; one whose file is damaged is said to be so, and the others go on."""
    found = []
    for look in LOOKS:
        try:
            found.append(look(workspace))
        except InputError as error:
            show_error(error)
    return found


def _finding(found: Finding) -> None:
    severity = badge(found.severity, TONES[found.severity])
    sentence = found.one if found.count == 1 else found.many
    line = tag("div", severity, tag("span", tag("b", f"{found.count:,}"), f" {sentence}"), cls="fw-finding")
    _line(line, found.page, LINKS[found.page], dict(found.query))


def _unknown(about: list[str], page: str, state: ArtifactState) -> None:
    why = "not computed yet" if state == "missing" else "computed from other data"
    line = tag("div", badge("not known"), tag("span", f"{', '.join(about)}: {why}"), cls="fw-finding")
    _line(line, page, MAKERS[page], {})


def _line(words: Html, page: str, link: tuple[str, str], query: dict[str, str]) -> None:
    left, right = st.columns([0.74, 0.26], vertical_alignment="center")
    with left:
        show(words)
    with right:
        label, icon = link
        st.page_link(f"pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=query)


def _stale(workspace: Workspace, status: dict[str, Any]) -> None:
    """What was computed from other data, and the job that computes it again."""
    path = str(workspace.path)
    for name in OPTIONAL_ARTIFACTS:
        if status["artifacts"].get(name, {}).get("state") == "stale":
            job_panel([name, path], f"Compute {name} again", f"{NAMES[name]}: stale", primary=False)
    scores = [name for name, state in status["scores"].items() if state == "stale"]
    if scores:
        only = [part for name in scores for part in ("--only", name)]
        note = f"stale scores: {', '.join(scores)}"
        job_panel(["scores", path, *only], "Compute scores again", note, primary=False)
