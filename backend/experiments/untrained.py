"""The same workspace with a model that has learnt nothing, for the protocol ``randomisation``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from backend.errors import InputError
from backend.experiments.copies import copied
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.quiet import quiet
from backend.model.runs import recorded_settings
from backend.progress import Progress, silent
from backend.workspace import Workspace

_STILL = 1e-12  # a rate with which nothing moves


def untrained_workspace(workspace: Workspace, folder: Path, progress: Progress = silent) -> Workspace:
    """A copy at ``folder`` whose weights are drawn at random, "trained" at a rate of nothing, precomputed.

    `InputError` where the workspace's training settings are not known.
    """
    settings = recorded_settings(workspace.folder)
    if settings is None:
        raise InputError(
            f"{workspace.path}: its training is not known, so it can't be repeated without learning"
        )
    last = workspace.folder.checkpoint_path(workspace.manifest.checkpoints[-1])
    model, home = load_classifier(last), folder.parent / f"{folder.name}-model"
    torch.manual_seed(settings.seed + 1)
    _draw(model)
    with quiet():
        model.save_pretrained(home)
        load_tokenizer(workspace.folder.tokenizer_path(workspace.manifest)).save_pretrained(home)
    copy = copied(workspace, folder, model=str(home))
    copy.train(replace(settings, lr=_STILL, epochs=1, checkpoints=1, dynamics=False), progress)
    copy.precompute(progress=progress)
    return copy


def _draw(model: nn.Module) -> None:
    """New weights of the spread that the old ones have; norms and biases as when they were made."""
    with torch.no_grad():
        for name, each in model.named_parameters():
            if each.ndim > 1:
                each.normal_(0.0, float(each.std()))
            else:
                each.fill_(1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0)
