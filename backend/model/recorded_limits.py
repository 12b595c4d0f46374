"""What was found out about a run when it was attached that limits all that is said of it later."""

from __future__ import annotations

from collections.abc import Sequence

from backend.manifest import Manifest

FROZEN = "frozen_embeddings"
"""Among the details of attached checkpoints, a bool: the word embeddings are the same at all of them."""
BASE = "base"
"""Among them, where they are adapters: folder or hub id of the model that they belong to."""


def recorded_limits(manifest: Manifest) -> list[str]:
    """In sentences; none where nothing is known."""
    artifact = manifest.artifacts.get("checkpoints")
    if artifact is None or not artifact.details.get(FROZEN):
        return []
    return [frozen_note([each.step for each in manifest.checkpoints])]


def frozen_note(steps: Sequence[int]) -> str:
    """What it means that embeddings were not trained."""
    return (
        f"The word embeddings are the same at steps {steps[0]} and {steps[-1]}: they were not trained. "
        "Influence at them says what would have moved, not what did; `--method trained` follows what did."
    )
