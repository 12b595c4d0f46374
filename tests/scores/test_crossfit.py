"""Out-of-fold probabilities: folds, both models, what is kept, rare classes."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from backend.data.equal_texts import equal_text_groups
from backend.data.examples import Examples
from backend.errors import InputError
from backend.scores import crossfit
from backend.scores.crossfit import CrossFit, cross_fit
from backend.scores.folds import stratified_folds
from backend.scores.probe import STRENGTHS, Probe, fitted_probe
from tests.conftest import without_model
from tests.factories import tiny
from tests.model.test_checkpoints import raw_run
from tests.scores.helpers import context_of, workspace_of


def test_equal_texts():
    texts = ["A film", "a  FILM ", "a film.", "ſ", "S", "a film"]
    assert equal_text_groups(Examples.of(texts)).tolist() == [0, 0, 1, 2, 2, 0]
    assert equal_text_groups(Examples.of(texts, ["x", "x", "x", "", "", "y"])).tolist() == [0, 0, 1, 2, 2, 3]
    assert equal_text_groups(Examples.of(["a", "a b"], ["b c", "c"])).tolist() == [0, 1]


def test_folds_keep_equal_texts_together_and_classes_apart():
    labels = np.array([0] * 60 + [1] * 30 + [2] * 10)
    groups = np.arange(100)
    groups[50:60], groups[60:65] = 50, 50  # fifteen copies with two labels
    folds = stratified_folds(labels, groups, 5, 0)
    assert folds.dtype == np.int32 and set(folds) == set(range(5))
    assert all(len(set(folds[groups == each])) == 1 for each in set(groups))
    for label in (1, 2):
        counts = np.bincount(folds[labels == label], minlength=5)
        assert counts.max() - counts.min() <= 5
    assert (folds == stratified_folds(labels, groups, 5, 0)).all()
    assert (folds != stratified_folds(labels, groups, 5, 1)).any()


def test_folds_of_little():
    assert set(stratified_folds(np.array([0, 0, 1]), np.arange(3), 5, 0)) == {0, 1}
    for labels, groups in (([0, 1, 2], [0, 1, 2]), ([0, 0, 0], [0, 0, 0])):
        with pytest.raises(InputError, match=r"3 rows with \d different texts are too few"):
            stratified_folds(np.array(labels), np.array(groups), 5, 0)


# -- the probe ----------------------------------------------------------------------------------------


def test_the_probe_chooses_by_held_out_groups():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(300, 8)).astype(np.float32)
    labels = (features[:, 0] + generator.normal(size=300) > 0).astype(np.int64)
    groups = np.arange(300)
    held = (np.random.default_rng(3).random(300) < 0.2)[groups]
    losses = [
        log_loss(
            labels[held],
            LogisticRegression(C=each, max_iter=300)
            .fit(features[~held], labels[~held])
            .predict_proba(features[held]),
        )
        for each in STRENGTHS
    ]
    best = STRENGTHS[int(np.argmin(losses))]
    assert best == 0.1  # noisy labels want much regularisation: the default of 1 would fail this
    expected = Probe(features, labels, 2, C=best).probabilities(features)
    found = fitted_probe(features, labels, groups, 2, 3).probabilities(features)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float32


def test_a_probe_that_saw_few_classes():
    features = np.eye(4, dtype=np.float32)
    one = Probe(features, np.array([2, 2, 2, 2]), 4, C=1.0).probabilities(features)
    assert one.tolist() == [[0, 0, 1, 0]] * 4
    two = Probe(features, np.array([1, 1, 3, 3]), 4, C=1.0).probabilities(features)
    assert (two[:, [0, 2]] == 0).all()
    np.testing.assert_allclose(two.sum(1), 1, rtol=1e-5)


# -- in a workspace -----------------------------------------------------------------------------------


def reference(context, found: CrossFit) -> np.ndarray:
    """Every row by the probe fitted to the rows of the other folds."""
    groups = equal_text_groups(context.train.examples)
    expected = np.zeros_like(found.probabilities)
    for row in range(len(expected)):
        others = found.folds != found.folds[row]
        probe = fitted_probe(
            context.embeddings[others], context.labels[others], groups[others], len(context.classes), 0
        )
        expected[row] = probe.probabilities(context.embeddings[row : row + 1])[0]
    return expected


def test_every_row_is_judged_by_the_other_folds(tiny_workspace):
    context = context_of(tiny_workspace, folds=3)
    found = cross_fit(context)
    assert found.probabilities.shape == (60, 2) and found.probabilities.dtype == np.float32
    np.testing.assert_allclose(found.probabilities, reference(context, found), atol=1e-5)
    assert found.own.tolist() == [
        pytest.approx(float(found.probabilities[row, label])) for row, label in enumerate(context.labels)
    ]
    assert found.known.all()


def test_a_changed_label_does_not_change_the_judgement_of_its_own_row(tiny_workspace):
    """The reason for cross-fitting; the folds are held fixed since they follow from the labels."""
    context = context_of(tiny_workspace, folds=3)
    before = cross_fit(context)
    fit = crossfit._probe(context)
    row = 7
    rows, held = (np.flatnonzero((before.folds == before.folds[row]) == same) for same in (False, True))
    context.labels[row] = 1 - context.labels[row]
    np.testing.assert_array_equal(fit(rows, held), before.probabilities[held])


def test_it_is_kept_shared_and_goes_on_where_it_stopped(tiny_workspace):
    seen = []

    def interrupt(stage, done, total):
        seen.append((stage, done, total))
        if (stage, done) == ("cross-fitting", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cross_fit(context_of(tiny_workspace, interrupt, folds=4))
    seen.clear()
    found = cross_fit(context_of(tiny_workspace, lambda *each: seen.append(each), folds=4))
    assert [done for stage, done, _ in seen if stage == "cross-fitting"] == [2, 3, 4]
    path = tiny_workspace.folder.scores / "crossfit-probe.safetensors"
    written = path.stat().st_mtime_ns
    again = cross_fit(context_of(tiny_workspace, folds=4))
    np.testing.assert_array_equal(again.probabilities, found.probabilities)
    assert path.stat().st_mtime_ns == written
    path.unlink()
    np.testing.assert_array_equal(
        cross_fit(context_of(tiny_workspace, folds=4)).probabilities, found.probabilities
    )
    other = cross_fit(context_of(tiny_workspace, folds=4, seed=1))
    assert (other.folds != found.folds).any()


def test_the_model_trained_anew(tiny_workspace):
    before = sorted(path.name for path in tiny_workspace.path.rglob("*"))
    trainings = []
    context = context_of(
        tiny_workspace,
        lambda stage, done, total: trainings.append(total) if (stage, done) == ("training", 0) else None,
        crossfit="finetune",
        folds=2,
    )
    found = cross_fit(context)
    assert trainings == [12, 12]  # 30 rows, batches of 8, 3 epochs: the recorded settings
    np.testing.assert_allclose(found.probabilities.sum(1), 1, rtol=1e-5)
    assert found.probabilities.std() > 0.05
    after = sorted(path.name for path in tiny_workspace.path.rglob("*"))
    assert set(after) - set(before) == {"scores", "crossfit-finetune.safetensors"}
    assert not np.allclose(found.probabilities, cross_fit(context_of(tiny_workspace, folds=2)).probabilities)


def test_an_attached_run_cannot_be_trained_anew(tmp_path):
    workspace = without_model(tmp_path, 30)
    workspace.attach(raw_run(tiny("bert", tmp_path / "model"), tmp_path / "run", names=["bad", "good"]))
    with pytest.raises(InputError, match="the run was attached"):
        cross_fit(context_of(workspace, crossfit="finetune"))
    probe = context_of(workspace, encoder=str(tmp_path / "model"))
    assert cross_fit(probe).probabilities.shape == (24, 2)


def test_rare_classes(tmp_path):
    rows = [(f"gorgeous film number {n}", "good") for n in range(12)]
    rows += [(f"dull film number {n}", "bad") for n in range(12)]
    rows += [("an odd one", "odd"), ("a strange one", "strange"), ("another strange thing", "strange")]
    workspace = workspace_of(tmp_path, rows, rows[:2], num_labels=4)
    found = cross_fit(context_of(workspace, folds=3))
    odd = workspace.manifest.classes.index("odd")
    assert not found.known[24] and found.prior[24] == 0 and found.own[24] == 0
    assert found.known[:24].all() and found.probabilities[:, odd].max() < 0.5
    np.testing.assert_allclose(found.probabilities.sum(1), 1, rtol=1e-5)
    for row in range(27):
        others = found.folds != found.folds[row]
        share = np.mean(found.labels[others] == found.labels[row])
        assert found.prior[row] == pytest.approx(share)
