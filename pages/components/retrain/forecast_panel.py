"""What the decisions should do, before anything is retrained."""

from __future__ import annotations

from typing import Any

import streamlit as st

from backend.trials.headline import headline_in
from backend.trials.kept import is_blunt
from backend.workspace import Workspace
from pages.components.badges import badge
from pages.components.job_panel import job_panel, jobs_of, watch
from pages.components.markup import Html, short, show, tag
from pages.components.missing import offer_missing
from pages.components.numbers import percent
from pages.components.retrain.trial_state import decided, decided_words, something_decided
from pages.components.tables import table

HELP = (
    "First order: the influence of the decided rows, summed. It sees the word embeddings only and "
    "takes rows as if "
    "they did not interact: trust its direction more than its size. Unlearning: some steps of gradient "
    "ascent on the "
    "rows at the last checkpoint, beside the same on random rows of the same classes."
)


def show_forecast(workspace: Workspace, followed: list[str] | None) -> None:
    """The forecast of the decisions as they are now, or the job that makes it."""
    st.subheader("Forecast", help=HELP)
    record = decided(workspace)
    if not something_decided(record):
        st.caption("There is nothing to forecast before a decision changes the training rows.")
        return
    if workspace.folder.state("index") != "current":
        st.info("A forecast needs the gradients of all training rows, which have not been computed yet.")
        offer_missing(workspace)
        return
    running = next((job for job in jobs_of(workspace.path, "forecast") if job.state.state == "running"), None)
    if running is not None:
        watch(running.folder)
        return
    known = workspace.trials.last_forecast(record["mark"])
    if known is not None:
        _show(workspace, known)
    else:
        st.caption(
            f"{decided_words(record, workspace)}. There is no forecast of these decisions yet; it takes "
            "seconds to minutes, and nothing is trained for it."
        )
    if followed is not None:
        args = ["forecast", str(workspace.path), *followed]
        job_panel(args, "Forecast" if known is None else "Forecast again")


def _show(workspace: Workspace, content: dict[str, Any]) -> None:
    st.markdown(f"**{verdict(content['forecast'])}**")
    st.caption(
        f"{decided_words(content['forecast'], workspace)}; made {content['at'].replace('T', ' ')[:16]} UTC."
    )
    show(forecast_table(content["forecast"], content["queries"]))


def verdict(forecast: dict[str, Any]) -> str:
    """Two sentences about the eval rows as a whole."""
    change, checked = forecast["eval"]["loss_change"], forecast["eval"]["unlearning"]
    expected = "fall" if change < 0 else "rise" if change > 0 else "stay as it is"
    first = f"The loss on eval rows should {expected}."
    if is_blunt(forecast["eval"]):
        return f"{first} Unlearning random rows harms as much, so that check says nothing here."
    gain = checked["after"] - checked["random"]
    if headline_in(forecast)["better"] == "low":
        gain = -gain
    if not gain or not change:
        return f"{first} The unlearning check sees no difference from random rows."
    agrees = (gain > 0) == (change < 0)
    return f"{first} The unlearning check {'points the same way' if agrees else 'points the other way'}."


def forecast_table(forecast: dict[str, Any], queries: list[dict[str, Any]]) -> Html:
    """The eval rows and each followed query: direction by first order, and what unlearning moved."""
    names = ["all eval rows", *(f"p({q['label']}): {q['text']}" for q in queries)]
    rows = []
    for name, each in zip(names, [forecast["eval"], *forecast["queries"]], strict=False):
        checked = each["unlearning"]
        rows.append(
            (
                tag("span", short(name, 60), title=short(name, 1_000)),
                direction(each["loss_change"]),
                *(_share(forecast, checked[key]) for key in ("before", "after", "random")),
            )
        )
    heads = ("", "loss, first order", "now", f"after {forecast['steps']} steps", "random rows")
    return table(heads, rows, numbers=(2, 3, 4))


def _share(forecast: dict[str, Any], value: float) -> str:
    """As a share, or in the unit of the targets."""
    return percent(value, 1) if headline_in(forecast)["better"] == "high" else f"{value:.3g}"


def direction(loss_change: float) -> Html:
    """Better or worse; the change of loss is in its tooltip."""
    title = f"first order: change of loss {loss_change:+.2g}"
    if not loss_change:
        return badge("same", "plain", title)
    return badge("better", "good", title) if loss_change < 0 else badge("worse", "bad", title)
