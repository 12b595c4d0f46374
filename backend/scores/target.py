"""The target sample of off-domain scores: the eval rows, or those of a source like the training data."""

from __future__ import annotations

from dataclasses import replace

from backend.data.append_rows import columns_of
from backend.data.assemble import some
from backend.data.class_naming import Naming
from backend.data.columns import Columns
from backend.data.examples import Examples
from backend.data.labels import LabelCodec
from backend.data.rejected import Rejections
from backend.data.rows import Rows
from backend.data.sources import read
from backend.data.targets.registry import kind_of
from backend.data.validate import Usable, known_classes, known_targets, usable, usable_texts
from backend.scores.context import Context
from backend.scores.settings import EVAL

USES = ("target", "target_content")
"""The fields of `ScoreSettings` on which the sample depends."""


def target_texts(context: Context) -> Examples:
    """The sample without labels; `InputError` if the source can't be read."""
    if context.settings.target == EVAL:
        return context.evaluation.examples
    rows, columns, rejections = _read(context)
    return usable_texts(rows, columns, rejections)


def labelled_target(context: Context) -> Examples:
    """The sample with labels, which must be those of the training data; `InputError` otherwise."""
    if context.settings.target == EVAL:
        return context.evaluation.examples
    rows, columns, rejections = _read(context)
    part = usable(rows, columns, rejections)
    codec = kind_of(columns.task).codec(columns, context.train.table.schema, "train")
    if not isinstance(codec, LabelCodec):
        return some(_known(context, part, columns, rejections), rejections, "target").examples
    naming = Naming.recorded(context.manifest.data).with_later(set(part.labels), context.classes)
    part = known_classes(part, columns.label, codec, context.classes, naming, rejections)
    return some(part, rejections, "target").examples


def _known(context: Context, part: Usable, columns: Columns, rejections: Rejections) -> Usable:
    """The rows whose targets can be those of a training row."""
    task, present = context.manifest.task, set(context.classes)
    kind = kind_of(task.name)
    return known_targets(part, columns.label, lambda target: kind.unknown(task, target, present), rejections)


def _read(context: Context) -> tuple[Rows, Columns, Rejections]:
    columns = replace(columns_of(context.manifest), id=None, group=None, annotator=None)
    rejections = Rejections(advice="correct it, or leave the row out")
    return read(context.settings.target, "train", columns, rejections).rows, columns, rejections
