"""Sentence embeddings of a split that are not there yet: a job that computes them."""

from __future__ import annotations

from backend.data.dataset import SplitName
from backend.workspace import Workspace
from pages.components.missing import Only, offer_missing


def offer_embeddings(workspace: Workspace, split: SplitName) -> None:
    """Offer all that is missing, or the cheapest command that leaves the embeddings of a split behind."""
    path = str(workspace.path)
    command = ["prepare", path, "embedding"] if split == "train" else ["scores", path, "--only", "domain"]
    only = Only(command, "Compute sentence embeddings", "one pass of a small encoder over the texts")
    offer_missing(workspace, only)
