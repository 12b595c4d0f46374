"""PVI and label quality from out-of-fold probabilities: by hand, against loops, and in a workspace."""

import math

import numpy as np
import pytest

from backend.scores.crossfit import CrossFit, cross_fit
from backend.scores.producers import label_quality as quality
from backend.scores.producers import pvi as information
from backend.scores.producers.label_quality import label_quality
from backend.scores.producers.pvi import percentile_within, pvi
from tests.scores.helpers import context_of, tiny_encoder, workspace_of

PLANTED = 12


def by_hand() -> CrossFit:
    """Six rows in two folds; class 2 has one row."""
    return CrossFit(
        np.array(
            [[0.5, 0.5, 0], [0.25, 0.75, 0], [0.75, 0.25, 0], [1, 0, 0], [0.1, 0.9, 0], [0.5, 0.5, 0]],
            dtype=np.float32,
        ),
        np.array([0, 0, 0, 1, 1, 1], dtype=np.int32),
        np.array([0, 1, 1, 0, 1, 2]),
    )


def test_pvi_by_hand():
    """Fold 0 is judged by labels 0, 1, 2 and fold 1 by labels 0, 1, 1: priors 1/3, 1/3, 1/3 and 1/3, 2/3."""
    found = pvi(by_hand())
    expected = [
        math.log2(0.5 * 3),
        math.log2(0.75 * 3),
        math.log2(0.25 * 3),
        math.log2(1 * 3),
        math.log2(0.9 / 2 * 3),
    ]
    assert found[:5] == pytest.approx(expected, rel=1e-6)
    assert math.isnan(found[5])  # no other row of its class


def test_a_probability_of_zero_stays_finite():
    found = CrossFit(np.array([[0, 1], [1, 0]], np.float32), np.array([0, 1]), np.array([0, 0]))
    assert pvi(found)[0] == pytest.approx(math.log2(np.finfo(np.float32).tiny)) and pvi(found)[1] == 0


def test_percentiles_within_the_class():
    values = np.array([3.0, 1.0, 2.0, 2.0, -1.0, np.nan, 7.0])
    classes = np.array([0, 0, 0, 0, 1, 1, 2])
    found = percentile_within(values, classes)
    expected = [100, 0, 50, 50, 50, math.nan, 50]
    assert found.tolist() == pytest.approx(expected, nan_ok=True)


def test_label_quality_by_hand():
    found = label_quality(by_hand())
    assert found["self_confidence"].tolist() == pytest.approx(
        [0.5, 0.75, 0.25, 1, 0.9, math.nan], nan_ok=True
    )
    margins = [0.5, 0.75, 0.25, 1, 0.9, math.nan]  # (p - other + 1) / 2, which is p where two share all
    assert found["label_margin"].tolist() == pytest.approx(margins, nan_ok=True)
    assert not found["label_issue"][5]


def test_margins_of_more_classes():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(4), 50).astype(np.float32)
    labels = np.arange(50) % 4
    found = label_quality(CrossFit(probabilities, np.arange(50) // 4 % 2, labels))
    for row, label in enumerate(labels):
        own, others = probabilities[row, label], np.delete(probabilities[row], label)
        assert found["self_confidence"][row] == pytest.approx(own)
        assert found["label_margin"][row] == pytest.approx((own - others.max() + 1) / 2, abs=1e-6)


# -- in a workspace -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """120 clear rows, every tenth with the wrong label, as many of each class."""
    words = {"good": ("gorgeous", "witty", "warm"), "bad": ("dull", "boring", "tired")}
    rows = []
    for number in range(120):
        label = ("good", "bad")[number % 2]
        word = words[label][number // 2 % 3]
        text = f"{word} {word} {word} film number {number}"
        wrong = {"good": "bad", "bad": "good"}[label]
        rows.append((text, wrong if number % 20 in (3, 14) else label))
    workspace = workspace_of(tmp_path_factory.mktemp("noisy"), rows, rows[:10])
    settings = context_of(workspace).settings
    workspace.scores.compute(["pvi", "label_quality"], settings)
    return workspace, settings


def test_planted_errors_are_found(noisy):
    workspace, _ = noisy
    table = workspace.scores.table()
    planted = np.isin(np.arange(120) % 20, (3, 14))
    for name in ("pvi", "pvi_in_class", "self_confidence", "label_margin"):
        lowest = np.argsort(table.values(name))[:PLANTED]
        assert planted[lowest].mean() >= 0.75, name
    issues = table.values("label_issue") == 1
    assert planted[issues].mean() >= 0.9 and issues[planted].mean() >= 0.9


def test_columns_are_those_of_the_shared_probabilities(noisy):
    workspace, settings = noisy
    found = cross_fit(context_of(workspace, **vars(settings)))
    table = workspace.scores.table()
    np.testing.assert_allclose(table.values("pvi"), pvi(found))
    assert table.table["cv_label"].to_pylist() == [
        workspace.manifest.classes[each] for each in found.probabilities.argmax(1)
    ]
    np.testing.assert_allclose(table.values("cv_probability"), found.probabilities.max(1))
    row = table.table.slice(3, 1).to_pylist()[0]
    assert quality.PRODUCER.scores[0].sentence.format(**row).startswith("cross-validation prefers bad at 0.")
    for score in (*quality.PRODUCER.scores, *information.PRODUCER.scores):
        assert "{" not in score.sentence.format(**row)


def test_a_second_call_computes_nothing(noisy):
    workspace, settings = noisy
    before = workspace.manifest.artifacts
    written = (workspace.folder.scores / "crossfit-probe.safetensors").stat().st_mtime_ns
    assert workspace.scores.compute(["pvi", "label_quality"], settings) == []
    assert workspace.manifest.artifacts == before
    assert (workspace.folder.scores / "crossfit-probe.safetensors").stat().st_mtime_ns == written
    assert settings.encoder == tiny_encoder(workspace)
