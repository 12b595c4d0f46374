"""Trains the arms of a trial with several seeds; what was trained before is read instead."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from backend.data.conversation import reading_of
from backend.data.dataset import load_split
from backend.data.examples import Examples
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.files import digest, replacing
from backend.folder import Folder
from backend.model.fingerprint import start_digest
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.prediction import predict
from backend.model.source import resolve
from backend.model.token_table import tokenizer_id
from backend.model.tokenization import encode
from backend.model.training import train
from backend.model.training_settings import TrainingSettings
from backend.progress import Progress, silent
from backend.trials.arm import Arm, Phase, Trial
from backend.trials.lock import alone
from backend.trials.original import Original
from backend.trials.outcome import Outcome, read_outcome, write_outcome
from backend.trials.probe import Probe

_FORMAT = 2
_STAGE = "trainings"
Outcomes = dict[str, list[Outcome]]
"""By arm, one per seed."""


class Runner:
    """Trains, predicts and keeps outcomes for one workspace; the original run is never touched.

    ``queries``: typed texts whose probabilities are asked of every trained model, or what language models are
    asked. ``keep``: an arm whose model of the first seed is kept in ``retrains/models/KEY``.
    """

    def __init__(
        self,
        folder: Folder,
        original: Original,
        queries: Examples | Probe,
        keep: str | None = None,
    ) -> None:
        self._folder, self._original, self._queries, self._keep = folder, original, queries, keep
        self._manifest = folder.manifest()
        self._train, self._eval = load_split(folder, "train"), load_split(folder, "eval")
        self._home = folder.retrains / "outcomes"
        self.models: dict[str, Path] = {}

    def run(self, trial: Trial, seeds: Sequence[int], progress: Progress = silent) -> Outcomes:
        """Outcomes of all arms, seed by seed, so that a stopped trial has whole seeds."""
        found: Outcomes = {arm.name: [] for arm in trial.arms}
        total, done = len(trial.arms) * len(seeds), 0
        with alone(self._folder):
            progress(_STAGE, 0, total)
            for number, seed in enumerate(seeds):
                for arm in trial.arms:
                    keep = number == 0 and arm.name == self._keep
                    found[arm.name].append(self._outcome(arm, seed, keep, progress))
                    done += 1
                    progress(_STAGE, done, total)
        return found

    def _outcome(self, arm: Arm, seed: int, keep: bool, progress: Progress) -> Outcome:
        phases = arm.phases(seed)
        key = self._key(phases, seed)
        model = self._home.parent / "models" / key
        known = read_outcome(self._home, key)
        if known is None and not keep and self._is_original(phases, seed):
            known = self._outcome_of_original(phases)
            write_outcome(self._home, key, known)
        if known is None or (keep and not model.is_dir()):
            with tempfile.TemporaryDirectory(".tmp", ".run.", self._home.parent) as scratch:
                known = self._trained(phases, seed, Path(scratch), model if keep else None, progress)
            write_outcome(self._home, key, known)
        if keep:
            self.models[arm.name] = model
        return known

    def _is_original(self, phases: Sequence[Phase], seed: int) -> bool:
        """Whether this training is the one that the workspace's own model came of."""
        if self._original.trained is None or seed != self._original.settings.seed or len(phases) != 1:
            return False
        [phase] = phases
        rows, everything = phase.rows, np.arange(len(self._train))
        return (
            phase.recipe is None
            and phase.epochs is None
            and not len(rows.evaluation)
            and np.array_equal(rows.train, everything)
            and rows.targets.tolist() == self._train.labels
        )

    def _outcome_of_original(self, phases: Sequence[Phase]) -> Outcome:
        checkpoint, length = self._original.trained, self._manifest.max_length
        assert checkpoint is not None and length is not None
        evaluation, queries, written = self._asked(checkpoint, length, self._original.settings)
        return Outcome(evaluation, queries, [{} for _ in phases], self._original.seconds, written)

    def _key(self, phases: Sequence[Phase], seed: int) -> str:
        space = space_of(self._manifest.task)
        return digest(
            "outcome",
            _FORMAT,
            self._manifest.data.fingerprint,
            self._manifest.classes,
            self._start,
            seed,
            [(each.rows.mark(space), each.mark, each.epochs) for each in phases],
            content_of(self._queries),
        )

    @cached_property
    def _start(self) -> str:
        """Identifies what all trainings begin with: weights, tokenizer and settings as they come out here."""
        original, settings = self._original, self._original.settings
        source = Path(resolve(original.model.name))
        made_by = load_tokenizer(source if original.tokenizer is None else original.tokenizer)
        rules = tokenizer_id(made_by, reading_of(self._manifest.task))
        precision = "bf16" if settings.bf16() else "fp32"
        here = replace(settings, device=settings.torch_device().type, precision=precision)
        return digest(original.model.model_dump(), start_digest(source), rules, here.identity())

    def _trained(
        self, phases: Sequence[Phase], seed: int, scratch: Path, keep: Path | None, progress: Progress
    ) -> Outcome:
        start = time.perf_counter()
        settings = replace(self._original.settings, seed=seed)
        name, layers, tokenizer = (
            self._original.model.name,
            self._original.model.layers,
            self._original.tokenizer,
        )
        logs = []
        for number, phase in enumerate(phases):
            of_phase = settings if phase.epochs is None else replace(settings, epochs=phase.epochs)
            run = scratch / f"phase-{number}"
            checkpoint, length = self._fit(run, name, layers, tokenizer, phase, of_phase, progress)
            logs.append(phase.recipe.log() if phase.recipe else {})
            name, layers, tokenizer = str(checkpoint), None, None
        if keep is not None:
            with replacing(keep) as copy:
                shutil.copytree(
                    checkpoint, copy, ignore=shutil.ignore_patterns("optimizer*", "scheduler*", "rng*")
                )
        evaluation, queries, written = self._asked(checkpoint, length, settings)
        return Outcome(evaluation, queries, logs, time.perf_counter() - start, written)

    def _fit(
        self,
        run: Path,
        model: str,
        layers: int | None,
        tokenizer: str | None,
        phase: Phase,
        settings: TrainingSettings,
        progress: Progress,
    ) -> tuple[Path, int]:
        rows = phase.rows
        if not len(rows):
            raise InputError("an arm has no rows to train on")
        chosen = self._train.take(rows.train).with_targets(rows.targets.tolist())
        training = chosen + self._eval.take(rows.evaluation)
        result = train(
            run,
            model=model,
            layers=layers,
            tokenizer=tokenizer,
            task=self._manifest.task,
            training=training,
            # Where the best model is to be found, as in the original run, by eval rows.
            evaluation=self._eval.examples if settings.selects else None,
            settings=settings,
            recipe=phase.recipe,
            progress=progress,
        )
        return result.checkpoints[-1].path, result.max_length

    def _asked(
        self, checkpoint: Path, length: int, settings: TrainingSettings
    ) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
        """Outputs of eval rows and of queries, and what is written."""
        tokenizer, model = load_tokenizer(checkpoint), load_classifier(checkpoint)
        model.to(settings.torch_device())  # type: ignore[arg-type]
        evaluation = predict(model, encode(tokenizer, self._eval.examples, length), tokenizer)
        if isinstance(self._queries, Probe):
            queries = self._queries.outputs(model, tokenizer, length)
            return evaluation, queries, self._queries.answers(model, tokenizer)
        return evaluation, predict(model, encode(tokenizer, self._queries, length), tokenizer), []


def content_of(queries: Examples | Probe) -> dict[str, Any]:
    """Typed texts in the form that keys of outcomes have had since these are kept; of a probe its own."""
    if isinstance(queries, Probe):
        return queries.content()
    texts, texts_b = queries.pair
    return {"texts": tuple(texts), "texts_b": None if texts_b is None else tuple(texts_b)}
