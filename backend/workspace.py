"""`Workspace`: the facade that ties the parts together. Command line, app and notebooks go through it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.data.columns import Columns
from backend.data.dataset import Split, load_split
from backend.data.targets.registry import require_kind, space_of
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

    Its parts are `answers`, `review`, `scores`, `audit`, `trials` and `matches`. A method that needs what is
    not
    computed yet, or finds it stale or damaged, raises `InputError` with the command that makes it.

    Examples
    --------
    >>> ws = Workspace.open("ws")
    >>> answer = ws.explain("a gorgeous , witty film", k=3)
    >>> len(answer.proponents), answer.proponents[0].rank
    (3, 1)
    >>> answer.proponents[0].words[0].word
    '...'
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
        """Open an existing workspace.

        Parameters
        ----------
        path
            Its folder, or its name where it lies in the home (``FIRSTWORD_HOME``).

        Returns
        -------
        Workspace
            Nothing is loaded yet.

        Raises
        ------
        InputError
            If there is no workspace, one of a newer format, or one of a task whose extension is not loaded.

        Examples
        --------
        >>> Workspace.open("ws").manifest.classes
        ('bad', 'good')
        >>> Workspace.open("nowhere")
        Traceback (most recent call last):
        backend.errors.InputError: nowhere: ...
        """
        folder = Folder.open(path)
        require_kind(folder)
        return cls(folder)

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
        """Create a workspace from a data set; whole or not at all.

        Parameters
        ----------
        path
            A folder that is not there yet, or is empty.
        train
            A file, a folder saved by `datasets`, or a hub id.
        eval
            Another source, or the share to hold out (``"0.2"``); None where the source has splits of its own.
        columns
            Which columns are read, and for which task.
        model
            A folder, a hub id, ``minilm`` or ``smollm2``.
        layers
            How many of its first layers to keep; None: all.
        max_length
            Tokens per row; None: the task's usual length.
        seed
            Of the held-out rows.
        skip_bad_rows
            Skip and list rows that would stop the import.
        skip_joined_labels
            Reject labels that look like several.
        merge_labels
            Labels that differ only in spelling are one class.
        names
            Names of the classes, as ``0=hate,1=neither`` or a file of them.
        progress
            Told how far it is.

        Returns
        -------
        tuple[Workspace, IngestReport]
            The workspace, and what came in: counts, rejected rows with reasons, repeated texts.

        Raises
        ------
        InputError
            If a column is missing, a row is damaged, an id comes twice, eval has labels that train lacks, the
            folder
            is not empty, or there is no such model.

        Examples
        --------
        >>> from firstword.settings import Columns
        >>> made, report = Workspace.create(
        ...     "new",
        ...     train="train.jsonl",
        ...     eval="0.2",
        ...     columns=Columns("text", "label", id="id"),
        ...     model="model",
        ... )
        >>> report.n_train, report.n_eval, report.classes
        (48, 12, ('bad', 'good'))
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
        """A new workspace with the same rows and decisions and no model.

        Parameters
        ----------
        path
            A folder that is not there yet, or is empty.
        model
            What it will train; None: the same model.
        layers
            How many of its first layers to keep; None: as here.

        Returns
        -------
        Workspace
            Ready for `train`.

        Raises
        ------
        InputError
            If the folder is not empty, there is no such model, or the run here was attached and ``model`` is
            None.

        Examples
        --------
        >>> ws.review.remove("r3")
        1
        >>> second = ws.copy("second")
        >>> second.review.states().keys(), second.status()["next"]
        (dict_keys(['r3']), '... train second')
        """
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
        """What `create` would bring in and what it would reject; nothing is written, no model is fetched.

        Parameters
        ----------
        train, eval, columns, model, layers, max_length, seed
            As in `create`.
        skip_joined_labels, merge_labels, names, progress
            As in `create`.

        Returns
        -------
        IngestReport
            ``broken`` lists the rows that would stop `create`.

        Raises
        ------
        InputError
            If the source can't be read, a column is missing, or there is no such model.

        Examples
        --------
        >>> from firstword.settings import Columns
        >>> report = Workspace.dry_run(
        ...     train="train.jsonl", eval="0.2", columns=Columns("text", "label", id="id"), model="model"
        ... )
        >>> report.n_train, report.broken
        (48, ())
        """
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
        """Check that a model can be had: a hub id is looked up, its weights are not fetched.

        Parameters
        ----------
        model
            As in `create`.

        Raises
        ------
        InputError
            If it can't be had.

        Examples
        --------
        >>> Workspace.check_model("minilm")
        """
        from backend.model.quick_tokens import check_hub

        check_hub(model)

    @staticmethod
    def peek(source: str, *, text: str | None = None, label: str | None = None) -> Peek:
        """Columns and first rows of a source, what each column probably is, and what is noticed there.

        Parameters
        ----------
        source
            A file, a folder saved by `datasets`, or a hub id.
        text
            The column of texts, where it is known.
        label
            The column of labels, where it is known.

        Returns
        -------
        Peek
            ``columns``, ``rows`` (as text) and ``guess``.

        Raises
        ------
        InputError
            If the source can't be read or lacks a named column.

        Examples
        --------
        >>> found = Workspace.peek("train.jsonl")
        >>> found.columns, found.guess.text, found.guess.label
        (('id', 'text', 'label', 'stars'), 'text', 'label')
        """
        from backend.data.peek import peek

        return peek(source, text=text, label=label)

    @property
    def path(self) -> Path:
        """The workspace's folder.

        Examples
        --------
        >>> ws.path.name
        'ws'
        """
        return self.folder.path

    @property
    def manifest(self) -> Manifest:
        """The content of ``workspace.json``, read anew.

        Raises
        ------
        InputError
            If it is damaged.

        Examples
        --------
        >>> ws.manifest.data.text, ws.manifest.data.label
        ('text', 'label')
        """
        return self.folder.manifest()

    @property
    def task(self) -> Task:
        """What is learnt.

        Examples
        --------
        >>> ws.task.name
        'classification'
        """
        return task_named(self.manifest.task.name)

    @property
    def space(self) -> Space:
        """What targets can be.

        Examples
        --------
        >>> ws.space.names
        ('bad', 'good')
        """
        return space_of(self.manifest.task)

    # -- data ---------------------------------------------------------------------------------------

    @property
    def train_split(self) -> Split:
        """The training rows.

        Examples
        --------
        >>> len(ws.train_split), ws.train_split.ids[0], ws.train_split.labels[0]
        (60, 'r0', 'good')
        """
        return self.split("train")

    @property
    def eval_split(self) -> Split:
        """The held-out rows.

        Examples
        --------
        >>> len(ws.eval_split), ws.eval_split.texts_of(0)
        (20, ('...',))
        """
        return self.split("eval")

    def split(self, name: SplitName) -> Split:
        """One of the two splits; read again only after its data changed, by whomever.

        Parameters
        ----------
        name
            ``train`` or ``eval``.

        Returns
        -------
        Split
            Its rows: ``ids``, ``labels``, ``texts_of(place)``, ``position(id)``.

        Raises
        ------
        InputError
            If its file is missing or damaged.

        Examples
        --------
        >>> ws.split("train").position("r7")
        7
        """
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
        """Put the rows of a source behind the training rows, all of them or none; ids and decisions stay.

        Parameters
        ----------
        train
            A source with the columns that `create` read.
        skip_bad_rows
            Skip and list rows that would stop it.
        skip_joined_labels
            Reject labels that look like several.
        merge_labels
            Take new spellings for the classes that are there.
        progress
            Told how far it is.

        Returns
        -------
        AppendReport
            ``n_appended``, ``n_train``, the first new ids, rejected rows with reasons.

        Raises
        ------
        InputError
            If a row is damaged, an id is there already, or a label is no class of the workspace.

        Examples
        --------
        >>> report = ws.append(train="more.jsonl")
        >>> report.n_appended, report.n_train, ws.folder.state("rows")
        (10, 70, 'stale')
        >>> ws.precompute()  # of the new rows only
        """
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
        """What `append` would bring in and what it would reject; nothing is written.

        Parameters
        ----------
        train, skip_joined_labels, merge_labels, progress
            As in `append`.

        Returns
        -------
        AppendReport
            ``broken`` lists the rows that would stop `append`.

        Raises
        ------
        InputError
            If the source can't be read or lacks a column.

        Examples
        --------
        >>> ws.append_dry_run(train="more.jsonl").n_appended, len(ws.train_split)
        (10, 60)
        """
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
        """How to fine-tune on these rows, without loading anything.

        Parameters
        ----------
        given
            Values that win over the plan's: ``epochs``, ``lr``, ``batch_size``, ...

        Returns
        -------
        TrainingPlan
            Epochs, learning rate, batch size, warm-up (share of the steps), steps, the reason, warnings.

        Raises
        ------
        InputError
            If a value is out of its range.

        Examples
        --------
        >>> plan = ws.plan_training({"epochs": 2})
        >>> plan.epochs, plan.steps > 0
        (2, True)
        """
        from backend.model.planned import plan_run

        return plan_run(self.folder, given or {})

    def planned_settings(self, given: Mapping[str, Any] | None = None) -> TrainingSettings:
        """Settings for `train`: what is given, else as planned.

        Parameters
        ----------
        given
            Fields of `TrainingSettings`; None as a value: not given.

        Returns
        -------
        TrainingSettings
            Checked.

        Raises
        ------
        InputError
            If a value is out of its range.

        Examples
        --------
        >>> ws.planned_settings({"epochs": 1}).epochs
        1
        """
        from backend.model.planned import planned_settings

        return planned_settings(self.folder, given or {})[0]

    def forecast_training(self, settings: TrainingSettings) -> TrainingForecast:
        """How long `train` would take on this machine, by a few real steps; nothing is kept.

        Parameters
        ----------
        settings
            As for `train`.

        Returns
        -------
        TrainingForecast
            Seconds of starting, stepping, looking and saving, and their sum ``seconds``.

        Raises
        ------
        InputError
            If there is a run that was attached, or the model can't be loaded.

        Examples
        --------
        >>> ws.forecast_training(ws.planned_settings({"epochs": 1})).seconds > 0
        True
        """
        from backend.model.planned import forecast_run

        return forecast_run(self.folder, settings)

    def check_trainable(self, again: bool = False) -> None:
        """Check that `train` would not refuse since there is a run already.

        Parameters
        ----------
        again
            Whether another run beside it is meant.

        Raises
        ------
        InputError
            If it would refuse.

        Examples
        --------
        >>> ws.check_trainable(again=True)
        """
        from backend.model.origin import check_trainable

        check_trainable(self.folder, again)

    def train(
        self, settings: TrainingSettings, progress: Progress = silent, *, again: bool = False
    ) -> TrainingResult:
        """Fine-tune the workspace's model and save its checkpoints (an ordinary Trainer run).

        Parameters
        ----------
        settings
            Usually from `planned_settings`.
        progress
            Told how far it is.
        again
            Train another run where there is one; that is kept.

        Returns
        -------
        TrainingResult
            Steps, seconds, figures on eval, checkpoints, and ``doubt``: why the model has hardly learnt, or
            None.

        Raises
        ------
        InputError
            If there is a run and ``again`` is false, or the run was attached.

        Examples
        --------
        >>> result = ws.train(ws.planned_settings({"epochs": 1}), again=True)
        >>> result.steps, len(result.checkpoints) > 0, ws.folder.state("index")
        (..., True, 'stale')
        """
        from backend.influence.gradients.trial_pass import trial_pass
        from backend.model.runs import train_run

        return train_run(self.folder, settings, progress, again, trial_pass)

    def runs(self) -> list[dict[str, Any]]:
        """All trainings of the workspace by number, with settings and figures.

        Returns
        -------
        list[dict[str, Any]]
            ``number``, ``current``, ``created``, settings and figures of each.

        Examples
        --------
        >>> [(each["number"], each["current"], each["epochs"]) for each in ws.runs()]
        [(1, True, 3)]
        """
        from backend.model.run_list import list_runs

        return list_runs(self.folder)

    def use_run(self, number: int) -> None:
        """Explain another of its trainings; what was computed of the one before is stale then.

        Parameters
        ----------
        number
            As in `runs`.

        Raises
        ------
        InputError
            If there is no such training, it is the one explained, or its weights are gone.

        Examples
        --------
        >>> _ = ws.train(ws.planned_settings({"epochs": 1}), again=True)
        >>> ws.use_run(1)
        >>> [each["current"] for each in ws.runs()], ws.folder.state("index")
        ([True, False], 'current')
        """
        from backend.model.runs import use_run

        use_run(self.folder, number)

    def compute_dynamics(self, seeds: int = 1, progress: Progress = silent) -> list[int]:
        """Repeat the training with other seeds until so many runs are logged, for scores of training
        dynamics.

        Parameters
        ----------
        seeds
            How many logged runs there shall be.
        progress
            Told how far it is.

        Returns
        -------
        list[int]
            The seeds that are logged now.

        Raises
        ------
        InputError
            If the run was attached or not trained yet.

        Examples
        --------
        >>> ws.compute_dynamics(2)
        [0, 1]
        """
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
        """Use an existing Trainer run, or one of TRL, in place of training here.

        Parameters
        ----------
        run
            Its output folder, with ``checkpoint-*`` folders (safetensors).
        classes
            Order of the classes, where its config does not name them.
        max_length
            Tokens per row in that run; None: as it says.
        tokenizer
            A folder or hub id, where the run did not save it.
        base
            The model below an adapter, where it was moved.
        loss
            Of a language model: ``all``, ``completion`` or ``assistant``, where the run does not say.
        count
            How many checkpoints are used.
        learning_rate
            The highest one, where the run says nothing of its rates.
        schedule
            With it: ``linear`` (default), ``cosine``, ``constant``, ...
        warmup_steps
            With it: how many steps led to the highest rate.

        Returns
        -------
        list[str]
            Notes: what was assumed or could not be found.

        Raises
        ------
        InputError
            If the folder is no run, weights are no safetensors or don't fit, or classes don't match the
            labels.

        Examples
        --------
        >>> from firstword.settings import Columns
        >>> mine, _ = Workspace.create(
        ...     "mine",
        ...     train="train.jsonl",
        ...     eval="0.2",
        ...     columns=Columns("text", "label", id="id"),
        ...     model="model",
        ... )
        >>> notes = mine.attach("run")
        >>> len(mine.manifest.checkpoints)
        3
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
        """Gradient rows, predictions and index; what is already there and current is kept.

        Parameters
        ----------
        settings
            Device, precision, attention, row store; None: measured once per workspace.
        progress
            Told how far it is.

        Raises
        ------
        InputError
            If there is no model yet, or a setting can't be had here.

        Examples
        --------
        >>> ws.precompute()  # all is current: nothing to do
        >>> ws.folder.state("index")
        'current'
        """
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
        """The loaded models, rows and index; made on first use, kept while the artifacts stay the same.

        Parameters
        ----------
        device
            ``cpu``, ``cuda`` or ``auto``.

        Returns
        -------
        Explainer
            What `explain` asks. Loads the models.

        Raises
        ------
        InputError
            If the index is missing or stale.

        Examples
        --------
        >>> ws.explainer() is ws.explainer()
        True
        """
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
        """Whether the sentence embeddings of a split are stored.

        Parameters
        ----------
        split
            ``train`` or ``eval``.

        Returns
        -------
        bool
            False: `embeddings` would compute them.

        Examples
        --------
        >>> ws.has_embeddings("train")
        False
        """
        from backend.model.embeddings import embeddings_are_stored

        return embeddings_are_stored(self.folder, split)

    def embeddings(self, split: SplitName) -> np.ndarray:
        """Sentence embeddings of a split: stored ones, or computed now and kept.

        Parameters
        ----------
        split
            ``train`` or ``eval``.

        Returns
        -------
        np.ndarray
            float32 (n, e), one row per row of the split, of length 1.

        Raises
        ------
        InputError
            If the encoder can't be loaded.

        Examples
        --------
        >>> found = ws.embeddings("eval")
        >>> found.shape, found.dtype.name
        ((20, 384), 'float32')
        """
        from backend.model.embeddings import Encoder, stored_embeddings

        return stored_embeddings(self.folder, split, Encoder())

    def neighbours(self, row: str, k: int = 10, *, split: SplitName = "train") -> list[Neighbour]:
        """The training rows whose sentences are most similar to that of a row, by stored embeddings.

        Parameters
        ----------
        row
            Its id.
        k
            How many.
        split
            Where the row is.

        Returns
        -------
        list[Neighbour]
            Place in the training rows, cosine similarity, rank from 1; the row itself is left out.

        Raises
        ------
        InputError
            If there is no such row, or embeddings are not stored.

        Examples
        --------
        >>> _ = ws.embeddings("train")
        >>> [each.rank for each in ws.neighbours("r0", k=2)]
        [1, 2]
        """
        from backend.model.neighbours import nearest_rows

        return nearest_rows(self.folder, self.split(split), row, k)

    def similarity(self, train: str, row: str, *, split: SplitName) -> Neighbour | None:
        """Where a training row stands among the neighbours of a row.

        Parameters
        ----------
        train
            Id of the training row.
        row
            Id of the other row.
        split
            Where the other row is.

        Returns
        -------
        Neighbour | None
            None if both are the same row.

        Raises
        ------
        InputError
            If there is no such row, or embeddings are not stored.

        Examples
        --------
        >>> _ = ws.embeddings("train")
        >>> ws.similarity("r3", "r3", split="train") is None
        True
        """
        from backend.model.neighbours import rank_among_neighbours

        position = self.train_split.position(train)
        return rank_among_neighbours(self.folder, self.split(split), row, position)

    def prepare_method(self, method: str, device: str = "auto", progress: Progress = silent) -> None:
        """Compute once what an attribution method needs of the training rows beside rows and index.

        Parameters
        ----------
        method
            A name that `firstword methods` lists.
        device
            ``cpu``, ``cuda`` or ``auto``.
        progress
            Told how far it is.

        Raises
        ------
        InputError
            If there is no such method, or it does not serve this task.

        Examples
        --------
        >>> ws.prepare_method("tfidf")
        >>> ws.explain("a gorgeous film", method="tfidf").method
        'tfidf'
        """
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
        """Write the strongest training examples of each end for all rows of a split to a file.

        Parameters
        ----------
        out
            The file: Parquet, or where its name ends in .jsonl, as the pretraining-tda viewer reads.
        split
            ``train`` or ``eval``.
        label
            ``predicted`` or ``given``: the class whose loss is traced.
        score
            A score mode.
        k
            How many of each end.
        device
            ``cpu``, ``cuda`` or ``auto``.
        progress
            Told how far it is.

        Returns
        -------
        int
            How many rows were explained.

        Raises
        ------
        InputError
            If there is no such score, or the index is missing or stale.

        Examples
        --------
        >>> ws.explain_many("answers.parquet", k=3)
        20
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
        """Influence of all training rows on all eval rows; resumable.

        Parameters
        ----------
        score
            A score mode.
        k
            How many of each end are kept for every eval row.
        device
            ``cpu``, ``cuda`` or ``auto``.
        progress
            Told how far it is.

        Raises
        ------
        InputError
            If there is no such score, or the index is missing or stale.

        Examples
        --------
        >>> ws.compute_influence(k=3)
        >>> ws.influence().train.num_rows
        60
        """
        with self.folder.lock():
            explainer = self.explainer(device)
            from backend.influence.answers.whole_set import compute_whole_set

            compute_whole_set(explainer, score=score, k=k, progress=progress)

    def influence(self) -> WholeSet:
        """What `compute_influence` found.

        Returns
        -------
        WholeSet
            ``train``: a line per training row (``total``, ``errors``: sums over all and over misclassified
            eval
            rows); ``top``: the strongest rows of each eval row.

        Raises
        ------
        InputError
            If it is missing, stale or damaged.

        Examples
        --------
        >>> ws.compute_influence(k=3)
        >>> "errors" in ws.influence().train.column_names
        True
        """
        from backend.influence.answers.whole_set import read_whole_set

        return read_whole_set(self.folder)

    # -- scores ---------------------------------------------------------------------------------------

    def measure_index(
        self, queries: int = 20, k: int = 10, score: str = DEFAULT_SCORE, progress: Progress = silent
    ) -> dict[str, float]:
        """Recall@k of the default path against `explain(exact=True)` on eval rows, for both ends.

        Parameters
        ----------
        queries
            How many eval rows.
        k
            How many of each end.
        score
            A score mode.
        progress
            Told how far it is.

        Returns
        -------
        dict[str, float]
            Mean and lowest recall, from 0 to 1.

        Raises
        ------
        InputError
            If the index is missing or stale.

        Examples
        --------
        >>> found = ws.measure_index(queries=2, k=5)
        >>> sorted(found)
        ['...', ...]
        """
        from backend.influence.answers.calibration import measure_against_exact

        return measure_against_exact(self.explainer(), score, queries, k, progress)

    def compare_methods(
        self, queries: int = 20, methods: Sequence[str] = (), seed: int = 0, progress: Progress = silent
    ) -> tuple[list[Comparison], list[str]]:
        """How alike the lists of all methods and scores are.

        Parameters
        ----------
        queries
            How many eval rows.
        methods
            Names; none: all that serve the task.
        seed
            Of the queries.
        progress
            Told how far it is.

        Returns
        -------
        tuple[list[Comparison], list[str]]
            One line per method and score (shares from 0 to 1, milliseconds per question), and what was left
            out.

        Raises
        ------
        InputError
            If there is no such method, or the index is missing or stale.

        Examples
        --------
        >>> found, left_out = ws.compare_methods(queries=2, methods=["we", "tfidf"])
        >>> {each.method for each in found} == {"we", "tfidf"}
        True
        """
        from backend.evaluation.compare import compare_methods

        return compare_methods(self.explainer(), queries, seed, methods, progress)

    def compare_answers(
        self, source: str, *, score: str = DEFAULT_SCORE, k: int = 10, progress: Progress = silent
    ) -> Overlap:
        """How much of another tool's lists is in ours.

        Parameters
        ----------
        source
            Its lists, in the pretraining-tda viewer's JSON Lines.
        score
            The score mode of our lists.
        k
            How many rows of each end are compared.
        progress
            Told how far it is.

        Returns
        -------
        Overlap
            Shares of the top ``k``, by query and on average.

        Raises
        ------
        InputError
            If the file is of another form, or names rows or texts that are not here.

        Examples
        --------
        >>> _ = ws.explain_many("ours.jsonl", k=3)
        >>> ws.compare_answers("ours.jsonl", k=3).queries > 0
        True
        """
        from backend.interchange.viewer import overlap, read_viewer

        return overlap(self.explainer(), read_viewer(source), score=score, k=k, progress=progress)

    def measure_lds(
        self, variants: Sequence[Variant], settings: LdsSettings, progress: Progress = silent
    ) -> tuple[list[Lds], list[str]]:
        """How well summed influence predicts retrainings on random halves (linear datamodelling score).

        Parameters
        ----------
        variants
            Methods with their scores.
        settings
            How many halves, seeds and queries.
        progress
            Told how far it is.

        Returns
        -------
        tuple[list[Lds], list[str]]
            Mean rank correlation (-1 to 1) with its 95 % interval for every variant, and notes.

        Raises
        ------
        InputError
            If there is no such variant, or the model can't be trained here.

        Examples
        --------
        >>> from firstword.settings import LdsSettings, Variant
        >>> found, notes = ws.measure_lds([Variant("we", "dot")], LdsSettings(subsets=4, queries=3))
        >>> -1 <= found[0].mean <= 1
        True
        """
        from backend.evaluation.lds import measure_lds

        return measure_lds(self.explainer(), variants, settings, progress)

    def measure_deletion(
        self, variants: Sequence[Variant], settings: DeletionSettings, progress: Progress = silent
    ) -> tuple[list[Curve], list[str]]:
        """What deleting proponents or opponents and training again does to a prediction.

        Parameters
        ----------
        variants
            Methods with their scores.
        settings
            How many rows are deleted, queries and seeds.
        progress
            Told how far it is.

        Returns
        -------
        tuple[list[Curve], list[str]]
            One curve per variant and end (change of the loss at each k, the area under it), and notes.

        Raises
        ------
        InputError
            If there is no such variant, or the model can't be trained here.

        Examples
        --------
        >>> from firstword.settings import DeletionSettings, Variant
        >>> settings = DeletionSettings(ks=(2, 4), queries=2, seeds=1)
        >>> found, notes = ws.measure_deletion([Variant("we", "dot")], settings)
        >>> sorted({each.end for each in found}), found[0].ks
        (['opponents', 'proponents'], [2, 4])
        """
        from backend.evaluation.deletion import measure_deletion

        return measure_deletion(self.explainer(), variants, settings, progress)

    def predictions(self, split: SplitName) -> Predictions:
        """Predictions of the last checkpoint for every row of a split.

        Parameters
        ----------
        split
            ``train`` or ``eval``.

        Returns
        -------
        Predictions
            ``predicted``, ``correct`` (bool (n,)), ``loss`` (float (n,)), ``probabilities`` (float (n,
            classes)).

        Raises
        ------
        InputError
            If they are missing, stale or damaged.

        Examples
        --------
        >>> found = ws.predictions("eval")
        >>> found.correct.shape, found.probabilities.shape
        ((20,), (20, 2))
        """
        from backend.model.prediction_table import read_predictions

        return read_predictions(self.folder, split, self.manifest.checkpoints[-1].step)

    def predictions_at(self, split: SplitName, places: Sequence[int] | np.ndarray) -> Predictions:
        """Those of some rows; reads little where they are few.

        Parameters
        ----------
        split
            ``train`` or ``eval``.
        places
            0-based places in the split; the order of the result.

        Returns
        -------
        Predictions
            As `predictions`, for these rows.

        Raises
        ------
        InputError
            If they are missing, stale or damaged.

        Examples
        --------
        >>> ws.predictions_at("eval", [4, 2]).loss.shape
        (2,)
        """
        import numpy as np

        from backend.model.prediction_table import read_some_predictions

        chosen = np.asarray(places, dtype=np.int64)
        return read_some_predictions(self.folder, split, self.manifest.checkpoints[-1].step, chosen)

    def figures(self, split: SplitName = "eval") -> Figures | None:
        """How good the predictions of the last checkpoint are: the stored ones, else those at the end of its
        training.

        Parameters
        ----------
        split
            ``train`` or ``eval``.

        Returns
        -------
        Figures | None
            Accuracy, macro-F1, confusion (int (classes, classes)); None where not known, or of another task.

        Raises
        ------
        InputError
            If predictions are damaged.

        Examples
        --------
        >>> int(ws.figures().confusion.sum())
        20
        """
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
        """The task's own figures of the last checkpoint.

        Parameters
        ----------
        split
            ``train`` or ``eval``.

        Returns
        -------
        list[Figure] | None
            Name, title, value and which end is good; None where not known.

        Raises
        ------
        InputError
            If predictions are damaged.

        Examples
        --------
        >>> [each.name for each in ws.measured()]
        ['accuracy', ...]
        """
        from backend.model.planned import measured_in_training

        if self.folder.state("predictions") != "current":
            return measured_in_training(self.folder) if split == "eval" else None
        found = self.predictions(split)
        return self.task.figures(self.space, found.outputs, found.table["label"].to_pylist())

    def label_figures(self, split: SplitName = "eval") -> list[LabelFigures]:
        """Of label sets, how good the last checkpoint is label by label.

        Parameters
        ----------
        split
            ``train`` or ``eval``.

        Returns
        -------
        list[LabelFigures]
            Empty for other tasks, and where not known.

        Raises
        ------
        InputError
            If predictions are damaged.

        Examples
        --------
        >>> ws.label_figures()  # one class a row: no label sets
        []
        """
        from backend.model.label_figures import label_figures

        if self.space.edit != "choose many" or self.folder.state("predictions") != "current":
            return []
        found = self.predictions(split)
        return label_figures(
            self.space.names, self.space.numbers(found.table["label"].to_pylist()), found.outputs
        )

    def hardly_learnt(self) -> HardlyLearnt | None:
        """Why the model's answers mean nothing, and what to do.

        Returns
        -------
        HardlyLearnt | None
            ``reason``, ``advice`` and, where there is one, ``command``; None where it has learnt, or is not
            known.

        Raises
        ------
        InputError
            If predictions are damaged.

        Examples
        --------
        >>> ws.hardly_learnt() is None
        True
        """
        from backend.model.planned import doubted, judged

        if self.manifest.task.name != "classification":
            return doubted(self.folder)
        figures = self.figures()
        return judged(self.folder, figures) if figures else None

    # -- closing the loop -----------------------------------------------------------------------------

    def disk_use(self) -> list[DiskUse]:
        """What each part of the workspace takes of the disk.

        Returns
        -------
        list[DiskUse]
            Bytes and files of each place, and what makes it again.

        Examples
        --------
        >>> sum(each.bytes for each in ws.disk_use()) > 100_000
        True
        """
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
        """Write the cleaned data, the removed rows or the patch, with manifest and data card.

        Parameters
        ----------
        format
            ``csv``, ``jsonl`` or ``parquet``.
        out
            The file.
        what
            ``cleaned``, ``removed`` or ``patch``.
        overwrite
            Whether a file that is there is replaced.
        defuse
            Whether cells that a spreadsheet would run as formulas get an apostrophe (CSV).

        Returns
        -------
        ExportReport
            The paths, how many rows, what was changed for the format.

        Raises
        ------
        InputError
            If the file is there and ``overwrite`` is false, or format or ``what`` is unknown.

        Examples
        --------
        >>> ws.review.remove("r3", reason="sarcasm")
        1
        >>> ws.export("jsonl", "cleaned.jsonl").n_rows
        59
        """
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
        """The data card that `export` would write, without the hashes of what is not written yet.

        Parameters
        ----------
        what
            ``cleaned``, ``removed`` or ``patch``.
        format
            As `export` takes it.
        name
            Of the file.

        Returns
        -------
        str
            Markdown.

        Raises
        ------
        InputError
            If ``what`` is unknown.

        Examples
        --------
        >>> ws.export_card(name="rows").splitlines()[1]
        '# Data card: rows'
        """
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
        """What an export would hold.

        Parameters
        ----------
        what
            ``cleaned``, ``removed`` or ``patch``.

        Returns
        -------
        ExportPreview
            How many rows, the columns, the first rows.

        Raises
        ------
        InputError
            If ``what`` is unknown.

        Examples
        --------
        >>> ws.export_preview().n_rows
        60
        """
        from backend.data.export import preview

        return preview(self.folder, self.review.states(), what)  # type: ignore[arg-type]

    # -- state --------------------------------------------------------------------------------------

    def status(self, *, figures: bool = True) -> dict[str, Any]:
        """What is there, what is stale, how many decisions, and the next step.

        Parameters
        ----------
        figures
            Also how good the model is, for which all predictions of the eval rows are read.

        Returns
        -------
        dict[str, Any]
            As `firstword status --json` prints it.

        Raises
        ------
        InputError
            If ``workspace.json`` is damaged.

        Examples
        --------
        >>> found = ws.status()
        >>> found["artifacts"]["index"]["state"], found["next"] is None
        ('current', True)
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
            "scores_not_loaded": self.scores.not_loaded(),
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
        """Read everything that was written.

        Parameters
        ----------
        repair
            Delete damaged derived files, so that `precompute` makes them again.
        progress
            Told how far it is.

        Returns
        -------
        list[str]
            One line per file that is damaged or missing.

        Raises
        ------
        InputError
            If ``workspace.json`` is damaged.

        Examples
        --------
        >>> ws.verify()
        []
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
