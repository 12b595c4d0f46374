"""Which trainings a workspace has, by its manifest alone; loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.folder import Folder
from backend.manifest import EarlierRun, Manifest


def with_current(manifest: Manifest) -> tuple[EarlierRun, ...]:
    """All trainings by number, the one that is explained now among them."""
    known = manifest.artifacts.get("checkpoints")
    if known is None:
        return manifest.runs
    current = EarlierRun(
        number=manifest.run,
        created=known.created,
        checkpoints=manifest.checkpoints,
        details=known.details,
        max_length=manifest.max_length,
        id=known.id,
        inputs=known.inputs,
    )
    return tuple(sorted((*manifest.runs, current), key=lambda each: each.number))


def list_runs(folder: Folder) -> list[dict[str, Any]]:
    """All trainings by number, ready for JSON: settings, figures on eval, where they lie."""
    manifest = folder.manifest()
    return [
        {
            "number": each.number,
            "created": each.created,
            "current": "checkpoints" in manifest.artifacts and each.number == manifest.run,
            **{
                name: (each.details.get("settings") or {}).get(name)
                for name in ("epochs", "lr", "batch_size")
            },
            "settings": each.details.get("settings"),
            "steps": each.checkpoints[-1].step,
            "accuracy": each.details.get("eval_accuracy"),
            "macro_f1": each.details.get("eval_macro_f1"),
            "figures": _figures(each.details),
            "folder": str(Path(each.checkpoints[-1].path).parent),
        }
        for each in with_current(manifest)
    ]


def _figures(details: Mapping[str, Any]) -> dict[str, float]:
    """Those on eval by name, as the task measures."""
    found = {name.removeprefix("eval_"): value for name, value in details.items() if name.startswith("eval_")}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}
