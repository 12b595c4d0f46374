"""Scores of training dynamics: by hand, against loops, and in a workspace."""

import math
from itertools import pairwise

import numpy as np
import pytest

from backend.data.shards import target_numbers
from backend.influence.rowstore.opening import open_rows
from backend.model.dynamics import Dynamics, as_looks, read_runs
from backend.scores.dynamics import dynamics_inputs, early, load_dynamics
from backend.scores.producers.dynamics import PRODUCER, _forgotten, forgetting, run_scores
from backend.scores.table import score_state
from backend.tasks.classification import TASK
from tests.conftest import tiny_rows, write_rows

NAMES = [each.name for each in PRODUCER.scores]


def run_of(logits, epochs, labels) -> Dynamics:
    """A run that saw these logits (E, n, K)."""
    return Dynamics(as_looks([TASK.record(each, labels) for each in logits]), epochs)


def reference(logits, label) -> dict[str, float]:
    """Every score of one row, from the formulas, one number after the other."""
    own, margins, norms, losses, right = [], [], [], [], []
    for values in logits:
        total = sum(math.exp(each) for each in values)
        shares = [math.exp(each) / total for each in values]
        own.append(shares[label])
        losses.append(-math.log(shares[label]))
        margins.append(values[label] - max(each for k, each in enumerate(values) if k != label))
        norms.append(math.sqrt(sum((p - (k == label)) ** 2 for k, p in enumerate(shares))))
        right.append(max(range(len(values)), key=lambda k: values[k]) == label)
    mean = sum(own) / len(own)
    lost = sum(a and not b for a, b in pairwise(right))
    return {
        "confidence": mean,
        "variability": math.sqrt(sum((each - mean) ** 2 for each in own) / len(own)),
        "correctness": sum(right) / len(right),
        "forgetting": lost if any(right) else len(right) + 1,
        "aum": sum(margins) / len(margins),
        "el2n": sum(norms[:2]) / len(norms[:2]),
        "mean_loss": sum(losses) / len(losses),
    }


def test_by_hand():
    """Two classes, three epochs, logits whose probabilities are known."""
    logits = np.log(np.array([[[0.8, 0.2]], [[0.3, 0.7]], [[0.6, 0.4]]]))
    found = run_scores(run_of(logits, (1.0, 2.0, 3.0), np.array([0])))
    expected = {
        "confidence": (0.8 + 0.3 + 0.6) / 3,
        "variability": np.std([0.8, 0.3, 0.6]),
        "correctness": 2 / 3,
        "forgetting": 1,
        "aum": (math.log(4) + math.log(3 / 7) + math.log(1.5)) / 3,
        "el2n": (0.2 * math.sqrt(2) + 0.7 * math.sqrt(2)) / 2,
        "mean_loss": -(math.log(0.8) + math.log(0.3) + math.log(0.6)) / 3,
    }
    assert {name: float(values[0]) for name, values in found.items()} == pytest.approx(expected)


def test_forgetting_by_hand():
    rows = ["1111", "0000", "1010", "0101", "1000", "0001"]
    correct = np.array([[each == "1" for each in row] for row in rows]).T
    assert forgetting(correct).tolist() == [0, 5, 2, 1, 1, 0]


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_against_loops(epochs):
    logits = np.random.default_rng(epochs).normal(size=(epochs, 30, 4)) * 2
    labels = np.random.default_rng(1).integers(0, 4, 30)
    found = run_scores(run_of(logits.astype(np.float32), tuple(range(1, epochs + 1)), labels))
    assert list(found) == NAMES
    for row, label in enumerate(labels):
        expected = reference(logits[:, row].tolist(), int(label))
        assert {name: float(found[name][row]) for name in NAMES} == pytest.approx(expected, abs=1e-5)


def test_early_looks_are_those_of_the_first_two_epochs():
    assert early([0.5, 1.0, 2.0, 3.0]) == [0, 1, 2]
    assert early([4.0, 5.0, 6.0]) == [0]
    assert early([None, None]) == [0]
    logits = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)
    labels = np.zeros(5, dtype=np.int64)
    first = run_scores(run_of(logits[:1], (1.0,), labels))["el2n"]
    np.testing.assert_allclose(run_scores(run_of(logits, (2.5, 5.0, 7.5), labels))["el2n"], first)


