"""A new trial: what is compared, with how many seeds; started as a job that can be stopped and goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from backend.errors import InputError
from backend.jobs.listing import Job
from backend.jobs.process import job_path
from backend.model.origin import was_attached
from backend.model.recorded_limits import BASE
from backend.workspace import Workspace
from pages.components import keys
from pages.components.choice import pick
from pages.components.conversation.shown_text import has_conversations
from pages.components.job_panel import LOGS, job_panel, jobs_of, progress_line, start, watch
from pages.components.markup import plain_label
from pages.components.messages import safely, show_error
from pages.components.number_field import Faults, ask_number, ask_whole
from pages.components.numbers import typeset
from pages.components.retrain.trial_options import ask_options
from pages.components.retrain.trial_state import decided, decided_words, something_decided
from pages.components.typed_name import allowed_model
from pages.components.typed_number import Limits

if TYPE_CHECKING:
    from backend.trials.run import RetrainSettings

DECISIONS = "decisions"
SEEDS, GUIDE = 3, 0.3
SEEDS_HELP = "How often every arm is trained. Fewer than 3 say hardly anything about chance."


def ask_trial(workspace: Workspace, followed: list[str] | None) -> None:
    """The form, and the job; while a trial of this workspace runs, its progress stands in their place."""
    st.subheader("Trial")
    jobs = jobs_of(workspace.path, "retrain")
    running = next((job for job in jobs if job.state.state == "running"), None)
    if running is not None:
        st.markdown(
            "A trial is running. You can go on deciding; it uses the decisions from when it was started."
        )
        watch(running.folder)
        return
    faults = Faults()
    try:
        args = _asked(workspace, followed, faults)
    except InputError as error:
        show_error(error)
        return
    if args is not None:
        job_panel(args, "Start the trial", wrong=faults.words)
        if not faults.words:
            _show_cost(workspace, args)
        _offer_stopped(jobs, args)


def trial_args(
    path: str, strategy: str, seeds: int, guide: float, options: dict[str, str], more: Sequence[str] = ()
) -> list[str]:
    """The command of a trial; what is as by default is left out, so that equal trials are one job."""
    args = ["retrain", path, f"--seeds={seeds}"]
    if strategy != DECISIONS:
        args.append(f"--strategy={strategy}")
    if _is_guided(strategy) and guide != GUIDE:
        args.append(f"--guide={guide:g}")
    return [*args, *(f"--set={name}={value}" for name, value in options.items()), *more]


def _is_guided(strategy: str) -> bool:
    from backend.trials.strategies.registry import strategy_named

    return strategy != DECISIONS and strategy_named(strategy).guided


def _ask_strategy(workspace: Workspace) -> str:
    """The decisions, or a strategy that serves the workspace's task."""
    from backend.trials.strategies.registry import strategies_for

    served = strategies_for(workspace.space.task)
    titles = {DECISIONS: "Your decisions", **{name: each.title for name, each in served.items()}}
    if keys.get(keys.TRIAL_STRATEGY) not in (None, *titles):  # of a workspace of another task
        keys.put(keys.TRIAL_STRATEGY, DECISIONS)
    return pick("What is compared", titles, keys.TRIAL_STRATEGY, DECISIONS, named=True)


def _lacks_index(workspace: Workspace, strategy: str) -> bool:
    from backend.trials.strategies.registry import strategy_named

    needs = strategy != DECISIONS and strategy_named(strategy).needs_index
    return needs and workspace.folder.state("index") != "current"


