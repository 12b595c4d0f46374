"""How long the steps of `all` will take, from rows, model and processor; loads no torch, since pages ask too.

The unit is the time of one example's forward and backward pass at one checkpoint. `precompute` measures it;
where it has not run, it is estimated (see `backend.pass_cost`).
The ratios below were looked at once, in the demo beside other work: a forecast is an order of magnitude.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path

import pyarrow.compute as pc

from backend.data.dataset import load_split
from backend.folder import Folder
from backend.pass_cost import FORWARD, pass_seconds, tokens_of

MEASURED, ESTIMATED = "measured", "estimated"
_STARTING = 6.0  # seconds: loading models, rows and index, compiling
_SAMPLE = 1000  # rows whose lengths are looked at
_TOKENS_AT_MOST = 128
_INDEXING = 0.25  # of the time of the gradient rows
_SEARCH = 2e-6  # seconds per eval row, training row and checkpoint
_ENCODER_WEIGHTS = 10.6e6  # of the embedded sentence encoder, beside its embeddings
_ALIGNING = 3.5  # passes of the training rows through `sources`: 18 rows a second beside 82 of `precompute`


@dataclass(frozen=True)
class StepTime:
    """``seconds`` that a step should take, and how that is known: `MEASURED` here or `ESTIMATED`."""

    seconds: float
    basis: str


class StepTimes:
    """Forecasts for one workspace in the state in which it is now."""

    def __init__(self, folder: Folder) -> None:
        self._folder, self._manifest = folder, folder.manifest()

    def of(self, step: str) -> StepTime:
        """The forecast for a step of `backend.everything`."""
        seconds, basis = self._pass
        train, evaluation = self._manifest.data.n_train, self._manifest.data.n_eval
        passes = len(self._manifest.checkpoints) * train
        needed = {
            "precompute": self._precompute(passes * seconds),
            "embeddings": (train + evaluation) * self._encoding,
            "influence": evaluation * (self._steps * seconds + passes * _SEARCH),
            "scores": 2.0 + 0.001 * train,
            "words": self._steps * seconds * evaluation * 0.5 + passes * _SEARCH,
            "sources": _ALIGNING * passes * seconds,
        }
        return StepTime(_STARTING + needed[step], ESTIMATED if step == "embeddings" else basis)

    @property
    def _steps(self) -> int:
        return len(self._manifest.checkpoints)

    def _precompute(self, tracing: float) -> float:
        rows = self._folder.state("rows") == "current"
        return tracing * (_INDEXING if rows else 1 + _INDEXING)

    @cached_property
    def _pass(self) -> tuple[float, str]:
        """Seconds for one example at one checkpoint, and how that is known."""
        rate = self._measured_rate()
        if rate is not None:
            return 1 / rate, MEASURED
        weights = _weights(self._folder.checkpoint_path(self._manifest.checkpoints[-1]))
        return pass_seconds(weights, self._tokens), ESTIMATED

    def _measured_rate(self) -> float | None:
        """Examples a second through the model, as `precompute` found when it chose how to trace."""
        artifact = self._manifest.artifacts.get("rows")
        if artifact is None:
            return None
        rates = artifact.details.get("measured", {}).get("examples_per_second", {})
        chosen = f"{artifact.details.get('precision')} {artifact.details.get('attention')}"
        return rates.get(chosen) or None

    @property
    def _encoding(self) -> float:
        return FORWARD * pass_seconds(_ENCODER_WEIGHTS, self._tokens)

    @cached_property
    def _tokens(self) -> float:
        """Mean number of tokens of a training row."""
        split = load_split(self._folder, "train")
        letters = sum(pc.mean(pc.utf8_length(each.slice(0, _SAMPLE))).as_py() for each in split.text_columns)
        return tokens_of(letters, self._manifest.max_length or _TOKENS_AT_MOST)


def _weights(folder: Path) -> float:
    """Weights of a saved model beside its embeddings; reads the header of its file."""
    path = folder / "model.safetensors"
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
    except (OSError, ValueError, struct.error):  # in several files, or gone: the size of the usual base model
        return 85e6
    sizes = [
        prod(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and "embeddings" not in name
    ]
    return float(sum(sizes))
