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
    if not known_frozen(manifest):
        return []
    return [frozen_note([each.step for each in manifest.checkpoints])]


def known_frozen(manifest: Manifest) -> bool | None:
    """Whether the run left its word embeddings as they were; None where that is not recorded."""
    artifact = manifest.artifacts.get("checkpoints")
    return None if artifact is None else artifact.details.get(FROZEN)


def frozen_note(steps: Sequence[int]) -> str:
    """What it means that embeddings were not trained; ``steps``: of the checkpoints, one only if adapters."""
    seen = (
        f"The word embeddings are the same at steps {steps[0]} and {steps[-1]}: they were not trained. "
        if len(steps) > 1
        else "The adapter leaves the word embeddings as they were: they were not trained. "
    )
    return f"{seen}Influence at them says what would have moved, not what did; method trained follows that."
