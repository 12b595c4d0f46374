"""Where a workspace's checkpoints come from."""

from __future__ import annotations

from backend.errors import InputError
from backend.folder import Folder
from backend.program import COMMAND


def was_attached(folder: Folder) -> bool:
    """Whether the workspace's checkpoints are somebody's own run, whose start is not known."""
    artifact = folder.manifest().artifacts.get("checkpoints")
    return artifact is not None and artifact.details.get("made_by") == "attach"


def check_trainable(folder: Folder, again: bool = False) -> None:
    """`InputError` where there are checkpoints already, unless another run is asked for."""
    if "checkpoints" not in folder.manifest().artifacts:
        return
    if was_attached(folder):
        raise InputError(
            f"{folder.path}: its run was attached; to train a model on these rows, "
            f"`{COMMAND} copy {folder.path} NEW --model MODEL`"
        )
    if not again:
        raise InputError(
            f"{folder.path}: is trained already; `--again` trains another run and keeps this one, "
            f"`{COMMAND} copy {folder.path} NEW` starts anew beside it"
        )
