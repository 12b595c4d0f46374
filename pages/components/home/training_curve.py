"""The training loss over the steps of the run, and the checkpoints that influence is taken at."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from backend.files import read_json
from backend.model.trainer_log import STATE_FILE, TrainerLog
from backend.workspace import Workspace
from pages.components.plots import GREY, HELPS, draw
from pages.components.workspaces import opened, version

MOST_POINTS = 1_000
Points = list[tuple[int, float]]


def show_training_curve(workspace: Workspace) -> None:
    """The plot, where the run has logged its losses."""
    losses = _losses(str(workspace.path), version(workspace))
    if len(losses) < 2:
        return
    checkpoints = [each.step for each in workspace.manifest.checkpoints]
    with st.container(border=True, gap="small"):
        st.subheader("Training")
        first, last = losses[0][1], losses[-1][1]
        alt = f"Training loss over {losses[-1][0]:,} steps, from {first:.3f} to {last:.3f}"
        draw(curve(losses, checkpoints), alt, "training-curve")
        st.caption(
            "Each point is the mean since the one before. Dotted: checkpoints that influence is taken at."
        )


def curve(losses: Points, checkpoints: list[int]) -> go.Figure:
    """Loss over steps; a dotted line at each checkpoint."""
    steps, values = zip(*losses, strict=True)
    made = go.Figure(
        go.Scatter(
            x=steps,
            y=values,
            mode="lines",
            line={"color": HELPS, "width": 2},
            hovertemplate="step %{x:,}: %{y:.4f}<extra></extra>",
        )
    )
    for step in checkpoints:
        made.add_vline(step, line_dash="dot", line_width=1.5, line_color=GREY)
    made.update_xaxes(title_text="step", fixedrange=True, rangemode="tozero")
    made.update_yaxes(title_text="training loss", fixedrange=True, rangemode="tozero")
    return made.update_layout(height=240, margin={"l": 0, "r": 10, "t": 10, "b": 10}, showlegend=False)


@st.cache_data(max_entries=10, show_spinner=False)
def _losses(path: str, artifacts: str) -> Points:
    """What the last checkpoint's log says; of very many points an even choice."""
    workspace = opened(Path(path))
    checkpoints = workspace.manifest.checkpoints
    if not checkpoints:
        return []
    state = read_json(workspace.folder.checkpoint_path(checkpoints[-1]) / STATE_FILE)
    losses = TrainerLog.read(state).losses
    return losses[:: -(-len(losses) // MOST_POINTS) or 1]
