"""Gradients of other layers than the word embeddings, kept for every training example at every checkpoint.

An example's gradient is kept as one or several factors, vectors whose inner products with the query's factors
are multiplied: a linear layer that sees an example once has the gradient ``b a^T``, and
``<b a^T, b' a'^T> = (b . b') (a . a')``. Files: ``features/NAME/STEP-FACTOR.npy``, memory-mapped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from transformers import PreTrainedModel

from backend.data.shards import shard_ranges
from backend.files import digest, file_digest, replacing, write_json
from backend.folder import Folder
from backend.influence.answers.engine import Engine
from backend.influence.answers.split_batches import example_batches, split_batches
from backend.influence.rowstore.space import require_free
from backend.model.tokenization import TokenIds
from backend.progress import Progress, silent
from backend.recorded import as_recorded

_INFO = "features.json"
Extract = Callable[[PreTrainedModel, dict[str, Tensor], Tensor], list[Tensor]]
"""From a model, a batch's inputs and its targets to each factor: float32 (B, size)."""


@dataclass(frozen=True)
class FeatureKind:
    """How a method makes factors: ``extract_from(models)``, of all checkpoints, says it for each of them.

    ``version`` changes whenever they do.
    """

    name: str
    extract_from: Callable[[Sequence[PreTrainedModel]], Extract]
    factors: int
    version: int = 1

    def extract(self, engine: Engine) -> Extract:
        """For the checkpoints of ``engine``."""
        models = engine.checkpoints.models
        return engine.keep(f"{self.name} extract", lambda: self.extract_from(models))


@dataclass(frozen=True)
class Features:
    """The factors of all training examples: at each checkpoint, arrays (n, size)."""

    factors: list[list[np.ndarray]]
    weights: np.ndarray

    def products(self, query: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
        """``sum_c eta_c <G_c(x), G_c(q)>`` of all training examples: float64 (n); ``query`` by checkpoint."""
        total = np.zeros(len(self.factors[0][0]))
        for weight, stored, asked in zip(self.weights.tolist(), self.factors, query, strict=True):
            product = np.full(len(total), weight)
            for factor, vector in zip(stored, asked, strict=True):
                product *= factor @ vector
            total += product
        return total

    def norms(self) -> np.ndarray:
        """Root of every example's influence on itself: float64 (n)."""
        total = np.zeros(len(self.factors[0][0]))
        for weight, stored in zip(self.weights.tolist(), self.factors, strict=True):
            total += weight * np.prod([_squares(factor) for factor in stored], axis=0)
        return np.sqrt(total)


def query_norm(query: Sequence[Sequence[np.ndarray]], weights: np.ndarray) -> float:
    """Root of the query's influence on itself; 0 for one without tokens."""
    if not query:
        return 0.0
    squares = [np.prod([float(np.sum(vector**2)) for vector in each]) for each in query]
    return float(np.sqrt(np.dot(weights, squares)))


def features_of(engine: Engine, kind: FeatureKind, encoded: TokenIds, target: Any) -> list[list[np.ndarray]]:
    """Factors of one example at every checkpoint, float32 (size) each; none for one without tokens."""
    found, extract = [], kind.extract(engine)
    with engine.checkpoints.using():
        for batch in example_batches(engine, [encoded], [target]):
            for model in engine.checkpoints.models:
                factors = extract(model, batch.inputs, batch.labels)
                found.append([each[0].float().cpu().numpy() for each in factors])
    return found


def stored_features(engine: Engine, kind: FeatureKind, progress: Progress = silent) -> Features:
    """The factors of all training examples: read where they are current, else computed and kept."""
    home, key = engine.folder.features / kind.name, _key(engine.folder, kind)
    if not features_are_stored(engine.folder, kind):
        with engine.folder.lock():  # whoever takes it sweeps away what is half-written
            _compute(engine, kind, home, key, progress)
    steps = [each.step for each in engine.checkpoints.manifest.checkpoints]
    factors = [
        [
            np.load(_path(home, step, number), mmap_mode="r", allow_pickle=False)
            for number in range(kind.factors)
        ]
        for step in steps
    ]
    return Features(factors, engine.checkpoints.weights.astype(np.float64))


def features_are_stored(folder: Folder, kind: FeatureKind) -> bool:
    """Whether the factors of all training examples are kept and current."""
    home = folder.features / kind.name
    info = _recorded(home)
    return info.get("key") == _key(folder, kind) and not damaged_features(home)


def damaged_features(home: Path, *, thorough: bool = False) -> list[Path]:
    """Files of a kept method that are missing or have another size than when they were written.

    ``thorough``: another content, too.
    """
    recorded = _recorded(home)
    known = recorded.get("files", {}) if thorough else {}
    return [
        home / name
        for name, size in recorded.get("sizes", {}).items()
        if _size(home / name) != size or not as_recorded(home / name, known.get(name))
    ]


def _key(folder: Folder, kind: FeatureKind) -> str:
    artifacts = folder.manifest().artifacts
    return digest("features", kind.name, kind.version, artifacts["checkpoints"].id, artifacts["data"].id)


def _recorded(home: Path) -> dict[str, Any]:
    """``key``, and ``sizes`` in bytes by file name; nothing where they can't be read."""
    try:
        found = json.loads((home / _INFO).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) and isinstance(found.get("sizes"), dict) else {}
    except (OSError, ValueError):
        return {}


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _path(home: Path, step: int, factor: int) -> Path:
    return home / f"{step}-{factor}.npy"


def _compute(engine: Engine, kind: FeatureKind, home: Path, key: str, progress: Progress) -> None:
    checkpoints, count, extract = engine.checkpoints, len(engine.train), kind.extract(engine)
    steps = [each.step for each in checkpoints.manifest.checkpoints]
    with replacing(home) as scratch:
        scratch.mkdir()
        for step, model in zip(steps, checkpoints.models, strict=True):
            files: list[np.ndarray] = []
            stage = f"{kind.name}, checkpoint {step}"
            for batch in split_batches(engine, "train", stage, progress=progress):
                with checkpoints.using():
                    found = extract(model, batch.inputs, batch.labels)
                if not files:
                    if step == steps[0]:
                        needed = 4 * count * len(steps) * sum(each.shape[1] for each in found)
                        require_free(engine.folder.path, needed, f"method {kind.name}")
                    paths = [_path(scratch, step, number) for number in range(len(found))]
                    files = [
                        _created(path, (count, each.shape[1]))
                        for path, each in zip(paths, found, strict=True)
                    ]
                for file, each in zip(files, found, strict=True):
                    file[batch.positions] = each.float().cpu().numpy()
            for file in files:
                file.flush()  # type: ignore[attr-defined]
        paths = sorted(scratch.glob("*.npy"))
        sizes = {path.name: path.stat().st_size for path in paths}
        contents = {path.name: file_digest(path) for path in paths}
        write_json(scratch / _INFO, {"key": key, "sizes": sizes, "files": contents})


def _created(path: Path, shape: tuple[int, int]) -> np.ndarray:
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)


def _squares(factor: np.ndarray) -> np.ndarray:
    """Squared norms of rows (n, size), float64 (n); block by block, since the file is mapped."""
    blocks = [factor[rows.start : rows.stop] for rows in shard_ranges(len(factor))]
    return np.concatenate([np.einsum("ij,ij->i", each, each, dtype=np.float64) for each in blocks])
