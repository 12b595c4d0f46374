"""Sentence embeddings of a split that are not there yet: a job that computes them."""

from __future__ import annotations

from backend.data.dataset import SplitName
from backend.workspace import Workspace
from pages.components.job_panel import job_panel


def offer_embeddings(workspace: Workspace, split: SplitName) -> None:
    """Offer the cheapest command that leaves the embeddings of a split behind."""
    path = str(workspace.path)
    command = ["prepare", path, "embedding"] if split == "train" else ["scores", path, "--only", "domain"]
    job_panel(command, "Compute sentence embeddings", "one pass of a small encoder over the texts")
