"""Plots of a trial's report: arms before and after, parts of the data, followed queries, curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from backend.trials.headline import figures_in
from pages.components.plots import COLOURS, GREY, SYMBOLS, plot_text, rows_axis

_ROW = 44
SEEN = 0.005  # a probability that can be seen in a plot
_LEAST = 0.02  # an axis shows at least so much


def titles(report: dict[str, Any]) -> dict[str, str]:
    """The figures that a report is about, by name."""
    return {each["name"]: each["title"] for each in figures_in(report)}


def title_of(report: dict[str, Any], figure: str) -> str:
    """What a figure is called."""
    return titles(report)[figure]


def is_low_good(report: dict[str, Any], figure: str) -> bool:
    """Whether a figure is the better the lower it is."""
    return next(each["better"] for each in figures_in(report) if each["name"] == figure) == "low"


def said_of(query: dict[str, Any]) -> dict[str, Any]:
    """What every arm says of a query: a probability, a number, or the loss of unlikely words."""
    if _is_unlikely(query):
        found: dict[str, Any] = query["loss"]
    else:
        found = query["value"] if "value" in query else query["probability"]
    return found


def name_of(query: dict[str, Any]) -> str:
    """What is followed of a query."""
    if _is_unlikely(query):
        return f"loss in nats of “{query['label']}”"
    if "loss" in query:
        return f"probability of “{query['label']}”"
    return "the number" if "value" in query else f"probability of {query['label']}"


def _is_unlikely(query: dict[str, Any]) -> bool:
    """Whether all probabilities, of words such as those of a long answer, would look like nothing."""
    return "loss" in query and max(each["mean"] for each in query["probability"].values()) < SEEN


def arms_figure(report: dict[str, Any], figure: str) -> go.Figure:
    """Left every arm's mean with its deviation over seeds, right its change with the 95 % interval."""
    arms = report["arms"]
    made = make_subplots(1, 2, shared_yaxes=True, column_widths=[0.42, 0.58], horizontal_spacing=0.03)
    for place, arm in enumerate(arms):
        found = arm["figures"][figure]
        sd = found["sd"] or 0.0
        made.add_trace(
            go.Scatter(
                x=[found["mean"]],
                y=[place],
                error_x={"type": "data", "array": [sd], "thickness": 2, "width": 0},
                marker={"color": colour(report, arm["name"]), "size": 11, "symbol": symbol(place)},
                mode="markers",
                hovertemplate=f"{plot_text(arm['name'])}: %{{x:.4f}} ± {sd:.4f}<extra></extra>",
            ),
            1,
            1,
        )
        change = arm.get("change", {}).get(figure)
        if change:
            _add_change(made, report, arm["name"], place, change)
    made.add_vline(0, line_width=1, line_color=GREY, row=1, col=2)
    means = [value for arm in arms for value in _ends(arm["figures"][figure])]
    made.update_xaxes(
        title_text=f"{title_of(report, figure)}, mean and deviation over seeds",
        range=_range(means),
        row=1,
        col=1,
        fixedrange=True,
    )
    made.update_xaxes(
        title_text=_against(report),
        range=_range([0.0, *_all_changes(arms, [figure])]),
        row=1,
        col=2,
        fixedrange=True,
    )
    made.update_yaxes(**rows_axis([arm["name"] for arm in arms]))
    made.update_layout(
        height=_ROW * len(arms) + 90, margin={"l": 0, "r": 10, "t": 10, "b": 10}, showlegend=False
    )
    return made


def _against(report: dict[str, Any]) -> str:
    return f"change against {plot_text(report['reference'])}, 95 % interval"


def _ends(found: dict[str, Any]) -> tuple[float, float]:
    return found["mean"] - (found["sd"] or 0.0), found["mean"] + (found["sd"] or 0.0)


def _all_changes(arms: Sequence[dict[str, Any]], figures: Sequence[str]) -> list[float]:
    """Ends of the intervals and single seeds: what must fit on the axis."""
    changes = [arm.get("change", {}).get(each) for arm in arms for each in figures]
    return [value for each in changes if each for value in (each["low"], each["high"], *each["seeds"])]


def _range(values: Sequence[float]) -> list[float]:
    """Ends of an axis: room at both sides, and never so close that nothing looks like much."""
    low, high = min(values), max(values)
    room = max(0.08 * (high - low), _LEAST / 2 - (high - low) / 2)
    return [low - room, high + room]


def _add_change(
    made: go.Figure, report: dict[str, Any], name: str, place: int, change: dict[str, Any]
) -> None:
    shade = colour(report, name)
    made.add_trace(
        go.Scatter(
            x=change["seeds"],
            y=[place + 0.22] * len(change["seeds"]),
            mode="markers",
            marker={"color": shade, "size": 5, "opacity": 0.6},
            hovertemplate="one seed: %{x:+.4f}<extra></extra>",
        ),
        1,
        2,
    )
    made.add_trace(_interval(change, place, shade, symbol_of(report, name), plot_text(name)), 1, 2)


def _interval(change: dict[str, Any], place: float, shade: str, marker: str, name: str) -> go.Scatter:
    mean, low, high = change["mean"], change["low"], change["high"]
    return go.Scatter(
        x=[mean],
        y=[place],
        error_x={
            "type": "data",
            "array": [max(high - mean, 0)],
            "arrayminus": [max(mean - low, 0)],
            "thickness": 3,
            "width": 5,
        },
        mode="markers",
        marker={"color": shade, "size": 11, "symbol": marker},
        name=name,
        hovertemplate=f"{name}: %{{x:+.4f}} ({low:+.4f} to {high:+.4f})<extra></extra>",
    )


