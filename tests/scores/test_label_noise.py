"""The noisy channel: Bayes' rule, planted noise, weak and blind classifiers, copies, the file."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from backend.scores.label_noise import NoiseEstimate, find_wrong_labels
from backend.scores.noise_channel import NoiseChannel, plausible_channels
from backend.scores.word_classifier import word_log_probabilities
from tests.scores.helpers import context_of, workspace_of


def drawn(count: int, classes: int, share: float, strength: float, seed: int, uneven: bool = False):
    """Log probabilities of a calibrated classifier, right labels drawn from them, and given ones, a share of
    them replaced by another class."""
    generator = np.random.default_rng(seed)
    bias = np.linspace(3, 0, classes) if uneven else np.zeros(classes)
    member = log_softmax(strength * generator.normal(size=(count, classes)) + bias, axis=1)
    right = (np.exp(member).cumsum(axis=1) > generator.random((count, 1))).argmax(axis=1)
    wrong = generator.random(count) < share
    given_labels = np.where(wrong, (right + generator.integers(1, classes, count)) % classes, right)
    return member, right, given_labels


def share_of(member, labels) -> float:
    channel = plausible_channels([member], labels)[0]
    return float(1 - channel.posterior([member], labels)[np.arange(len(labels)), labels].mean())


@given(st.integers(0, 1000), st.integers(2, 5), st.integers(1, 2))
@settings(max_examples=20, deadline=None)
def test_the_posterior_is_bayes_rule(seed, classes, members):
    generator = np.random.default_rng(seed)
    values = [log_softmax(generator.normal(size=(6, classes)), axis=1) for _ in range(members)]
    labels = generator.integers(0, classes, 6)
    confusions = generator.random((classes, classes)) + 0.1
    confusions /= confusions.sum(axis=1, keepdims=True)
    channel = NoiseChannel(generator.random(members) * 2, generator.normal(size=classes), confusions)
    votes = generator.integers(0, 3, (6, classes))
    found = channel.posterior(values, labels, sparse.csr_matrix(votes.astype(float)))
    for row in range(6):
        scores = sum(w * each[row] for w, each in zip(channel.weights, values, strict=True)) + channel.bias
        right = np.exp(scores) / np.exp(scores).sum()
        doubt = 0.05 if votes[row].any() else 0.001
        right = (1 - doubt) * right + doubt / classes
        joint = [
            right[j]
            * confusions[j, labels[row]]
            * np.prod([confusions[j, k] ** votes[row, k] for k in range(classes)])
            for j in range(classes)
        ]
        np.testing.assert_allclose(found[row], np.array(joint) / sum(joint), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("share", [0.03, 0.1, 0.2])
@pytest.mark.parametrize("classes", [2, 6])
def test_planted_noise_is_counted_whatever_the_classifier_is_worth(share, classes):
    for strength in (2.0, 6.0):  # right about two thirds, and about nine tenths of the rows
        member, _, labels = drawn(4000, classes, share, strength, seed=3)
        found = share_of(member, labels)
        assert share / 1.5 < found < share * 1.5, (strength, found)


def test_no_noise_is_no_noise_and_a_sharper_scale_is_found():
    member, _, labels = drawn(4000, 3, 0.0, 4.0, seed=1)
    assert share_of(member, labels) < 0.01
    blunt = log_softmax(0.3 * member, axis=1)
    channel = plausible_channels([blunt], labels)[0]
    assert channel.weights[0] == pytest.approx(1 / 0.3, rel=0.15)


def test_a_classifier_that_knows_nothing_accuses_nobody():
    """Uneven classes, features without meaning: rare labels must not look like slips of the large one."""
    generator = np.random.default_rng(0)
    labels = generator.choice(3, 3000, p=[0.85, 0.11, 0.04])
    prior = np.log(np.bincount(labels) / 3000)
    member = log_softmax(prior + 0.05 * generator.normal(size=(3000, 3)), axis=1)
    channel = plausible_channels([member], labels)[0]
    wrong = 1 - channel.posterior([member], labels)[np.arange(3000), labels]
    assert wrong.mean() < 0.03
    assert (wrong < 0.5).all()


def test_confusions_are_those_that_were_planted():
    member, right, _ = drawn(6000, 3, 0.0, 6.0, seed=5)
    generator = np.random.default_rng(1)
    labels = np.where((right == 0) & (generator.random(6000) < 0.2), 2, right)
    found = find_wrong_labels([member], labels, ["a", "b", "c"]).estimate
    assert found is not None and found.tells
    planted = int(np.count_nonzero(labels != right))
    assert (found.flows[0].given, found.flows[0].right) == ("c", "a")
    assert found.flows[0].count == pytest.approx(planted, rel=0.25)
    assert found.low <= planted <= found.high and found.low < found.wrong < found.high
    assert sum(wrong for wrong, _ in found.by_class.values()) == pytest.approx(found.wrong)
    assert sum(rows for _, rows in found.by_class.values()) == len(labels)
    assert found.by_class["b"][0] < 0.1 * planted
    half = found.times(0.5, 3000)
    assert (half.wrong, half.low, half.high, half.rows) == (
        found.wrong / 2,
        found.low / 2,
        found.high / 2,
        3000,
    )
    assert NoiseEstimate.of_json(json.loads(json.dumps(found.to_json()))) == found
    assert found == find_wrong_labels([member], labels, ["a", "b", "c"]).estimate
    assert "should be a" in found.flows[0].said()


def test_with_few_rows_a_class_no_number_is_said():
    by_class = {str(number): (4.0, 99) for number in range(30)}
    found = NoiseEstimate(2970, 120.0, 90.0, 150.0, by_class, ())
    assert not found.tells and found.said().endswith("with 99 rows a class hard texts pass for wrong labels")
    nothing = NoiseEstimate(360, 0.2, 0.0, 0.4, {"a": (0.1, 180), "b": (0.1, 180)}, ())
    assert not nothing.tells and nothing.said().startswith("none that these models could tell")
    enough = replace(found, by_class=dict.fromkeys(by_class, (4.0, 100)))
    assert enough.tells and enough.said().startswith("about 120 of 2,970 (90 to 150")


def test_of_three_copies_the_lone_label_is_wrong(tmp_path):
    """Three annotators: two agree, one does not; the words of the text say nothing."""
    words = {"good": ("gorgeous", "witty", "warm", "fine"), "bad": ("dull", "stale", "loud", "poor")}
    rows = [
        (f"{words[label][n % 4]} film number {n} {words[label][(n + 1) % 4]}", label)
        for n in range(60)
        for label in ("good", "bad")
    ]
    rows += [("film number 5", label) for label in ("bad", "bad", "good")]
    workspace = workspace_of(tmp_path, rows, rows[:10])
    context = context_of(workspace)
    assert workspace.scores.compute(["label_noise"], context.settings) == []
    wrong = workspace.scores.table().values("wrong_label")
    assert wrong[-1] > 0.9 and (wrong[-3:-1] < 0.1).all()
    assert np.argmax(wrong) == len(wrong) - 1
    assert workspace.scores.table().table["right_label"].to_pylist()[-1] == "bad"
    queue = workspace.scores.queue()
    assert queue[0].id == f"t{len(rows) - 1}" and (queue[0].action, queue[0].suggested_label) == (
        "relabel",
        "bad",
    )
    found = workspace.scores.label_noise()
    assert found is not None and found.rows == len(rows) and found.wrong >= 1


def test_words_are_out_of_fold_and_bayes(tmp_path):
    rows = [("alpha beta", "x"), ("alpha gamma", "x"), ("delta beta", "y"), ("delta gamma", "y")] * 3
    workspace = workspace_of(tmp_path, rows, rows[:2])
    labels = np.array([0, 0, 1, 1] * 3)
    folds = np.repeat([0, 1, 2], 4)
    found = word_log_probabilities(workspace.train_split.examples, labels, 2, folds)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)
    assert (found.argmax(axis=1) == labels).all()
    rows_of_others = 8
    counts = {"alpha": (4, 0), "beta": (2, 2)}  # of x and y, in the other folds
    score = np.log(np.array([5, 5]) / (rows_of_others + 2))
    for with_x, with_y in counts.values():
        share = (with_x + with_y + 0.5) / (rows_of_others + 1)
        score = score + np.log((np.array([with_x, with_y]) + 2 * share) / (4 + 2)) - np.log(share)
    np.testing.assert_allclose(found[0], log_softmax(score), rtol=1e-6)


def clusters(count: int, classes: int, spread: float, seed: int):
    """Gaussian clusters and their classes: a classifier must be fitted, and is not calibrated by design."""
    generator = np.random.default_rng(seed)
    right = generator.integers(0, classes, count)
    centres = generator.normal(size=(classes, 8))
    return (centres[right] + spread * generator.normal(size=(count, 8))), right


@pytest.mark.parametrize(("share", "classes", "spread"), [(0.03, 6, 0.8), (0.1, 2, 1.0), (0.2, 2, 2.5)])
def test_fitted_classifiers_tell_the_number_or_that_they_can_not(share, classes, spread):
    features, right = clusters(2000, classes, spread, seed=classes)
    generator = np.random.default_rng(1)
    slips = generator.random(2000) < share
    labels = np.where(slips, (right + generator.integers(1, classes, 2000)) % classes, right)
    fitted = cross_val_predict(
        LogisticRegression(max_iter=300), features, labels, cv=5, method="predict_proba"
    )
    member = np.log(np.maximum(fitted, 1e-7))
    found = find_wrong_labels([member], labels, [str(each) for each in range(classes)]).estimate
    assert found is not None
    planted = int(np.count_nonzero(labels != right))
    assert found.low <= planted <= found.high, (planted, found.said())
    assert found.tells == ("can't tell" not in found.said())


def test_the_estimate_is_as_whole_as_its_table(tmp_path):
    words = {"good": ("gorgeous", "witty"), "bad": ("dull", "stale")}
    rows = [(f"{words[label][n % 2]} film {n}", label) for n in range(60) for label in ("good", "bad")]
    workspace = workspace_of(tmp_path, rows, rows[:4])
    workspace.scores.compute(["label_noise"], context_of(workspace).settings)
    found = workspace.scores.label_noise()
    assert found is not None and found.rows == 120 and workspace.verify() == []
    path = workspace.folder.scores / "label_noise.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    assert workspace.scores.label_noise() is None and workspace.verify() != []


def test_models_that_know_nothing_say_nothing(tmp_path):
    """Two rows a class: no model can know a class, and no label is called wrong for it."""
    rows = [(f"text number {n} about {n * 7 % 90}", f"class {n // 2}") for n in range(120)]
    workspace = workspace_of(tmp_path, rows, rows[:4], num_labels=60)
    context = context_of(workspace)
    assert workspace.scores.compute(["label_noise"], context.settings) == []
    wrong = workspace.scores.table().values("wrong_label")
    assert np.isnan(wrong).all() or np.nanmean(wrong) < 0.2
    noise = workspace.scores.label_noise()
    assert noise is None or noise.wrong < 0.2 * noise.rows


def test_few_rows_have_no_estimate_but_values(tiny_workspace):
    context = context_of(tiny_workspace)
    tiny_workspace.scores.compute(["label_noise"], context.settings)
    assert tiny_workspace.scores.label_noise() is None
    assert np.isfinite(tiny_workspace.scores.table().values("wrong_label")).all()
