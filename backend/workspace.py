"""`Workspace`: the facade that ties the parts together. Command line, app and notebooks go through it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.data.columns import Columns
from backend.data.dataset import Split, load_split
from backend.data.targets.registry import space_of
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.folder import Folder
from backend.handles.answers import Answers
from backend.handles.audit import Audit
from backend.handles.matches import Matches
from backend.handles.review import Review
from backend.handles.scores import Scores
from backend.handles.trials import Trials
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.lost import lost_artifacts
from backend.manifest import Manifest, ModelInfo, SplitName, TaskName
from backend.model.embedded import EMBEDDED
from backend.model.source import check_source, make_ready
from backend.program import COMMAND
from backend.progress import Progress, silent
from backend.tasks.registry import task_named
from backend.tasks.task import Figure, Task

# torch and transformers are imported where they are needed: a decision must not wait for them.
if TYPE_CHECKING:
    import numpy as np

    from backend.data.append_report import AppendReport
    from backend.data.card import Standing
    from backend.data.export import ExportPreview, ExportReport
    from backend.data.ingest import IngestReport
    from backend.data.peek import Peek
    from backend.disk_use import DiskUse
    from backend.evaluation.compare import Comparison
    from backend.evaluation.deletion import Curve, DeletionSettings
    from backend.evaluation.lds import Lds, LdsSettings
    from backend.evaluation.variants import Variant
    from backend.influence.answers.explain import Explainer
    from backend.influence.answers.whole_set import WholeSet
    from backend.influence.rowstore.settings import PrecomputeSettings
    from backend.interchange.viewer import Overlap
    from backend.model.figures import Figures
    from backend.model.label_figures import LabelFigures
    from backend.model.neighbours import Neighbour
    from backend.model.planned import HardlyLearnt
    from backend.model.prediction_table import Predictions
    from backend.model.quick_tokens import QuickTokens
    from backend.model.training import TrainingResult, TrainingSettings
    from backend.model.training_forecast import TrainingForecast
    from backend.model.training_plan import TrainingPlan

ARTIFACTS = ("data", "checkpoints", "rows", "predictions", "index")
OPTIONAL_ARTIFACTS = ("dynamics", "influence", "sources", "words", "run_rows")
COMMANDS = {"checkpoints": "train", "rows": "precompute", "predictions": "precompute", "index": "precompute"}


_SAME = {
    "review": "ledger decide keep flag remove relabel undo redo states log freeze versions diff restore "
    "patch_dry_run import_patch",
    "scores": "queue label_noise noise_test row_table",
    "audit": "compute_sources sources compute_words words rows_with_token row_words row_alignment row_vog",
    "trials": "forecast decisions_record last_forecast reports report",
}
MOVED = {name: (part, name) for part, names in _SAME.items() for name in names.split()} | {
    "compute_scores": ("scores", "compute"),
    "retrain": ("trials", "run"),
    "plan_retrain": ("trials", "plan"),
}
"""Names that methods of `Workspace` had, and the part and name that they have now."""

LOST = "files missing"  # of an artifact that is recorded and current


class Workspace:
    """One data set, one model with its checkpoints, and all that was computed from them.

    >>> ws = Workspace.open("cache/demo")
    >>> ws.explain("a gorgeous, witty film").proponents[0].words
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._explainers: dict[str, Explainer] = {}
        self._opening = threading.RLock()
        self._reading = threading.Lock()  # of its own: rows must not wait for a model
        self._splits: dict[str, Split] = {}
        parts = folder, self.split, self.explainer
        self.review, self.scores = Review(*parts), Scores(*parts)
        self.audit, self.trials = Audit(*parts), Trials(*parts)
        self.matches, self.answers = Matches(*parts), Answers(*parts)
        self.explain, self.explain_pair = self.answers.explain, self.answers.explain_pair
        self.write_answer, self.base_share = self.answers.write, self.answers.base_share
        self.check_question = self.answers.check

    if not TYPE_CHECKING:  # what is checked uses the new names

        def __getattr__(self, name: str) -> Any:
            """A method by the name that it had before it moved (see `MOVED`)."""
            if name in MOVED:
                part, now = MOVED[name]
                return getattr(getattr(self, part), now)
            return object.__getattribute__(self, name)  # raises what was wrong, in a property too

    # -- making and opening -------------------------------------------------------------------------

    @classmethod
    def open(cls, path: str | Path) -> Workspace:
        """Open a workspace by its path, or by its name in the home; `InputError` if there is none."""
        return cls(Folder.open(path))

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        train: str,
        eval: str | None,
        columns: Columns,
        model: str,
        layers: int | None = None,
        max_length: int | None = None,
        seed: int = 0,
        skip_bad_rows: bool = False,
        skip_joined_labels: bool = False,
        merge_labels: bool = False,
        names: str | None = None,
        progress: Progress = silent,
    ) -> tuple[Workspace, IngestReport]:
        """Create a workspace from a data set (see `backend.data.ingest.ingest`); whole or not at all.

        ``merge_labels``: labels that differ only in spelling are one class. ``names`` call the classes, as
        `backend.data.class_naming.parse_names` reads it.
        """
        from backend.data.assemble import Meaning
        from backend.data.class_naming import parse_names
        from backend.data.ingest import ingest

        if layers is not None and not 1 <= layers <= 1000:
            raise InputError(f"--layers {layers}: must be between 1 and 1000")
        if max_length is not None and not 2 <= max_length <= 1_000_000:
            raise InputError(f"--max-length {max_length}: must be between 2 and 1,000,000")
        check_source(model, layers, columns.task)
        make_ready(model, progress)
        with Folder.create(path) as folder:
            report = ingest(
                folder,
                train=train,
                eval=eval,
                columns=columns,
                model=ModelInfo(name=model, layers=layers),
                max_length=max_length,
                seed=seed,
                skip_bad_rows=skip_bad_rows,
                skip_joined_labels=skip_joined_labels,
                meaning=Meaning(merge_labels, parse_names(names)),
                tokens=_tokens(model, max_length, columns.task),
                progress=progress,
            )
        return cls.open(path), report

    def copy(self, path: str | Path, *, model: str | None = None, layers: int | None = None) -> Workspace:
        """A new workspace with the same rows and decisions and no model (see `backend.duplicate`)."""
        from backend.duplicate import duplicate

        duplicate(self.folder, Path(path), model, layers)
        return Workspace.open(path)

    @staticmethod
    def dry_run(
        *,
        train: str,
        eval: str | None,
        columns: Columns,
        model: str = EMBEDDED,
        layers: int | None = None,
        max_length: int | None = None,
        seed: int = 0,
        skip_joined_labels: bool = False,
        merge_labels: bool = False,
        names: str | None = None,
        progress: Progress = silent,
    ) -> IngestReport:
        """What `create` would bring in and what it would reject; nothing is written, no model is fetched."""
        from backend.data.assemble import Meaning
        from backend.data.class_naming import parse_names
        from backend.data.ingest import dry_run

        check_source(model, layers, columns.task)
        make_ready(model, progress)
        return dry_run(
            train=train,
            eval=eval,
            columns=columns,
            max_length=max_length,
            seed=seed,
            skip_joined_labels=skip_joined_labels,
            meaning=Meaning(merge_labels, parse_names(names)),
            tokens=_tokens(model, max_length, columns.task),
            progress=progress,
        )

    @staticmethod
    def check_model(model: str) -> None:
        """`InputError` if a model cannot be had: a hub id is looked up, its weights are not fetched."""
        from backend.model.quick_tokens import check_hub

        check_hub(model)

    @staticmethod
    def peek(source: str, *, text: str | None = None, label: str | None = None) -> Peek:
        """Columns and first rows of a source, what each column probably is, and what is noticed there."""
        from backend.data.peek import peek

        return peek(source, text=text, label=label)

    @property
    def path(self) -> Path:
        """The workspace's folder."""
        return self.folder.path

    @property
    def manifest(self) -> Manifest:
        """The content of ``workspace.json``."""
        return self.folder.manifest()

    @property
    def task(self) -> Task:
        """What is learnt."""
        return task_named(self.manifest.task.name)

    @property
    def space(self) -> Space:
        """What targets can be."""
        return space_of(self.manifest.task)

    # -- data ---------------------------------------------------------------------------------------

    @property
    def train_split(self) -> Split:
        """The training rows."""
        return self.split("train")

    @property
    def eval_split(self) -> Split:
        """The held-out rows."""
        return self.split("eval")

    def split(self, name: SplitName) -> Split:
        """One of the two splits; read again only after its data changed, by whomever."""
        with self._reading:
            known = self._splits.get(name)
            if known is None or known.info != self.manifest.data:
                known = self._splits[name] = load_split(self.folder, name)
            return known

    def append(
        self,
        *,
        train: str,
        skip_bad_rows: bool = False,
        skip_joined_labels: bool = False,
        merge_labels: bool = False,
        progress: Progress = silent,
    ) -> AppendReport:
        """Put the rows of a source behind the training rows (see `backend.data.append.append`)."""
        from backend.data.append import append

        return append(
            self.folder,
            train=train,
            skip_bad_rows=skip_bad_rows,
            skip_joined_labels=skip_joined_labels,
            merge_labels=merge_labels,
            progress=progress,
        )

    def append_dry_run(
        self,
        *,
        train: str,
        skip_joined_labels: bool = False,
        merge_labels: bool = False,
        progress: Progress = silent,
    ) -> AppendReport:
        """What `append` would bring in and what it would reject; nothing is written."""
        from backend.data.append import append_dry_run

        return append_dry_run(
            self.folder,
            train=train,
            skip_joined_labels=skip_joined_labels,
            merge_labels=merge_labels,
            progress=progress,
        )

    # -- model --------------------------------------------------------------------------------------

    def plan_training(self, given: Mapping[str, Any] | None = None) -> TrainingPlan:
        """How to fine-tune on these rows, without loading anything; values of ``given`` win."""
        from backend.model.planned import plan_run

        return plan_run(self.folder, given or {})

    def planned_settings(self, given: Mapping[str, Any] | None = None) -> TrainingSettings:
        """Settings for `train`: what is given (None: not), else as planned."""
        from backend.model.planned import planned_settings

        return planned_settings(self.folder, given or {})[0]

    def forecast_training(self, settings: TrainingSettings) -> TrainingForecast:
        """How long `train` would take on this machine, by a few real steps; nothing is kept."""
        from backend.model.planned import forecast_run

        return forecast_run(self.folder, settings)

    def check_trainable(self, again: bool = False) -> None:
        """`InputError` where `train` would refuse since there is a run already."""
        from backend.model.origin import check_trainable

        check_trainable(self.folder, again)

    def train(
        self, settings: TrainingSettings, progress: Progress = silent, *, again: bool = False
    ) -> TrainingResult:
        """Fine-tune the workspace's model and save its checkpoints (an ordinary Trainer run).

        ``again``: another run, where there is one; that is kept (see `backend.model.runs.train_run`).
        """
        from backend.influence.gradients.trial_pass import trial_pass
        from backend.model.runs import train_run

        return train_run(self.folder, settings, progress, again, trial_pass)

    def runs(self) -> list[dict[str, Any]]:
        """All trainings of the workspace by number, with settings and figures."""
        from backend.model.run_list import list_runs

        return list_runs(self.folder)

    def use_run(self, number: int) -> None:
        """Explain another of its trainings; what was computed of the one before is stale then."""
        from backend.model.runs import use_run

        use_run(self.folder, number)

    def compute_dynamics(self, seeds: int = 1, progress: Progress = silent) -> list[int]:
        """Repeat the training until ``seeds`` runs are logged (see `runs.train_seeds`)."""
        from backend.model.runs import train_seeds

        return train_seeds(self.folder, seeds, progress)

    def attach(
        self,
        run: str | Path,
        *,
        classes: Sequence[str] | None = None,
        max_length: int | None = None,
        tokenizer: str | None = None,
        base: str | None = None,
        loss: str | None = None,
        count: int = 4,
        learning_rate: float | None = None,
        schedule: str | None = None,
        warmup_steps: int | None = None,
    ) -> list[str]:
        """Use an existing Trainer run instead of training (see `backend.model.attaching.attach_run`).

        ``learning_rate`` (the highest), ``schedule`` (``linear`` unless given) and ``warmup_steps`` are for a
        run that says nothing of its learning rates.
        """
        from backend.model.run_folder import require_run

        require_run(Path(run))
        from backend.model.schedules import given_schedule

        given = given_schedule(learning_rate, schedule, warmup_steps)
        from backend.influence.gradients.trial_pass import trial_pass
        from backend.model.attaching import attach_run

        return attach_run(
            self.folder,
            Path(run),
            classes=classes,
            max_length=max_length,
            tokenizer=tokenizer,
            base=base,
            loss=loss,
            count=count,
            given=given,
            trial=trial_pass,
        )

    # -- influence ----------------------------------------------------------------------------------

    def precompute(self, settings: PrecomputeSettings | None = None, progress: Progress = silent) -> None:
        """Gradient rows, predictions and index; what is already there and current is kept."""
        from backend.influence.gradients.settings import TraceSettings
        from backend.influence.rowstore.settings import PrecomputeSettings

        settings = settings or PrecomputeSettings()
        self.folder.require("checkpoints", "train")
        with self.folder.lock():
            from backend.influence.answers.calibration import build_index, index_is_current
            from backend.influence.rowstore.precompute import compute_rows, rows_are_current

            if not rows_are_current(self.folder, settings):
                compute_rows(self.folder, settings, progress)
            if not index_is_current(self.folder):
                build_index(self.folder, TraceSettings(settings.device), progress)

    def explainer(self, device: str = "auto") -> Explainer:
        """The loaded models, rows and index; made on first use, kept while the artifacts stay the same."""
        key = f"{self.folder.require('index', 'precompute').id} {device}"
        from backend.influence.answers.explain import Explainer
        from backend.influence.gradients.settings import TraceSettings

        with self._opening:  # models and rows are loaded once, whoever asks first
            explainer = self._explainers.get(key)
            if explainer is None:
                splits: dict[SplitName, Split] = {"train": self.train_split, "eval": self.eval_split}
                explainer = Explainer(self.folder, TraceSettings(device), splits)
                self._explainers = {key: explainer}
            return explainer

    def has_embeddings(self, split: SplitName) -> bool:
        """Whether the sentence embeddings of a split are stored."""
        from backend.model.embeddings import embeddings_are_stored

        return embeddings_are_stored(self.folder, split)

    def embeddings(self, split: SplitName) -> np.ndarray:
        """Sentence embeddings of a split, float32 (n, e): stored ones, or computed now and kept."""
        from backend.model.embeddings import Encoder, stored_embeddings

        return stored_embeddings(self.folder, split, Encoder())

    def neighbours(self, row: str, k: int = 10, *, split: SplitName = "train") -> list[Neighbour]:
        """The training rows whose sentences are most similar to that of a row, by stored embeddings."""
        from backend.model.neighbours import nearest_rows

        return nearest_rows(self.folder, self.split(split), row, k)

    def similarity(self, train: str, row: str, *, split: SplitName) -> Neighbour | None:
        """Where training row ``train`` stands among the neighbours of a row; None if it is that row."""
        from backend.model.neighbours import rank_among_neighbours

        position = self.train_split.position(train)
        return rank_among_neighbours(self.folder, self.split(split), row, position)

    def prepare_method(self, method: str, device: str = "auto", progress: Progress = silent) -> None:
        """Compute once what an attribution method needs of the training rows beside rows and index."""
        from backend.influence.answers.question import check_method, check_serves

        check_method(method)
        check_serves(method, self.manifest.task)
        with self.folder.lock():
            from backend.influence.answers.registry import method_named

            method_named(method).prepare(self.explainer(device), progress)

    def explain_many(
        self,
        out: str | Path,
        *,
        split: SplitName = "eval",
        label: str = "predicted",
        score: str = DEFAULT_SCORE,
        k: int = 10,
        device: str = "auto",
        progress: Progress = silent,
    ) -> int:
        """Write the ``k`` strongest training examples of each end for all rows of a split to a Parquet file,
        or where ``out`` ends in .jsonl, as the pretraining-tda viewer reads them.

        Args:
            label: ``predicted`` or ``given``: the class whose loss is traced. Returns the number of rows
            explained.
        """
        from backend.influence.answers.many import write_answers
        from backend.interchange.viewer import ENDINGS, write_viewer

        write = write_viewer if Path(out).suffix.lower() in ENDINGS else write_answers
        return write(
            self.explainer(device),
            self.split(split),
            Path(out),
            label=label,  # type: ignore[arg-type]
            score=score,
            k=k,
            progress=progress,
        )

    def compute_influence(
        self, *, score: str = DEFAULT_SCORE, k: int = 10, device: str = "auto", progress: Progress = silent
    ) -> None:
        """Influence of all training rows on all eval rows (see `backend.influence.answers.whole_set`);
        resumable."""
        with self.folder.lock():
            explainer = self.explainer(device)
            from backend.influence.answers.whole_set import compute_whole_set

            compute_whole_set(explainer, score=score, k=k, progress=progress)

    def influence(self) -> WholeSet:
        """What `compute_influence` found; `InputError` if it is missing, stale or damaged."""
        from backend.influence.answers.whole_set import read_whole_set

        return read_whole_set(self.folder)

    # -- scores ---------------------------------------------------------------------------------------

    def measure_index(
        self, queries: int = 20, k: int = 10, score: str = DEFAULT_SCORE, progress: Progress = silent
    ) -> dict[str, float]:
        """Recall@k of the default path against `explain --exact` on eval rows, for both ends."""
        from backend.influence.answers.calibration import measure_against_exact

        return measure_against_exact(self.explainer(), score, queries, k, progress)

    def compare_methods(
        self, queries: int = 20, methods: Sequence[str] = (), seed: int = 0, progress: Progress = silent
    ) -> tuple[list[Comparison], list[str]]:
        """How alike the lists of all methods and scores are (see `backend.evaluation.compare`)."""
        from backend.evaluation.compare import compare_methods

        return compare_methods(self.explainer(), queries, seed, methods, progress)

    def compare_answers(
        self, source: str, *, score: str = DEFAULT_SCORE, k: int = 10, progress: Progress = silent
    ) -> Overlap:
        """How much of another tool's lists, in the pretraining-tda viewer's JSON Lines, is in ours."""
        from backend.interchange.viewer import overlap, read_viewer

        return overlap(self.explainer(), read_viewer(source), score=score, k=k, progress=progress)

    def measure_lds(
        self, variants: Sequence[Variant], settings: LdsSettings, progress: Progress = silent
    ) -> tuple[list[Lds], list[str]]:
        """How well summed influence predicts retrainings on halves (see `backend.evaluation.lds`)."""
        from backend.evaluation.lds import measure_lds

        return measure_lds(self.explainer(), variants, settings, progress)

    def measure_deletion(
        self, variants: Sequence[Variant], settings: DeletionSettings, progress: Progress = silent
    ) -> tuple[list[Curve], list[str]]:
        """What deleting proponents or opponents does (see `backend.evaluation.deletion`)."""
        from backend.evaluation.deletion import measure_deletion

        return measure_deletion(self.explainer(), variants, settings, progress)

    def predictions(self, split: SplitName) -> Predictions:
        """Predictions of the last checkpoint for every row of a split."""
        from backend.model.prediction_table import read_predictions

        return read_predictions(self.folder, split, self.manifest.checkpoints[-1].step)

    def predictions_at(self, split: SplitName, places: Sequence[int] | np.ndarray) -> Predictions:
        """Those of the rows at 0-based places, in this order; reads little where they are few."""
        import numpy as np

        from backend.model.prediction_table import read_some_predictions

        chosen = np.asarray(places, dtype=np.int64)
        return read_some_predictions(self.folder, split, self.manifest.checkpoints[-1].step, chosen)

    def figures(self, split: SplitName = "eval") -> Figures | None:
        """How good the predictions of the last checkpoint are: the stored ones, else those on eval at the end
        of its training; None where neither is known."""
        from backend.data.labels import class_places
        from backend.model.figures import figures_of
        from backend.model.planned import figures_of_training

        if self.manifest.task.name != "classification":
            return None
        if self.folder.state("predictions") != "current":
            return figures_of_training(self.folder) if split == "eval" else None
        table, classes = self.predictions(split).table, self.manifest.classes
        labels, predicted = (
            class_places(table[name].to_pylist(), classes) for name in ("label", "predicted")
        )
        return figures_of(labels, predicted, classes)

    def measured(self, split: SplitName = "eval") -> list[Figure] | None:
        """The task's own figures of the last checkpoint, as `figures` finds them; None where not known."""
        from backend.model.planned import measured_in_training

        if self.folder.state("predictions") != "current":
            return measured_in_training(self.folder) if split == "eval" else None
        found = self.predictions(split)
        return self.task.figures(self.space, found.outputs, found.table["label"].to_pylist())

    def label_figures(self, split: SplitName = "eval") -> list[LabelFigures]:
        """Of label sets, how good the last checkpoint is label by label; else, or where not known, none."""
        from backend.model.label_figures import label_figures

        if self.space.edit != "choose many" or self.folder.state("predictions") != "current":
            return []
        found = self.predictions(split)
        return label_figures(
            self.space.names, self.space.numbers(found.table["label"].to_pylist()), found.outputs
        )

    def hardly_learnt(self) -> HardlyLearnt | None:
        """Why the model's answers mean nothing, and what to do; None where it has learnt, or is not known."""
        from backend.model.planned import doubted, judged

        if self.manifest.task.name != "classification":
            return doubted(self.folder)
        figures = self.figures()
        return judged(self.folder, figures) if figures else None

    # -- closing the loop -----------------------------------------------------------------------------

    def disk_use(self) -> list[DiskUse]:
        """What each part of the workspace takes of the disk (see `backend.disk_use`)."""
        from backend.disk_use import disk_use

        return disk_use(self.folder)

    # -- export -------------------------------------------------------------------------------------

    def export(
        self,
        format: str,
        out: str | Path,
        what: str = "cleaned",
        *,
        overwrite: bool = False,
        defuse: bool = True,
    ) -> ExportReport:
        """Write the cleaned data, the removed rows or the patch, with manifest and data card beside it."""
        from backend.data.export import export

        return export(
            self.folder,
            self.review.states(),
            format=format,  # type: ignore[arg-type]
            out=Path(out),
            what=what,  # type: ignore[arg-type]
            overwrite=overwrite,
            defuse=defuse,
            standing=self._standing(),
        )

    def export_card(self, what: str = "cleaned", *, format: str = "csv", name: str = "cleaned.csv") -> str:
        """The data card, Markdown, that `export` would write beside a file of this ``name``."""
        from backend.data.export import card_preview

        return card_preview(
            self.folder,
            self.review.states(),
            what,  # type: ignore[arg-type]
            format=format,  # type: ignore[arg-type]
            name=name,
            standing=self._standing(),
        )

    def _standing(self) -> Standing:
        """What a data card says of the decisions in force: their version, and the trial of them."""
        from backend.data.card import Standing
        from backend.review.versions import version_in_words
        from backend.review.words import done_words

        version = version_in_words(self.review.ledger)
        return Standing(version, self.trials.said_of_decisions(), done_words(self.space))

    def export_preview(self, what: str = "cleaned") -> ExportPreview:
        """What an export would hold: counts per class before and after, first rows."""
        from backend.data.export import preview

        return preview(self.folder, self.review.states(), what)  # type: ignore[arg-type]

    # -- state --------------------------------------------------------------------------------------

    def status(self, *, figures: bool = True) -> dict[str, Any]:
        """What is there, what is stale, how many decisions, and the next step.

        ``figures``: also how good the model is, for which all predictions of the eval rows are read.
        """
        manifest = self.manifest
        states: dict[str, str] = {name: self.folder.state(name) for name in (*ARTIFACTS, *OPTIONAL_ARTIFACTS)}
        states |= {name: LOST for name in lost_artifacts(self.folder) if states[name] == "current"}
        missing = next((name for name in ARTIFACTS if states[name] != "current"), None)
        return {
            "path": str(self.path),
            "data": manifest.data.model_dump(),
            "task": manifest.task.name,
            "classes": list(manifest.classes),
            "model": manifest.model.model_dump(),
            "checkpoints": [each.model_dump() for each in manifest.checkpoints],
            "check": _details(manifest, "checkpoints").get("check"),
            "etas": _details(manifest, "checkpoints").get("etas", {}),
            "limits": _limits(manifest),
            "artifacts": {
                name: {"state": state, **_details(manifest, name)}
                for name, state in states.items()
                if name in ARTIFACTS or state != "missing"
            },
            "figures": self._figures() if figures else None,
            "scores": self.scores.table_states(),
            "decisions": self.review.ledger.counts(),
            "next": f"{COMMAND} {COMMANDS.get(missing, 'explain')} {self.path}" if missing else None,
        }

    def _figures(self) -> dict[str, Any] | None:
        """Figures on eval and whether they mean that the model has hardly learnt; None where unknown."""
        try:
            figures, measured = self.figures(), None
            if self.manifest.task.name != "classification":
                measured = self.measured()
            hardly = self.hardly_learnt()
        except InputError:  # `verify` names what is damaged
            return None
        if figures is None and measured is None:
            return None
        content: dict[str, Any] = (
            figures.to_json() if figures else {each.name: each.value for each in measured or ()}
        )
        if labels := self.label_figures():
            content["per_label"] = [vars(each) for each in labels]
        return {**content, "hardly_learnt": vars(hardly) if hardly else None}

    def verify(self, *, repair: bool = False, progress: Progress = silent) -> list[str]:
        """Read everything that was written; returns one line per file that is damaged or missing.

        ``repair`` deletes damaged derived files, so that `precompute` makes them again.
        """
        from backend.verify import damaged_files

        return damaged_files(self.folder, repair=repair, progress=progress)


def _tokens(model: str, max_length: int | None, task: TaskName) -> QuickTokens | None:
    """How a local model cuts texts; None where its files don't say."""
    from backend.data.survey import usual_length
    from backend.model.quick_tokens import QuickTokens

    return QuickTokens.of(model, max_length or usual_length(task))


def _limits(manifest: Manifest) -> list[str]:
    """What holds for all that is said of this model, in sentences."""
    from backend.model.recorded_limits import recorded_limits

    return recorded_limits(manifest)


def _details(manifest: Manifest, name: str) -> dict[str, Any]:
    artifact = manifest.artifacts.get(name)
    if artifact is None:
        return {}
    details = {key: value for key, value in artifact.details.items() if key != "eval_counts"}
    return {"id": artifact.id, "created": artifact.created, **details}
