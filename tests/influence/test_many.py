"""Whole splits at once: the same answers as one by one; sums are sums; stopped work continues."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from backend.errors import InputError
from backend.influence.answers import many, whole_set
from backend.influence.index.modes import MODES
from backend.workspace import Workspace


def entries_of(table, query: str, kind: str) -> list[tuple[str, float]]:
    rows = [row for row in table.to_pylist() if row["query_id"] == query and row["kind"] == kind]
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    return [(row["train_id"], row["score"]) for row in rows]


@pytest.mark.parametrize("score", MODES)
def test_many_answers_are_those_of_explain(tiny_template, tmp_path, score):
    workspace = Workspace.open(tiny_template)
    assert workspace.explain_many(tmp_path / "a.parquet", score=score, k=4) == 20
    table = pq.read_table(tmp_path / "a.parquet")
    for row in workspace.eval_split.ids[:5]:
        explanation = workspace.explain(row=row, split="eval", score=score, k=4)
        for kind, entries in (("proponent", explanation.proponents), ("opponent", explanation.opponents)):
            found = entries_of(table, row, kind)
            assert [each for each, _ in found] == [entry.id for entry in entries]
            for (_, one), entry in zip(found, entries, strict=True):
                assert one == pytest.approx(entry.score, rel=1e-4)


def test_given_labels_training_rows_and_tokens(tiny_template, tmp_path, monkeypatch):
    workspace = Workspace.open(tiny_template)
    monkeypatch.setattr(many, "_MOST_AT_ONCE", 7)
    workspace.explain_many(tmp_path / "a.parquet", split="train", label="given", k=3)
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert all(row["explained"] == row["query_label"] for row in rows)
    assert all(row["query_id"] != row["train_id"] for row in rows)
    assert {row["query_id"] for row in rows} == set(workspace.train_split.ids)
    entry = workspace.explain(row="r3", label=workspace.train_split.labels[3], k=3).proponents[0]
    first = next(row for row in rows if row["query_id"] == "r3" and row["kind"] == "proponent")
    expected = [(token.token, pytest.approx(token.score, rel=1e-4)) for token in entry.tokens[:5]]
    assert [(token["token"], token["score"]) for token in first["tokens"]] == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "mine"}, "--label mine: must be one of predicted, given"),
        ({"score": "magic"}, "--score magic: must be one of dot"),
        ({"k": 0}, "-k 0: must be at least 1"),
    ],
)
def test_wrong_options_write_nothing(tiny_template, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        Workspace.open(tiny_template).explain_many(tmp_path / "a.parquet", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_is_not_replaced(tiny_template, tmp_path):
    (tmp_path / "a.parquet").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="exists already"):
        Workspace.open(tiny_template).explain_many(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="its folder does not exist"):
        Workspace.open(tiny_template).explain_many(tmp_path / "none" / "a.parquet")


@pytest.mark.parametrize("score", ["dot", "cosine", "ekfac"])
def test_sums_are_those_of_single_scores(tiny_workspace, score):
    tiny_workspace.compute_influence(score=score, k=3)
    found = tiny_workspace.influence()
    explainer, classes = tiny_workspace.explainer(), tiny_workspace.manifest.classes
    searcher, split, mode = explainer.searcher, tiny_workspace.eval_split, MODES[score]
    labels = [classes.index(name) for name in split.labels]
    traced = explainer.checkpoints.trace(explainer.checkpoints.encode(split.examples), labels)
    scores = np.stack([searcher.scores(searcher.ask(each, mode), mode) for each in traced])
    correct = tiny_workspace.predictions("eval").correct
    table = found.train.to_pydict()
    scale = np.abs(scores).sum(axis=0).max()
    assert table["id"] == tiny_workspace.train_split.ids
    np.testing.assert_allclose(table["all"], scores.sum(axis=0), atol=1e-5 * scale)
    np.testing.assert_allclose(table["errors"], scores[~correct].sum(axis=0), atol=1e-5 * scale)
    for number in range(len(classes)):
        own = scores[np.array(labels) == number].sum(axis=0)
        np.testing.assert_allclose([each[number] for each in table["classes"]], own, atol=1e-5 * scale)
    top = found.top.to_pylist()
    harmed = {row["train_id"] for row in top if row["kind"] == "opponent"}
    assert {row for row, count in zip(table["id"], table["harms"], strict=True) if count} == harmed
    assert sum(table["helps"]) == sum(row["kind"] == "proponent" for row in top)
    np.testing.assert_allclose(table["self_influence"], searcher.norms**2)


def test_stopped_it_continues_and_ends_the_same(tiny_workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(whole_set, "BLOCK_ROWS", 6)
    other = Workspace.open(shutil.copytree(tiny_workspace.path, tmp_path / "other"))
    other.compute_influence(k=3)
    done = []
    original = whole_set._block

    def stopping(*arguments):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return original(*arguments)

    monkeypatch.setattr(whole_set, "_block", stopping)
    with pytest.raises(KeyboardInterrupt):
        tiny_workspace.compute_influence(k=3)
    assert tiny_workspace.folder.state("influence") == "missing"
    with pytest.raises(InputError, match="influence missing; run `python -m backend influence"):
        tiny_workspace.influence()
    calls = []
    monkeypatch.setattr(whole_set, "_block", lambda *a: calls.append(a[1]) or original(*a))
    tiny_workspace.compute_influence(k=3)
    assert calls == [range(12, 18), range(18, 20)]
    resumed, whole = tiny_workspace.influence(), other.influence()
    assert resumed.train.equals(whole.train)
    assert resumed.top.equals(whole.top)
    tiny_workspace.compute_influence(k=3)
    assert len(calls) == 2
    assert tiny_workspace.status()["artifacts"]["influence"]["state"] == "current"


def test_damage_is_found_and_repaired(tiny_workspace):
    tiny_workspace.compute_influence(k=3)
    path = tiny_workspace.folder.influence / "train.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    assert tiny_workspace.verify(repair=True) == [f"{path}: damaged or missing"]
    with pytest.raises(InputError, match="damaged or missing; run `python -m backend influence"):
        tiny_workspace.influence()
    tiny_workspace.compute_influence(k=3)
    assert tiny_workspace.verify() == []


def test_repair_stays_inside_the_workspace(tiny_workspace, tmp_path):
    tiny_workspace.compute_influence(k=3)
    victim = tmp_path / "victim.txt"
    victim.write_text("mine", encoding="utf-8")
    manifest = tiny_workspace.manifest
    artifact = manifest.artifacts["influence"]
    details = {**artifact.details, "files": {"../../victim.txt": "0", str(victim): "0"}}
    artifacts = {**manifest.artifacts, "influence": artifact.model_copy(update={"details": details})}
    tiny_workspace.folder.write_manifest(manifest.model_copy(update={"artifacts": artifacts}))
    tiny_workspace.verify(repair=True)
    assert victim.read_text(encoding="utf-8") == "mine"


def test_on_the_command_line(tiny_workspace, tmp_path, inside):
    out = tmp_path / "many.parquet"
    printed = inside("explain-many", tiny_workspace.path, "--out", out, "-k", 2).stdout
    assert "20 eval rows" in printed
    assert len(pq.read_table(out)) == 80
    table = inside("influence", tiny_workspace.path, "-k", 2, "--most", 3).stdout
    assert "on errors" in table
    assert inside("explain-many", tiny_workspace.path, "--out", out, check=False).returncode == 2


def test_without_an_error_influence_says_so_and_lists_by_influence_on_all_eval_rows(tiny_workspace, inside):
    assert tiny_workspace.predictions("eval").correct.all()
    said = " ".join(inside("influence", tiny_workspace.path, "-k", 2, "--most", 3).stdout.split())
    assert said.startswith("no eval row is misclassified; ordered by influence on all eval rows, lowest")
    done = inside("influence", tiny_workspace.path, "-k", 2, "--most", 60, "--json")
    rows = json.loads(done.stdout)
    assert "no eval row is misclassified" in done.stderr
    assert {each["ordered_by"] for each in rows} == {"all"}
    assert [each["all"] for each in rows] == sorted(each["all"] for each in rows)
