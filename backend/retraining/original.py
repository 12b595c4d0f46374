"""The original run's settings and its model before training: what every retraining starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backend.errors import InputError
from backend.folder import Folder, ModelInfo
from backend.model.origin import was_attached
from backend.model.runs import recorded_settings
from backend.model.training_settings import TrainingSettings


@dataclass(frozen=True)
class Original:
    """``model`` before training, ``settings`` of the run; ``tokenizer`` where the model may lack one."""

    model: ModelInfo
    settings: TrainingSettings
    tokenizer: str | None = None


def original_run(folder: Folder, device: str = "auto", start_model: str | None = None) -> Original:
    """What the workspace's model was trained from and how.

    ``start_model`` (hub id, folder or ``minilm``) is needed for an attached run, whose start is not known;
    its settings then are the defaults with the workspace's text length. `InputError` without.
    """
    folder.require("checkpoints", "train")
    manifest = folder.manifest()
    settings = recorded_settings(folder)
    attached = was_attached(folder)
    if attached and start_model is None:
        raise InputError(
            f"{folder.path}: its run was attached, so the model that it started from is not known; "
            "name it with --start-model (hub id, folder or minilm)"
        )
    if settings is None:
        default = TrainingSettings()
        settings = replace(default, max_length=manifest.max_length or default.max_length)
    model = manifest.model if start_model is None else ModelInfo(name=start_model)
    tokenizer = str(folder.tokenizer_path(manifest)) if attached else None
    return Original(model, replace(settings, device=device, checkpoints=1, dynamics=False), tokenizer)
