"""TracIn at other layers against looped gradients of their weights."""

import shutil

import numpy as np
import pytest
import torch
from filelock import FileLock

from backend.data.examples import Examples
from backend.errors import InputError
from backend.influence.answers.features import query_norm
from backend.influence.answers.method import Asked
from backend.influence.answers.methods import layers as methods
from backend.influence.answers.registry import all_methods, method_named
from backend.influence.gradients.layers import below_head, head, middle_layers
from backend.model.loading import load_classifier, load_tokenizer
from backend.workspace import Workspace
from tests.conftest import build_tiny, tiny_rows, write_rows
from tests.factories import tiny

SENTENCE = "a witty, witty film with a dull story"
ARCHITECTURES = ["bert", "roberta", "distilbert", "electra", "albert", "deberta", "gpt2"]
HEADS = {
    "bert": ("bert.pooler.dense", "classifier"),
    "roberta": ("classifier.dense", "classifier.out_proj"),
    "distilbert": ("pre_classifier", "classifier"),
    "electra": ("classifier.dense", "classifier.out_proj"),
    "albert": ("albert.pooler", "classifier"),
    "deberta": ("pooler.dense", "classifier"),
    "gpt2": (None, "score"),
}


def looped(workspace: Workspace, choose, query: str, label: int) -> np.ndarray:
    """sum_c eta_c <grad W (x), grad W (q)> over the weights and biases of the chosen layers: (n)."""
    train, manifest = workspace.train_split, workspace.manifest
    total = np.zeros(len(train))
    for checkpoint in manifest.checkpoints:
        path = workspace.folder.checkpoint_path(checkpoint)
        model, tokenizer = load_classifier(path, attention="eager"), load_tokenizer(path)
        parameters = [each for layer in choose(model) for each in layer.parameters()]

        def gradient(text: str, target: int, model=model, tokenizer=tokenizer, parameters=parameters):
            inputs = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
            loss = torch.nn.functional.cross_entropy(model(**inputs).logits, torch.tensor([target]))
            return torch.cat([each.flatten() for each in torch.autograd.grad(loss, parameters)]).double()

        asked = gradient(query, label)
        for place, (text, own) in enumerate(zip(train.texts, train.labels, strict=True)):
            total[place] += checkpoint.weight * float(gradient(text, manifest.classes.index(own)) @ asked)
    return total


def all_scores(workspace: Workspace, method: str, score: str = "dot") -> np.ndarray:
    engine = workspace.explainer()
    encoded = engine.checkpoints.encode(Examples.one(SENTENCE))
    traced = engine.checkpoints.trace(encoded, [1])[0]
    return method_named(method).all_scores(Asked(engine, (SENTENCE,), encoded[0], 1, traced, score, 5))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_layers_are_found_in_every_architecture(architecture, tmp_path):
    model = load_classifier(tiny(architecture, tmp_path), attention="eager")
    names = {id(module): name for name, module in model.named_modules()}
    second, last = HEADS[architecture]
    assert names[id(head(model))] == last
    if second is None:
        with pytest.raises(InputError, match="has no layer between its blocks and its head"):
            below_head(model)
    else:
        assert names[id(below_head(model))] == second
    assert len(middle_layers(model)) >= 4
    assert not any("pos_" in names[id(layer)] for layer in middle_layers(model))


