"""Alignment with a clean set against gradients made one at a time; what is clean; when it is stale."""

import shutil

import numpy as np
import pytest
import torch
from torch import nn

from backend.errors import InputError
from backend.model.loading import load_classifier, load_tokenizer
from backend.scores import clean_set as clean
from backend.scores.alignment import Alignment
from backend.scores.context import Context
from backend.scores.registry import producer_of
from backend.scores.settings import ScoreSettings
from backend.scores.table import score_state
from backend.workspace import Workspace
from tests.conftest import build_tiny


def gradient(model, tokenizer, text: str, label: int) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    logits = model(**tokenizer(text, return_tensors="pt")).logits
    nn.functional.cross_entropy(logits, torch.tensor([label])).backward()
    return {name: p.grad.double() for name, p in model.named_parameters() if p.grad is not None}


def looped(workspace, clean_rows, rows):
    """Products (C, rows), squared norms (C, rows) and |v_c|^2 (C) over all weights."""
    manifest, folder = workspace.manifest, workspace.folder
    split, classes = workspace.train_split, manifest.classes
    found = []
    for each in manifest.checkpoints:
        path = folder.checkpoint_path(each)
        model, tokenizer = load_classifier(path, attention="eager"), load_tokenizer(path)
        parts = [gradient(model, tokenizer, text, label) for text, label in clean_rows]
        v = {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}
        own = [gradient(model, tokenizer, split.texts[r], classes.index(split.labels[r])) for r in rows]
        found.append(
            (
                [sum(float((g * v[n]).sum()) for n, g in x.items()) for x in own],
                [sum(float((g * g).sum()) for g in x.values()) for x in own],
                sum(float((g * g).sum()) for g in v.values()),
            )
        )
    return tuple(np.array(each) for each in zip(*found, strict=True))


@pytest.fixture(scope="module")
def scored(tiny_template, tmp_path_factory):
    workspace = Workspace.open(shutil.copytree(tiny_template, tmp_path_factory.mktemp("align") / "ws"))
    workspace.scores.compute(["alignment"])
    return workspace


def test_alignment_is_the_product_with_the_clean_gradient(scored):
    split, classes = scored.eval_split, scored.manifest.classes
    clean_rows = [(t, classes.index(y)) for t, y in zip(split.texts, split.labels, strict=True)]
    rows = list(range(0, 60, 9))
    products, squares, target = looped(scored, clean_rows, rows)
    eta = np.array([each.weight for each in scored.manifest.checkpoints])
    table = scored.scores.table()
    found = np.array(table.table["alignments"].to_pylist())[rows].T
    np.testing.assert_allclose(found, products, rtol=1e-4, atol=1e-5 * np.abs(products).max())
    np.testing.assert_allclose(table.values("alignment")[rows], eta @ products, rtol=1e-3, atol=1e-9)
    cosine = eta @ products / np.sqrt((eta @ squares) * (eta @ target))
    np.testing.assert_allclose(table.values("alignment_cosine")[rows], cosine, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(table.values("alignment_negative")[rows], (products < 0).mean(axis=0))


def test_rows_that_the_clean_set_speaks_against(scored):
    """Wrong labels, and only they, pull against the clean set."""
    found = scored.scores.table().values("alignment_cosine")
    assert (found > 0).mean() > 0.9


def test_kept_rows_are_a_clean_set_with_the_label_in_force(tiny_workspace):
    settings = ScoreSettings(device="cpu", clean="kept")
    split = tiny_workspace.train_split
    tiny_workspace.review.keep(*split.ids[:9])
    context = Context(tiny_workspace.folder, settings, tiny_workspace.explainer)
    with pytest.raises(InputError, match=r"--clean kept: 9 training rows are kept; .* at least 10"):
        clean.clean_set(context)
    other = "bad" if split.labels[20] == "good" else "good"
    tiny_workspace.review.relabel("r20", other)
    tiny_workspace.review.keep("r20")
    tiny_workspace.review.flag("r21")
    found = clean.clean_set(context)
    assert found.examples.fields[0] == [*split.texts[:9], split.texts[20]]
    names = found.examples.targets
    assert names == [*split.labels[:9], other]
    producer = producer_of("alignment")
    tiny_workspace.scores.compute(["alignment"], settings)
    assert score_state(tiny_workspace.folder, producer, settings) == "current"
    assert score_state(tiny_workspace.folder, producer, ScoreSettings(device="cpu")) == "stale"
    tiny_workspace.review.keep("r30")
    assert score_state(tiny_workspace.folder, producer, settings) == "stale"


def test_a_large_clean_set_is_sampled_with_the_seed(tiny_workspace, monkeypatch):
    monkeypatch.setattr(clean, "MOST", 12)
    drawn = [
        clean.clean_set(Context(tiny_workspace.folder, ScoreSettings(seed=seed), tiny_workspace.explainer))
        for seed in (0, 0, 1)
    ]
    assert [len(each) for each in drawn] == [12, 12, 12]
    assert drawn[0] == drawn[1]
    assert drawn[0].mark != drawn[2].mark
    monkeypatch.setattr(clean, "LEAST", 21)
    with pytest.raises(InputError, match="--clean eval: the workspace has 20 eval rows"):
        tiny_workspace.scores.compute(["alignment"])


def test_cosines_where_norms_are_known_for_a_part_only(tmp_path):
    workspace = build_tiny(tmp_path, architecture="deberta", n_train=24)
    workspace.scores.compute(["alignment", "grand"])
    table = workspace.scores.table()
    left_out = set(table.table["alignment_left_out"].to_pylist())
    assert len(left_out) == 1
    assert "rel_embeddings" in left_out.pop()
    assert np.abs(table.values("alignment_cosine")).max() <= 1 + 1e-6


def test_arithmetic_by_hand():
    found = Alignment(
        products=np.array([[2.0, -1.0, np.nan], [4.0, -3.0, np.nan]]),
        covered=np.array([[2.0, -1.0, np.nan], [4.0, -3.0, np.nan]]),
        squares=np.array([[4.0, 1.0, np.nan], [9.0, 0.0, np.nan]]),
        target_squares=np.array([1.0, 4.0]),
        left_out=(),
    )
    weights = np.array([0.5, 0.25])
    np.testing.assert_allclose(found.total(weights), [2.0, -1.25, np.nan])
    roots = np.sqrt([(2 + 2.25) * 1.5, 0.5 * 1.5])
    np.testing.assert_allclose(found.cosine(weights), [*(np.array([2.0, -1.25]) / roots), np.nan])
    assert found.against().tolist() == [0, 2, 0]
