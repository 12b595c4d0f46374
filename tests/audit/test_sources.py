"""The audit of sources: signs, cosines against looped gradients, groups, staleness, commands."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from backend.audit import source_gradients, sources
from backend.audit.source_gradients import as_cosines, gram, step_weights
from backend.audit.sources import REST, source_names
from backend.cli import app
from backend.data.columns import Columns
from backend.errors import InputError
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.training_settings import TrainingSettings
from backend.scores.settings import ScoreSettings
from backend.workspace import Workspace
from tests.conftest import tiny_rows, write_rows
from tests.factories import tiny

SOURCES = ("clean", "noisy", "shuffled")
OTHER = {"good": "bad", "bad": "good"}


def rows_of(source: str, count: int, rng: np.random.Generator) -> list[dict]:
    """Rows whose labels are right, wrong in 45 %, or drawn anew from all."""
    start = 1000 * SOURCES.index(source)
    rows = tiny_rows(count, start)
    if source == "noisy":
        for place in rng.permutation(count)[: int(0.45 * count)]:
            rows[place]["label"] = OTHER[rows[place]["label"]]
    if source == "shuffled":
        labels = rng.permutation([row["label"] for row in rows]).tolist()
        rows = [{**row, "label": label} for row, label in zip(rows, labels, strict=True)]
    return [{**row, "source": source} for row in rows]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("sources"), np.random.default_rng(0)
    rows = [row for source in SOURCES for row in rows_of(source, 60, rng)]
    evaluation = [{**row, "id": f"e{row['id']}", "source": "eval"} for row in tiny_rows(40, 7000)]
    made, _ = Workspace.create(
        folder / "ws",
        train=str(write_rows(folder / "train.jsonl", rows)),
        eval=str(write_rows(folder / "eval.jsonl", evaluation)),
        columns=Columns(text="text", label="label", id="id", group="source"),
        model=str(tiny("bert", folder / "model", [row["text"] for row in rows])),
    )
    made.train(TrainingSettings(epochs=2, lr=1e-3, batch_size=16, checkpoints=2, precision="fp32"))
    made.precompute()
    made.compute_sources(ScoreSettings(device="cpu"))
    return made


def by_source(workspace, step):
    return {
        each["source"]: each for each in workspace.audit.sources().table.to_pylist() if each["step"] == step
    }


def test_the_clean_source_gets_the_largest_weight(workspace):
    for step in (*(each.step for each in workspace.manifest.checkpoints), None):
        found = by_source(workspace, step)
        assert max(found, key=lambda name: found[name]["weight"]) == "clean"
        assert max(found, key=lambda name: found[name]["mean"]) == "clean"
        assert min(found, key=lambda name: found[name]["negative"]) == "clean"
        assert sum(each["weight"] for each in found.values()) == pytest.approx(1)


def test_one_step_moves_weight_towards_alignment():
    weights = step_weights(np.array([0.9, 0.1, -0.5]), 2.0)
    np.testing.assert_allclose(weights[0] / weights[1], np.exp(2 * 0.8))
    assert weights[0] > weights[1] > weights[2]
    assert np.isfinite(step_weights(np.array([1.0, -1.0]), 1e5)).all()


def test_statistics_are_those_of_the_alignments(workspace):
    table = workspace.scores.table()
    aligned = np.array(table.table["alignments"].to_pylist())
    groups = np.array(workspace.train_split.groups)
    for number, each in enumerate(workspace.manifest.checkpoints):
        for name, row in by_source(workspace, each.step).items():
            own = aligned[groups == name, number]
            assert row["rows"] == 60
            assert row["mean"] == pytest.approx(own.mean())
            assert row["standard_error"] == pytest.approx(own.std(ddof=1) / 60**0.5)
            assert row["negative"] == pytest.approx((own < 0).mean())
    total = table.values("alignment")
    for name, row in by_source(workspace, None).items():
        assert row["mean"] == pytest.approx(total[groups == name].mean())


def looped(model, tokenizer, texts, labels) -> torch.Tensor:
    """Gradient of the mean loss over all weights, one example at a time: one long vector."""
    model.zero_grad(set_to_none=True)
    for text, label in zip(texts, labels, strict=True):
        logits = model(**tokenizer(text, return_tensors="pt")).logits
        (nn.functional.cross_entropy(logits, torch.tensor([label])) / len(texts)).backward()
    return torch.cat([p.grad.double().flatten() for p in model.parameters() if p.grad is not None])


def test_cosines_are_those_of_looped_gradients(workspace):
    manifest, split, held_out = workspace.manifest, workspace.train_split, workspace.eval_split
    index = manifest.classes.index
    grams = []
    for each in manifest.checkpoints:
        path = workspace.folder.checkpoint_path(each)
        model, tokenizer = load_classifier(path, attention="eager"), load_tokenizer(path)
        vectors = [looped(model, tokenizer, held_out.texts, [index(y) for y in held_out.labels])]
        for name in SOURCES:
            rows = [place for place, group in enumerate(split.groups) if group == name]
            labels = [index(split.labels[row]) for row in rows]
            vectors.append(looped(model, tokenizer, [split.texts[row] for row in rows], labels))
        together = torch.stack(vectors)
        grams.append((together @ together.T).numpy())
    every = [*grams, sum(e.weight * g for e, g in zip(manifest.checkpoints, grams, strict=True))]
    for step, products in zip((*(each.step for each in manifest.checkpoints), None), every, strict=True):
        norms = np.sqrt(np.diagonal(products))
        truth = products / np.outer(norms, norms)
        found = by_source(workspace, step)
        np.testing.assert_allclose([found[name]["cosine"] for name in SOURCES], truth[0, 1:], atol=1e-4)
        pairs = {
            (each["source"], each["other"]): each["cosine"]
            for each in workspace.audit.sources().cosines.to_pylist()
            if each["step"] == step
        }
        matrix = [[pairs[one, other] for other in SOURCES] for one in SOURCES]
        np.testing.assert_allclose(matrix, truth[1:, 1:], atol=1e-4)


@pytest.mark.parametrize("at_once", [1, 2, 3, 10])
def test_blocks_change_nothing(at_once):
    vectors = torch.randn(5, 3, 4)
    made = []

    def vector(number):
        made.append(number)
        return {"a": vectors[number, 0], "b": vectors[number, 1:]}

    flat = vectors.flatten(1)
    np.testing.assert_allclose(gram(5, vector, at_once), (flat @ flat.T).numpy(), rtol=1e-5)
    assert len(made) == {1: 15, 2: 9, 3: 7, 10: 5}[at_once]


def test_a_gradient_of_zero_has_no_direction():
    np.testing.assert_allclose(as_cosines(np.array([[4.0, 0.0], [0.0, 0.0]])), [[1, 0], [0, 0]])


def test_small_sources_are_merged_and_classes_stand_in(workspace, tiny_template, monkeypatch):
    assert (
        source_names(Workspace.open(tiny_template).train_split)
        == Workspace.open(tiny_template).train_split.labels
    )
    monkeypatch.setattr(sources, "MOST_SOURCES", 2)
    assert set(source_names(workspace.train_split)) == {"clean", "noisy", REST}


def test_what_is_current_stays_and_a_changed_eta_is_seen(workspace, monkeypatch):
    calls = []
    original = source_gradients.source_products
    monkeypatch.setattr(sources, "source_products", lambda *a: calls.append(1) or original(*a))
    settings = ScoreSettings(device="cpu")
    workspace.audit.compute_sources(settings)
    assert calls == []
    (workspace.folder.scores / "source_cosines.parquet").write_bytes(b"")
    with pytest.raises(InputError, match="damaged or missing; run `python -m backend sources"):
        workspace.audit.sources()
    workspace.audit.compute_sources(settings)
    assert calls == [1]
    before = by_source(workspace, None)
    workspace.audit.compute_sources(settings, eta=4.0)
    after = by_source(workspace, None)
    assert after["clean"]["weight"] > before["clean"]["weight"]
    workspace.audit.compute_sources(settings)


@pytest.mark.parametrize("eta", [0, -1, float("nan"), float("inf")])
def test_a_wrong_eta_is_one_line(workspace, eta):
    with pytest.raises(InputError, match=f"--eta {eta}: must be above 0"):
        workspace.audit.compute_sources(ScoreSettings(device="cpu"), eta=eta)


def test_on_the_command_line(workspace):
    runner = CliRunner()
    shown = runner.invoke(app, ["sources", str(workspace.path), "--device", "cpu"]).stdout
    assert "weight of one step" in shown
    found = json.loads(runner.invoke(app, ["sources", str(workspace.path), "--json"]).stdout)
    assert {each["source"] for each in found["sources"]} == set(SOURCES)
    assert len(found["cosines"]) == 9 * 3
    failed = runner.invoke(app, ["sources", str(workspace.path), "--clean", "mine"])
    assert str(failed.exception) == "--clean mine: must be eval or kept"
