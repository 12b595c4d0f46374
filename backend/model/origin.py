"""Where a workspace's checkpoints come from."""

from __future__ import annotations

from backend.folder import Folder


def was_attached(folder: Folder) -> bool:
    """Whether the workspace's checkpoints are somebody's own run, whose start is not known."""
    artifact = folder.manifest().artifacts.get("checkpoints")
    return artifact is not None and artifact.details.get("made_by") == "attach"
