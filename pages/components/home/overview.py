"""What is loaded, the state of what was computed from it, and the next step."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.data.targets.registry import counts_of
from backend.demos.build import demo_at, demo_command
from backend.program import COMMAND
from backend.workspace import ARTIFACTS, COMMANDS, Workspace
from pages.components.class_table import show_class_table
from pages.components.conversation.shown_text import action_words
from pages.components.eval_errors import NO_ERRORS, eval_wrong, has_no_errors
from pages.components.facts import facts
from pages.components.go_to import turn_to
from pages.components.home.artifact_table import artifact_table
from pages.components.home.findings_list import show_findings
from pages.components.home.model_figures import model_figures, show_model_figures
from pages.components.home.run_check import show_run_check
from pages.components.home.run_rows import show_run_rows
from pages.components.home.task_figures import show_targets, show_task_figures, task_facts
from pages.components.home.training_curve import show_training_curve
from pages.components.job_panel import job_panel
from pages.components.learnt import warn_hardly_learnt
from pages.components.markup import Html, short, show, tag
from pages.components.missing import Only, due_steps, offer_missing
from pages.components.numbers import percent
from pages.components.workspaces import version


def show_overview(workspace: Workspace) -> None:
    """The page."""
    status = workspace.status(figures=False)
    st.title("Overview")
    show(_facts(workspace, status))
    st.space("small")
    show_run_check(status)
    _next_step(workspace, status)
    with st.container(border=True, gap="small"):
        st.subheader("Findings")
        warn_hardly_learnt(workspace)
        show_findings(workspace, status)
        _offer_export(workspace, status)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.subheader("Data")
        data = status["data"]
        show(tag("p", _columns(workspace, data), cls="fw-muted"))
        if status["classes"]:
            counts = _class_counts(str(workspace.path), version(workspace))
            rows = None if status["task"] == "classification" else data["n_train"]
            show_class_table(status["classes"], counts, "overview-classes", rows)
        else:
            show_targets(workspace)
        if data["n_rejected"]:
            st.caption(
                f"{data['n_rejected']:,} rows could not be used; the workspace's data folder lists them."
            )
    with right, st.container(border=True, height="stretch"):
        st.subheader("Model and what was computed")
        show(tag("p", _model(status), cls="fw-muted"))
        show(artifact_table(status))
        if status["artifacts"].get("influence", {}).get("state") == "current" and has_no_errors(workspace):
            st.caption(f"{NO_ERRORS}; influence is ordered by that on all eval rows.")
    show_model_figures(workspace)
    show_task_figures(workspace)
    show_training_curve(workspace)
    show_run_rows(workspace, status)


def _columns(workspace: Workspace, data: dict) -> str:
    """What a row is read from."""
    info = workspace.manifest.data
    if info.form == "messages":
        return f"conversations in column {short(data['text'])}"
    if info.form == "pair":
        return f"prompts in column {short(data['text'])}, answers in {short(data['label'])}"
    if info.form == "text":
        return f"texts in column {short(data['text'])}"
    names = [data["text"], data["text_b"], *(data["labels"] or [data["label"]])]
    return "columns: " + ", ".join(short(str(name)) for name in names if name)


def _facts(workspace: Workspace, status: dict) -> Html:
    shown = [
        ("training rows", f"{status['data']['n_train']:,}"),
        ("eval rows", f"{status['data']['n_eval']:,}"),
    ]
    if status["classes"]:
        kind = "classes" if status["task"] == "classification" else "labels"
        shown.append((kind, f"{len(status['classes']):,}"))
    if status["artifacts"]["predictions"]["state"] == "current":
        wrong = eval_wrong(str(workspace.path), version(workspace))
        if status["task"] == "classification":
            shown += [("accuracy on eval", percent(float(1 - wrong.mean()), 1)), *_beside(workspace)]
        else:
            shown += task_facts(workspace)
        if workspace.task.knows_right:
            shown.append(("errors on eval", f"{int(wrong.sum()):,}"))
    shown.append(("decisions in force", f"{sum(status['decisions'].values()):,}"))
    return facts(shown)


def _beside(workspace: Workspace) -> list[tuple[str, str]]:
    """What accuracy is to be read beside."""
    figures = model_figures(str(workspace.path), version(workspace))
    if figures is None or not figures.rows:
        return []
    return [("largest class", percent(figures.majority, 1)), ("macro-F1", f"{figures.macro_f1:.2f}")]


def _next_step(workspace: Workspace, status: dict) -> None:
    """What must be computed before questions can be answered; nothing where all of it is there."""
    missing = next((name for name in ARTIFACTS if status["artifacts"][name]["state"] != "current"), None)
    if missing is None:
        _rest(workspace)
        return
    with st.container(border=True):
        demo = demo_at(workspace.path)
        if demo is not None:
            st.markdown("**Next:** the demo is not complete.")
            job_panel(demo_command(demo), "Complete the demo", "a few minutes")
        elif COMMANDS.get(missing) == "precompute":
            st.markdown(
                "**Next:** trace the training examples, once. Then every question is answered at once."
            )
            cost = "minutes to hours, by the number of rows; a run that stops continues"
            offer_missing(workspace, Only(["precompute", str(workspace.path)], "Precompute", cost))
        else:
            path = str(workspace.path)
            st.markdown(
                f"**Next:** fine-tune {_model(status)}, once; or use the checkpoints of a Trainer run:"
            )
            job_panel(
                ["train", path], "Train the model", "with the usual settings; `train --help` has others"
            )
            st.code(f"{COMMAND} attach {path} --run DIR", language="bash")


def _rest(workspace: Workspace) -> None:
    """What the other pages still lack, if they do."""
    if due_steps(workspace):
        with st.container(border=True):
            st.markdown("**Next:** some pages have nothing to show yet.")
            offer_missing(workspace)


def _offer_export(workspace: Workspace, status: dict) -> None:
    words = action_words(workspace)
    decided = ", ".join(f"{n:,} {words[action]}" for action, n in status["decisions"].items() if n)
    if decided and st.button(f"Export ({decided})", icon=":material/download:"):
        turn_to("export")


def _model(status: dict) -> str:
    model = status["model"]
    layers = f", first {model['layers']} layers" if model["layers"] else ""
    return f"{model['name']}{layers}"


@st.cache_data(max_entries=10, show_spinner=False)
def _class_counts(path: str, artifacts: str) -> dict[str, tuple[int, int]]:
    workspace = Workspace.open(Path(path))
    task = workspace.manifest.task
    train, evaluation = (
        counts_of(task, each.labels) for each in (workspace.train_split, workspace.eval_split)
    )
    return {name: (train[name], evaluation[name]) for name in workspace.manifest.classes}
