"""The state of everything computed from a workspace's data."""

from __future__ import annotations

from typing import Any

from backend.program import COMMAND
from backend.workspace import COMMANDS
from pages.components.asking.question import score_label
from pages.components.badges import STATE_TONES, badge
from pages.components.markup import Html, tag
from pages.components.numbers import plural
from pages.components.tables import table

NAMES = {
    "data": "Data",
    "checkpoints": "Checkpoints",
    "rows": "Gradient rows",
    "predictions": "Predictions",
    "index": "Index",
    "influence": "Influence on eval rows",
    "dynamics": "Looks during training",
    "sources": "Audit of sources",
    "words": "Words that carry influence",
    "run_rows": "What the run did to rows",
}


def artifact_table(status: dict[str, Any]) -> Html:
    """Name, state, facts or the command that makes it."""
    rows = []
    for name, artifact in status["artifacts"].items():
        state = artifact["state"]
        command = COMMANDS.get(name)
        if state != "current" and command:
            fact: str = tag("span", f"{COMMAND} {command} {status['path']}", cls="fw-mono")
        else:
            fact = _fact(name, artifact, status)
        rows.append((NAMES.get(name, name), badge(state, STATE_TONES[state]), fact))
    for state in ("current", "stale"):
        names = [name for name, found in status["scores"].items() if found == state]
        if names:
            rows.append(("Scores", badge(state, STATE_TONES[state]), ", ".join(names)))
    return tag("div", table(("", "state", ""), rows), cls="fw-states")


def _fact(name: str, artifact: dict[str, Any], status: dict[str, Any]) -> str | Html:
    if name == "data":
        return plural(status["data"]["n_train"] + status["data"]["n_eval"], "row")
    if name == "checkpoints":
        return _checkpoints(status)
    if name == "index":
        return _recall(artifact.get("recall", {}))
    if name == "predictions":
        return "of every row, by the last checkpoint"
    if name == "rows":
        return _rows(artifact)
    if name == "dynamics":
        return _looks(artifact)
    score, listed = artifact.get("score"), artifact.get("k")
    parts = ([f"score {score_label(score)}"] if score else []) + ([f"lists of {listed}"] if listed else [])
    return ", ".join(parts)


def _looks(artifact: dict[str, Any]) -> str:
    """How often the training rows were looked at; the scores made of that are listed under scores."""
    runs, looks = len(artifact.get("seeds", ())), min(artifact.get("epochs") or (0,))
    return f"{plural(looks, 'check')} of every training row in {plural(runs, 'run')}: what scores are made of"


def _rows(artifact: dict[str, Any]) -> Html:
    """How rows are kept, what they take, and what that costs."""
    size = f"{artifact.get('bytes', 0) / 1e6:,.0f} MB"
    store, precision = artifact.get("row_store", ""), artifact.get("precision", "")
    lines = [f"{store} of {precision} gradients, {size}"]
    if (store, precision) != ("full", "fp32"):
        lines.append("Scores carry the rounding of these stored rows; --exact ranks without it.")
    fidelity = artifact.get("fidelity", {})
    if fidelity:
        recall = min(fidelity["recall_proponents"], fidelity["recall_opponents"])
        lines.append(f"recall@{fidelity['k']} against fp32 on a sample: {recall:.3f}")
    return tag("div", *(tag("div", line) for line in lines))


def _recall(recall: dict[str, float]) -> str:
    ends = (("helpful", "proponents"), ("harmful", "opponents"))
    shown = ", ".join(f"{name} {recall[end]:.3f}" for name, end in ends if end in recall)
    return f"recall@{recall.get('k', 10)} against the full scan: {shown}" if shown else ""


def _checkpoints(status: dict[str, Any]) -> Html:
    lines = [
        tag("div", f"step {each['step']:,}", tag("span", f"  weight {each['weight']:.2e}", cls="fw-muted"))
        for each in status["checkpoints"]
    ]
    return tag("div", *lines)