def parts_figure(report: dict[str, Any], names: Sequence[str], arms: Sequence[str]) -> go.Figure:
    """Change of each part (class or group) with its interval, for some arms side by side.

    ``names`` are figures such as ``f1/good``.
    """
    made = go.Figure()
    of_arm = {arm["name"]: arm for arm in report["arms"]}
    step = 0.5 / max(len(arms), 1)
    for number, name in enumerate(arms):
        known = of_arm[name].get("change", {})
        found = [(place, known[each]) for place, each in enumerate(names) if each in known]
        offset = step * (number - (len(arms) - 1) / 2)
        for first, (place, change) in enumerate(found):
            trace = _interval(
                change, place + offset, colour(report, name), symbol_of(report, name), plot_text(name)
            )
            made.add_trace(trace.update(showlegend=first == 0, legendgroup=name))
    made.add_vline(0, line_width=1, line_color=GREY)
    made.update_xaxes(
        title_text=_against(report),
        range=_range([0.0, *_all_changes([of_arm[name] for name in arms], names)]),
        fixedrange=True,
    )
    made.update_yaxes(**rows_axis([each.partition("/")[2] for each in names]))
    made.update_layout(
        height=max(_ROW, 18 * len(arms)) * len(names) + 110,
        margin={"l": 0, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
    )
    return made


def query_figure(report: dict[str, Any], query: dict[str, Any]) -> go.Figure:
    """What is followed of the query: each seed's, and the mean, for every arm."""
    made, names = go.Figure(), [arm["name"] for arm in report["arms"]]
    ends = None if "value" in query or _is_unlikely(query) else [-0.03, 1.03]
    for place, name in enumerate(names):
        found, shade = said_of(query)[name], colour(report, name)
        made.add_trace(
            go.Scatter(
                x=found["seeds"],
                y=[place] * len(found["seeds"]),
                mode="markers",
                marker={"color": shade, "size": 6, "opacity": 0.55},
                hovertemplate="one seed: %{x:.3f}<extra></extra>",
            )
        )
        made.add_trace(
            go.Scatter(
                x=[found["mean"]],
                y=[place],
                mode="markers+text",
                text=[_said(query, name)],
                textposition=_beside(found["mean"]) if ends else "top center",
                marker={"color": shade, "size": 12, "symbol": symbol(place)},
                hovertemplate=f"{plot_text(name)}: %{{x:.3f}}<extra></extra>",
            )
        )
    made.update_xaxes(title_text=plot_text(name_of(query), 60), range=ends, fixedrange=True)
    made.update_yaxes(**rows_axis(names))
    made.update_layout(
        height=_ROW * len(names) + 80, margin={"l": 0, "r": 10, "t": 14, "b": 10}, showlegend=False
    )
    return made


def _beside(share: float) -> str:
    """Where the text of a marker is not cut off by the end of the axis."""
    return "top right" if share < 0.15 else "top left" if share > 0.85 else "top center"


def _said(query: dict[str, Any], arm: str) -> str:
    """The mean; of words with their loss, since probabilities near 1 or 0 look alike."""
    mean = f"{said_of(query)[arm]['mean']:.3f}"
    if "loss" not in query or _is_unlikely(query):
        return mean
    return f"{mean} ({query['loss'][arm]['mean']:.2f} nats)"


def curve_figure(report: dict[str, Any], figure: str) -> go.Figure:
    """A figure over the share of the training rows: one line for each way of choosing."""
    families: dict[str, list[tuple[float, float, float]]] = {}
    for arm in report["arms"]:
        if arm.get("x") is not None:
            found = arm["figures"][figure]
            families.setdefault(family(arm["name"]), []).append((arm["x"], found["mean"], found["sd"] or 0.0))
    made = go.Figure()
    for number, (name, points) in enumerate(families.items()):
        points.sort()
        xs, means, deviations = zip(*points, strict=True)
        made.add_trace(
            go.Scatter(
                x=xs,
                y=means,
                error_y={"type": "data", "array": deviations, "thickness": 2, "width": 3},
                mode="lines+markers" if len(points) > 1 else "markers",
                name=plot_text(name),
                line={"color": COLOURS[number % len(COLOURS)]},
                marker={"symbol": SYMBOLS[number % len(SYMBOLS)], "size": 9},
            )
        )
    made.update_xaxes(title_text="share of the training rows", tickformat=".0%", fixedrange=True)
    made.update_yaxes(
        title_text=f"{title_of(report, figure)}, mean and deviation over seeds", fixedrange=True
    )
    made.update_layout(height=380, margin={"l": 0, "r": 10, "t": 10, "b": 10})
    return made


def has_curve(report: dict[str, Any]) -> bool:
    """Whether the arms stand on an axis."""
    return sum(arm.get("x") is not None for arm in report["arms"]) > 2


def family(name: str) -> str:
    """The way of choosing that an arm such as "random 50%" belongs to."""
    words, _, last = name.rpartition(" ")
    return words if words and last.endswith("%") else name


def colour(report: dict[str, Any], name: str) -> str:
    """Grey for the reference; the same colour for an arm in all plots."""
    place = _place(report, name)
    return GREY if place == 0 else COLOURS[(place - 1) % len(COLOURS)]


def symbol_of(report: dict[str, Any], name: str) -> str:
    """The shape of an arm's marker."""
    return symbol(_place(report, name))


def symbol(place: int) -> str:
    """The shape of a marker by its place."""
    return SYMBOLS[place % len(SYMBOLS)]


def _place(report: dict[str, Any], name: str) -> int:
    return next(place for place, arm in enumerate(report["arms"]) if arm["name"] == name)
