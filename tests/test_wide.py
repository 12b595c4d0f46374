"""Whole workspaces with 12 and 80 classes and with several shards: the same rules as with two classes."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from backend.data.shards import shard_ranges
from backend.errors import InputError
from backend.influence.answers.explanation import Pair
from backend.queue.queue import QueueFilter
from backend.queue.queue_file import write_queue
from backend.workspace import Workspace
from tests.influence.test_explain import all_entries, assert_agrees, truth_for
from tests.wide import WIDE, shards_of

TEXT = "my card is wrong, my loan is late, my loan is lost"


@pytest.fixture(scope="module", params=WIDE.values(), ids=WIDE)
def wide(request, tmp_path_factory):
    """The workspace, not to be changed, and what it was made from."""
    with request.param.built(tmp_path_factory.mktemp("wide")) as workspace:
        yield workspace, request.param


def test_it_is_whole(wide):
    workspace, made = wide
    names = {label for _, label in made.train()}
    assert len(names) == made.classes and set(workspace.manifest.classes) == names
    assert workspace.verify() == []
    shards = len(shard_ranges(len(workspace.train_split)))
    assert shards == (1 if made.shard is None else 5)
    found = list(workspace.folder.rows.glob("*/shard-*.safetensors"))
    assert len(found) == shards * len(workspace.manifest.checkpoints)


def test_predictions_are_over_all_classes(wide):
    workspace, made = wide
    classes = workspace.manifest.classes
    for split in ("train", "eval"):
        found = workspace.predictions(split)
        assert found.probabilities.shape[1] == made.classes
        np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)
        assert list(found.predicted) == [classes[each] for each in found.probabilities.argmax(axis=1)]
    right = np.mean([a == b for a, b in zip(found.predicted, workspace.eval_split.labels, strict=True)])
    assert right > 5 / made.classes, "it has learnt something"


@pytest.mark.parametrize("place", [0, -1], ids=["first class", "last class"])
def test_an_answer_is_the_dense_definition(wide, place):
    workspace, _ = wide
    label = workspace.manifest.classes[place]
    found = workspace.explain(TEXT, label=label, k=10, exact=True, score="dot")
    assert len(found.query.probabilities) == len(workspace.manifest.classes)
    assert sum(found.query.probabilities.values()) == pytest.approx(1, abs=1e-5)
    number = workspace.manifest.classes.index(label)
    assert_agrees(workspace, found, truth_for(workspace, (TEXT, None, number)))


def test_words_add_up_and_a_pair_has_the_score_of_the_list(wide):
    workspace, _ = wide
    row = workspace.eval_split.ids[-1]
    found = workspace.explain(row=row, split="eval", k=5)
    for entry in all_entries(found):
        close = pytest.approx(entry.score, rel=1e-5, abs=1e-9)
        assert sum(word.score for word in entry.words) + entry.special == close
        assert sum(word.score for word in entry.query_words) + entry.special == close
    first, last = found.proponents[0], found.opponents[0]
    for entry in (first, last):
        pair = workspace.explain_pair(entry.id, row=row, split="eval")
        assert isinstance(pair, Pair) and pair.entry.score == pytest.approx(entry.score, rel=1e-5)
        assert pair.entry.label == workspace.train_split.labels[workspace.train_split.position(entry.id)]


def test_the_queue_has_every_row_once_and_the_wrong_labels_early(wide):
    workspace, made = wide
    queue = workspace.scores.queue()
    assert sorted(each.id for each in queue) == sorted(workspace.train_split.ids)
    classes = set(workspace.manifest.classes)
    assert {each.suggested_label for each in queue} - {None} <= classes
    assert all(each.suggested_label != each.label for each in queue)
    wrong = {f"t{place}" for place in made.wrong()}
    early = [each.id in wrong for each in queue[: len(wrong)]]
    assert np.mean(early) > 3 * len(wrong) / len(queue)
    for label in (workspace.manifest.classes[0], workspace.manifest.classes[-1]):
        own = [each.id for each in queue if each.label == label]
        assert [each.id for each in workspace.scores.queue(QueueFilter(label=label))] == own and own


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_the_queue_as_a_file_has_its_rows_in_order(wide, tmp_path, ending):
    workspace, _ = wide
    queue, path = workspace.scores.queue(), tmp_path / f"queue.{ending}"
    assert write_queue(queue, path) == len(queue)
    if ending == "jsonl":
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    elif ending == "parquet":
        found = pq.read_table(path).to_pylist()
    else:
        with path.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file, delimiter="\t" if ending == "tsv" else ","))
    names = ("id", "label", "text", "action")
    told = [tuple(getattr(each, name) for name in names) for each in queue]
    assert [tuple(row[name] for name in names) for row in found] == told
    assert [bool(row["reasons"]) for row in found] == [bool(each.reasons) for each in queue]
    with pytest.raises(InputError, match="exists"):
        write_queue(queue, path)


def test_decisions_about_any_class_reach_the_export(wide, tmp_path):
    shared, _ = wide
    workspace = Workspace.open(shutil.copytree(shared.path, tmp_path / "ws"))
    ids, last = workspace.train_split.ids, workspace.manifest.classes[-1]
    workspace.review.decide("relabel", ids[1:4], label=last)
    workspace.review.remove(ids[0], ids[-1])
    workspace.export("csv", tmp_path / "clean.csv")
    with (tmp_path / "clean.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row["label"] for row in csv.DictReader(file)}
    before = dict(zip(ids, workspace.train_split.labels, strict=True))
    assert rows == {**{each: before[each] for each in ids[1:-1]}, **dict.fromkeys(ids[1:4], last)}


def test_another_size_of_shards_changes_nothing(wide, tmp_path):
    shared, made = wide
    around = np.array([16, 3, 15, 23, 16])  # places on both sides of where the first shard of 16 ends
    expected = answer(shared, around)
    copy = Path(shutil.copytree(shared.path, tmp_path / "ws"))
    for derived in ("rows", "index", "predictions", "tokens"):
        shutil.rmtree(copy / derived)
    with shards_of(16 if made.shard is None else None):
        workspace = Workspace.open(copy)
        workspace.precompute()
        found = answer(workspace, around)
    assert found[0] == pytest.approx(expected[0], rel=1e-4, abs=1e-9)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)


def answer(workspace: Workspace, around: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    """Scores by row, and what the model says of the training rows, read whole and in part."""
    found = workspace.explain(TEXT, k=20, exact=True, score="dot")
    whole = workspace.predictions("train").probabilities
    some = workspace.predictions_at("train", around).probabilities
    np.testing.assert_array_equal(some, whole[around])
    return {each.id: each.score for each in all_entries(found)}, whole
