"""What was forecast beside what was measured."""

from __future__ import annotations

from typing import Any

import streamlit as st

from backend.trials.headline import headline_in, in_a_sentence
from backend.trials.kept import is_blunt
from pages.components.badges import badge
from pages.components.markup import Html, short, show, tag
from pages.components.numbers import MINUS
from pages.components.retrain.forecast_panel import direction
from pages.components.retrain.trial_figures import said_of
from pages.components.tables import table


def show_beside(report: dict[str, Any]) -> None:
    """A table, where the report has both."""
    rows = beside_rows(report)
    if not rows:
        return
    st.subheader("Forecast and measured")
    heads = ("", "forecast", "unlearning, beyond random rows", "measured change", "direction")
    show(table(heads, rows, numbers=(2, 3)))
    st.caption(
        "A forecast says a direction. A measured change within chance confirms or refutes nothing; see "
        "the intervals "
        "above."
    )


def beside_rows(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Accuracy and loss on eval, and each followed query: forecast, check, measured, do they agree."""
    forecast = report.get("forecast")
    cleaned = next((arm for arm in report["arms"] if arm["name"] == "cleaned" and "change" in arm), None)
    if not forecast or cleaned is None:
        return []
    change, checked, judged_by = cleaned["change"], forecast["eval"], headline_in(report)
    loss = change["loss"]["mean"]
    figure = in_a_sentence(judged_by["title"])
    moved = _moved(judged_by, change[judged_by["name"]]["mean"])
    rows = [
        (
            "eval rows",
            direction(checked["loss_change"]),
            "says nothing" if is_blunt(checked) else _moved(judged_by, _beyond_random(checked)),
            f"{figure} {moved}, loss {_signed(loss)}",
            _agree(-checked["loss_change"], -loss),
        )
    ]
    for query, each in zip(report.get("queries", []), forecast["queries"], strict=False):
        found = said_of(query)
        turned = found["cleaned"]["mean"] - found[report["reference"]]["mean"]
        is_number = "value" in query
        name = f"{query['label'] if is_number else 'p(' + query['label'] + ')'}: {query['text']}"
        rows.append(
            (
                tag("span", short(name, 80), title=short(name, 1_000)),
                direction(each["loss_change"]),
                _signed(_beyond_random(each)) if is_number else _points(_beyond_random(each)),
                _signed(turned) if is_number else _points(turned),
                badge("see the number") if is_number else _agree(-each["loss_change"], turned),
            )
        )
    return rows


def _moved(figure: dict[str, str], change: float) -> str:
    """In points of a hundred, or in the unit of the targets."""
    return _points(change) if figure["better"] == "high" else _signed(change)


def _beyond_random(found: dict[str, Any]) -> float:
    return found["unlearning"]["after"] - found["unlearning"]["random"]


def _agree(expected: float, measured: float) -> Html:
    if not expected or not measured:
        return badge("no change")
    return (
        badge("as forecast", "good") if (expected > 0) == (measured > 0) else badge("the other way", "warn")
    )


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points".replace("-", MINUS)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", MINUS)
