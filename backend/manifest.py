"""What ``workspace.json`` says: data, task, model, checkpoints, and what was made from what.

docs/design.md, section 5.1.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints

from backend.schema import SCHEMA_VERSION, upgraded

SplitName = Literal["train", "eval"]
TaskName: TypeAlias = str
"""Of `backend.tasks` and `backend.data.targets`; one that is not known is refused where it is asked for."""
TRAINED_ON = "trained_on"
"""Among what is known of checkpoints: how many of the training rows they saw, once others were appended."""
Form: TypeAlias = Literal["", "text", "pair", "messages"]
# A name in the folder of the data, never a path that leads out of it.
SplitFile = Annotated[str, StringConstraints(pattern=r"^(train|eval)(-[0-9a-f]{16})?\.parquet$")]

Day = Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d\d-\d\d)?$")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataInfo(_Record):
    """What was imported: column names as in the source, and how many usable rows.

    ``labels``: the columns of 0 and 1, where each label has one; ``label`` is the first then.
    ``files`` names the file of each split whose rows are no longer in ``SPLIT.parquet``. ``annotator``: the
    column that says who gave a row its label. ``merged``: spellings of labels that stand for another one,
    which is the class or, where ``names`` has it, its number. ``merges``: whether new spellings are merged
    when rows are appended. ``derived``: columns that were made from nested ones; they are not exported.
    ``form``: how a row for a language model is written in the source; ``text`` and ``label`` are the columns
    then that hold what is read and what is learnt: one and the same but for pairs. ``system``, ``tools``: the
    columns of a text that comes first, and of the tools that a chat template is told of.
    """

    fingerprint: str
    text: str
    label: str
    labels: tuple[str, ...] = ()
    text_b: str | None = None
    id: str | None = None
    group: str | None = None
    annotator: str | None = None
    merged: dict[str, str] = {}
    merges: bool = False
    names: dict[str, str] = {}
    derived: tuple[str, ...] = ()
    form: Form = ""
    system: str | None = None
    tools: str | None = None
    n_train: int
    n_eval: int
    n_rejected: int = 0
    sources: dict[str, str] = {}
    files: dict[SplitName, SplitFile] = {}

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns of the fields, in reading order: as they are stored."""
        if self.form:
            return ("_fw_text",)
        return (self.text,) if self.text_b is None else (self.text, self.text_b)

    @property
    def target_columns(self) -> tuple[str, ...]:
        """The columns that hold the target."""
        return self.labels or (self.label,)

    def file(self, split: SplitName) -> str:
        """Name of the file that holds the rows of ``split``."""
        return self.files.get(split, f"{split}.parquet")


class ModelInfo(_Record):
    """The model to fine-tune: a hub id, a folder, or ``minilm``; ``layers`` keeps the first N."""

    name: str
    layers: int | None = None


class CheckpointInfo(_Record):
    """One checkpoint; ``weight`` (eta) is the mean learning rate of the interval that it closes."""

    path: str
    step: int
    epoch: float | None
    weight: float


class Artifact(_Record):
    """Something derived: its id, the ids of its inputs, and facts about how it was made."""

    id: str
    inputs: dict[str, str] = {}
    created: str
    details: dict[str, Any] = {}


class EarlierRun(_Record):
    """A training other than the one that is explained: its number, from 1, and what was recorded of it."""

    number: int
    created: str
    checkpoints: tuple[CheckpointInfo, ...]
    details: dict[str, Any] = {}
    max_length: int | None = None
    id: str | None = None  # of the artifact; None where an earlier Firstword left it out, and more
    inputs: dict[str, str] = {}


class TaskInfo(_Record):
    """What is learnt: the ``name`` of the task, and its ``classes`` (or labels) in model order.

    ``range``: least, median and largest target of the training rows, where targets are numbers. ``loss``:
    which tokens of a language model's rows count (`backend.data.conversation.Loss`), "" for other tasks.
    ``day``: as ``YYYY-MM-DD``, what its chat template takes for today, so that its rows are the same tokens
    for ever (D-170).
    """

    name: TaskName = "classification"
    classes: tuple[str, ...] = ()
    range: tuple[float, float, float] | None = None
    loss: Literal["", "answers", "all"] = ""
    day: Day = ""


class Manifest(_Record):
    """The content of ``workspace.json``.

    ``checkpoints`` are in training order, the last is the model explained; ``tokenizer`` is a path like a
    checkpoint's, None where the last checkpoint brings its own.
    """

    schema_version: int = SCHEMA_VERSION
    data: DataInfo
    task: TaskInfo
    max_length: int | None = None
    model: ModelInfo
    tokenizer: str | None = None
    checkpoints: tuple[CheckpointInfo, ...] = ()
    artifacts: dict[str, Artifact] = {}
    runs: tuple[EarlierRun, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in model order."""
        return self.task.classes

    @property
    def run(self) -> int:
        """The number of the training that is explained, or of the first one to come."""
        artifact = self.artifacts.get("checkpoints")
        return (artifact.details.get("run") if artifact else None) or len(self.runs) + 1


@lru_cache(maxsize=8)
def parsed(content: bytes) -> tuple[Any, Manifest | None]:
    """Schema version and manifest, None of another version; a page asks for the same hundreds of times.

    Kept by content: a file's time and size may be the same after two quick changes.
    """
    raw = upgraded(json.loads(content.decode("utf-8")))
    version = raw.get("schema_version")
    return version, Manifest.model_validate(raw) if version == SCHEMA_VERSION else None