@pytest.mark.parametrize("architecture", ["bert", "roberta", "gpt2"])
def test_head_products_are_those_of_looped_gradients(architecture, tmp_path):
    workspace = build_tiny(tmp_path, n_train=16, n_eval=4, architecture=architecture)
    expected = looped(workspace, lambda model: [head(model)], SENTENCE, 1)
    np.testing.assert_allclose(all_scores(workspace, "last-layer"), expected, rtol=1e-4, atol=1e-9)
    if architecture != "gpt2":
        expected = looped(workspace, lambda model: [below_head(model)], SENTENCE, 1)
        np.testing.assert_allclose(all_scores(workspace, "second-layer"), expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("architecture", ["bert", "albert", "deberta"])
def test_the_middle_block_is_projected_without_bias(architecture, tmp_path, monkeypatch):
    workspace = build_tiny(tmp_path, n_train=16, n_eval=4, architecture=architecture)
    expected = looped(workspace, middle_layers, SENTENCE, 1)
    monkeypatch.setattr(
        methods, "_projection", lambda size, seed, like: torch.eye(size, device=like.device)
    )  # no projection at all: the whole product
    np.testing.assert_allclose(all_scores(workspace, "middle-layer"), expected, rtol=1e-3, atol=1e-7)


def test_the_projection_keeps_the_ranking(tiny_template):
    workspace = Workspace.open(tiny_template)
    exact = looped(workspace, middle_layers, SENTENCE, 1)
    assert np.corrcoef(all_scores(workspace, "middle-layer"), exact)[0, 1] > 0.95


def test_cosine_of_a_copy_is_one_and_of_all_at_most_one(tiny_template):
    workspace = Workspace.open(tiny_template)
    for method in ("last-layer", "second-layer", "middle-layer", "trained"):
        row = workspace.train_split.ids[4]
        label = workspace.train_split.labels[4]
        answer = workspace.explain(row=row, split="train", label=label, method=method, score="cosine")
        assert answer.excluded is not None and answer.excluded.score == pytest.approx(1.0, abs=1e-4)
        assert np.abs(all_scores(workspace, method, "cosine")).max() <= 1.0 + 1e-6


def test_kept_gradients_are_read_again_and_made_anew_for_other_checkpoints(tiny_workspace, monkeypatch):
    first = all_scores(tiny_workspace, "last-layer")
    stored = tiny_workspace.folder.features / "last-layer"
    before = {path.name: path.stat().st_mtime_ns for path in stored.iterdir()}
    again = Workspace.open(tiny_workspace.path)
    np.testing.assert_array_equal(all_scores(again, "last-layer"), first)
    assert {path.name: path.stat().st_mtime_ns for path in stored.iterdir()} == before
    (stored / "features.json").write_text('{"key": "of other checkpoints"}')
    np.testing.assert_array_equal(all_scores(Workspace.open(tiny_workspace.path), "last-layer"), first)
    assert {path.name: path.stat().st_mtime_ns for path in stored.iterdir()} != before


def test_kept_gradients_follow_appended_rows(tiny_workspace, tmp_path):
    """One more row, one more gradient: nothing is read as current that belongs to fewer rows."""
    before = all_scores(tiny_workspace, "last-layer")
    more = write_rows(tmp_path / "more.jsonl", tiny_rows(1, 500))
    tiny_workspace.append(train=str(more))
    tiny_workspace.precompute()
    after = all_scores(Workspace.open(tiny_workspace.path), "last-layer")
    assert len(after) == len(before) + 1
    np.testing.assert_allclose(after[:-1], before, rtol=1e-5)


def test_damaged_gradients_are_named_and_made_anew(tiny_workspace):
    first = all_scores(tiny_workspace, "last-layer")
    path = sorted((tiny_workspace.folder.features / "last-layer").glob("*.npy"))[0]
    path.write_bytes(path.read_bytes()[:100])
    assert any(str(path) in line for line in tiny_workspace.verify())
    assert not all_methods()["last-layer"].is_ready(tiny_workspace.folder)
    np.testing.assert_array_equal(all_scores(Workspace.open(tiny_workspace.path), "last-layer"), first)
    assert tiny_workspace.verify() == []


def test_gradients_are_made_under_the_lock(tiny_workspace):
    """Whoever takes the lock sweeps away what is half-written."""
    shutil.rmtree(tiny_workspace.folder.features, ignore_errors=True)
    with (
        FileLock(tiny_workspace.path / ".lock"),
        pytest.raises(InputError, match="another process is working"),
    ):
        tiny_workspace.explain(text="a film", method="last-layer")
    with tiny_workspace.folder.lock(), tiny_workspace.folder.lock():
        tiny_workspace.explain(text="a film", method="last-layer")


def test_a_query_without_tokens_has_no_influence(tiny_template):
    assert query_norm([], np.ones(3)) == 0.0
