"""Which artifacts are recorded but have no files any more: a look at names, for `status`; nothing is read."""

from __future__ import annotations

from pathlib import Path

from backend.data.shards import shard_ranges
from backend.folder import Folder
from backend.manifest import Manifest


def lost_artifacts(folder: Folder) -> set[str]:
    """Names of artifacts of which a file is missing."""
    manifest = folder.manifest()
    homes = {
        "data": folder.data,
        "predictions": folder.predictions,
        "dynamics": folder.dynamics,
        "influence": folder.influence,
        "words": folder.scores,
        "sources": folder.scores,
        "run_rows": folder.scores,
    }
    lost = {name for name, home in homes.items() if _lacks(manifest, name, home)}
    if "rows" in manifest.artifacts and _lacks_shards(folder, manifest):
        lost.add("rows")
    if "index" in manifest.artifacts and not (folder.index / "index.json").is_file():
        lost.add("index")
    return lost


def _lacks(manifest: Manifest, name: str, home: Path) -> bool:
    recorded = manifest.artifacts.get(name)
    files = recorded.details.get("files", {}) if recorded else {}
    return not all((home / each).is_file() for each in files)


def _lacks_shards(folder: Folder, manifest: Manifest) -> bool:
    recorded = manifest.artifacts["rows"].inputs.get("data")
    if recorded != manifest.artifacts["data"].id:
        return False  # stale: nobody says how many there were
    blocks = len(shard_ranges(manifest.data.n_train))  # a shard each, before that was recorded
    count = manifest.artifacts["rows"].details.get("shards", blocks)
    places = [folder.rows / str(each.step) for each in manifest.checkpoints]
    return any(len(list(place.glob("shard-*.safetensors"))) < count for place in places)