def _asked(workspace: Workspace, followed: list[str] | None, faults: Faults) -> list[str] | None:
    """The command; None, with the reason on the page, where there is nothing to start."""
    strategy = _ask_strategy(workspace)
    _explain(workspace, strategy)
    if strategy == DECISIONS and not something_decided(decided(workspace)):
        st.caption(
            "There is nothing to compare before a decision changes the training rows. The other "
            "comparisons need none."
        )
        return None
    if _lacks_index(workspace, strategy):
        st.info("This strategy weighs rows by their influence, so the index must be there first.")
        st.page_link("pages/overview.py", label="Precompute it on the Overview page", icon=":material/home:")
        return None
    seeds_box, epochs_box = st.columns(2)
    with seeds_box:
        seeds = ask_whole(
            "Seeds", keys.TRIAL_SEEDS, Limits(1, 100, whole=True), SEEDS, faults, help=SEEDS_HELP
        )
    with epochs_box:
        epochs = _epochs(faults)
    guide = _guide(workspace, faults) if _is_guided(strategy) else GUIDE
    options = ask_options(workspace, strategy, faults)
    if options is None or followed is None:
        return None
    if strategy != DECISIONS:
        from backend.trials.strategies.registry import checked_options, strategy_named

        checked_options(strategy_named(strategy), options, workspace.space.task)
    more = followed
    if was_attached(workspace.folder) and BASE not in workspace.manifest.artifacts["checkpoints"].details:
        st.text_input(
            "Model before training",
            key=keys.TRIAL_START,
            help="An attached run does not say what it started from: a hub id, a folder or minilm",
        )
        start = allowed_model(keys.get(keys.TRIAL_START))
        if not start:
            st.info("Name the model that the attached run started from.")
            return None
        more = [*more, f"--start-model={start}"]
    if epochs is not None:
        more = [*more, f"--epochs={epochs:g}"]
    return trial_args(str(workspace.path), strategy, seeds, guide, options, more)


def _show_cost(workspace: Workspace, args: list[str]) -> None:
    """What will be trained and how long it takes; the command refuses what this can't plan."""
    try:
        cost = workspace.trials.plan(trial_settings(args))
    except InputError as error:
        show_error(error)
        return
    words = typeset(cost.words().replace(" x ", " × "))
    st.caption(plain_label(f"{words}. Arms: {', '.join(cost.arms)}. Stopped, it goes on where it was.", 600))


def trial_settings(args: Sequence[str]) -> RetrainSettings:
    """What the command of `trial_args` asks of `retrain`, as far as it says what is trained."""
    from backend.trials.run import RetrainSettings  # imports torch

    given = [each.removeprefix("--").partition("=")[::2] for each in args[2:] if "=" in each]
    one, default = dict(given), RetrainSettings()
    return RetrainSettings(
        seeds=int(one.get("seeds", default.seeds)),
        strategy=one.get("strategy", default.strategy),
        guide=float(one.get("guide", default.guide)),
        epochs=float(one["epochs"]) if "epochs" in one else None,
        options=dict(value.partition("=")[::2] for name, value in given if name == "set"),
    )


def _explain(workspace: Workspace, strategy: str) -> None:
    if strategy == DECISIONS:
        record, writes = decided(workspace), has_conversations(workspace)
        targets = "answers" if writes else "labels"
        control = "as many rows of the same length" if writes else "as many rows"
        by_loss = ", and as many removed by their loss" if record["removed"] else ""
        st.caption(
            f"Trains on the rows and {targets} that your decisions leave "
            f"({decided_words(record, workspace)}), beside the untouched data, "
            f"{control} removed at random{by_loss}."
        )
        return
    from backend.trials.strategies.registry import strategy_named

    chosen = strategy_named(strategy)
    st.caption(f"{plain_label(chosen.summary, 200).capitalize()} ({plain_label(chosen.source, 120)}). "
               "Starts from the rows and labels as they came; your decisions are not applied.")  # fmt: skip


def _epochs(faults: Faults) -> float | None:
    return ask_number(
        "Passes over the rows",
        keys.TRIAL_EPOCHS,
        Limits(0.1, 1_000),
        None,
        faults,
        placeholder="as the original",
        help="Of every training. Fewer take less time, but say less about the original model.",
    )


def _guide(workspace: Workspace, faults: Faults) -> float:
    found = ask_number(
        "Guide",
        keys.TRIAL_GUIDE,
        Limits(0.05, 0.95, share=True),
        GUIDE,
        faults,
        help=f"Share of the {workspace.manifest.data.n_eval:,} eval rows that the strategy may follow; "
        "only the others measure.",
    )
    return GUIDE if found is None else found


def _offer_stopped(jobs: list[Job], args: list[str]) -> None:
    """A trial of other settings that was stopped can go on."""
    own = job_path(args, LOGS)
    stopped = next((job for job in jobs if job.state.state == "interrupted" and job.folder != own), None)
    if stopped is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Go on with the stopped trial", key="go-on-trial", icon=":material/play_arrow:",
                  on_click=safely(start), args=(list(stopped.args),))  # fmt: skip
        words = " ".join(stopped.args[2:])
        st.caption(f"{plain_label(words, 120)}; it was at: {progress_line(stopped.state)}", width="content")