def test_what_is_said_of_a_row_that_some_runs_never_learnt():
    assert _forgotten(0, 3, 0.0) == "never learnt"
    assert _forgotten(2, 2, 3.0) == "learnt and forgotten again 1.5 times"
    assert _forgotten(2, 3, 0.0).endswith("0 times in 2 of 3 runs, never learnt in the others")


def test_huge_logits_stay_finite():
    logits = np.array([[[1e4, -1e4], [-1e4, 1e4]]], dtype=np.float32)
    found = run_scores(run_of(logits, (1.0,), np.array([1, 1])))
    assert all(np.isfinite(values).all() for values in found.values())
    assert found["mean_loss"].tolist() == [2e4, 0]


# -- in a workspace -----------------------------------------------------------------------------------


def expected_table(workspace) -> dict[str, np.ndarray]:
    """Means over the runs, whose scores `test_against_loops` holds against the formulas; what is logged is
    held against the model in tests/model/test_dynamics.py."""
    runs = [run_scores(run) for run in load_dynamics(workspace.folder)]
    return {name: np.mean([each[name] for each in runs], axis=0) for name in NAMES}


def compare(workspace) -> None:
    table = workspace.scores.table()
    for name, expected in expected_table(workspace).items():
        np.testing.assert_allclose(table.values(name), expected, rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_logged_run(tiny_workspace):
    workspace = tiny_workspace
    assert workspace.scores.compute(["dynamics"]) == []
    assert [each.values["loss"].shape for each in load_dynamics(workspace.folder)] == [(4, 60)]
    compare(workspace)
    artifact = workspace.manifest.artifacts["scores/dynamics"]
    assert list(artifact.inputs) == ["dynamics"]
    workspace.scores.compute(["aum"])
    assert workspace.manifest.artifacts["scores/dynamics"] == artifact


def test_mean_over_seeds(tiny_workspace):
    tiny_workspace.scores.compute(["dynamics"])
    one = tiny_workspace.scores.table().values("aum")
    tiny_workspace.compute_dynamics(2)
    assert score_state(tiny_workspace.folder, PRODUCER) == "stale"
    tiny_workspace.scores.compute(["dynamics"])
    compare(tiny_workspace)
    runs = read_runs(tiny_workspace.folder)
    assert len(runs) == 2 and not np.allclose(tiny_workspace.scores.table().values("aum"), one)


def test_the_checkpoints_where_nothing_was_logged(tiny_workspace):
    folder = tiny_workspace.folder
    logged = load_dynamics(folder)[0].values
    folder.forget("dynamics")
    assert dynamics_inputs(folder) == ("rows",)
    from_rows = load_dynamics(folder)[0].values
    for name, values in from_rows.items():
        assert values.shape == (3, 60)
        np.testing.assert_allclose(values[-1], logged[name][-1], atol=1e-3, err_msg=name)
    tiny_workspace.scores.compute(["dynamics"])
    assert list(tiny_workspace.manifest.artifacts["scores/dynamics"].inputs) == ["rows"]
    labels = target_numbers(folder, "train").tolist()
    looks = [store.logits() for store in open_rows(folder).stores]
    rows = [reference([each[row].tolist() for each in looks], label) for row, label in enumerate(labels)]
    for name in NAMES:
        if name != "el2n":  # of the first two epochs, which `reference` takes for the first two looks
            expected, found = [each[name] for each in rows], tiny_workspace.scores.table().values(name)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=name)


def test_after_append_the_checkpoints_cover_the_new_rows(tiny_workspace, tmp_path):
    tiny_workspace.scores.compute(["dynamics"])
    tiny_workspace.append(train=str(write_rows(tmp_path / "more.jsonl", tiny_rows(4, 500))))
    assert score_state(tiny_workspace.folder, PRODUCER) == "stale"
    left_out = tiny_workspace.scores.compute()
    assert any(line.startswith("dynamics: ") and "rows stale" in line for line in left_out)
    tiny_workspace.precompute()
    tiny_workspace.scores.compute(["dynamics"])
    assert len(tiny_workspace.scores.table().values("aum")) == 64
    compare(tiny_workspace)


def test_sentences(tiny_workspace):
    tiny_workspace.scores.compute(["dynamics"])
    row = tiny_workspace.scores.table().table.slice(0, 1).to_pylist()[0]
    for score in PRODUCER.scores:
        assert "{" not in score.sentence.format(**row)
