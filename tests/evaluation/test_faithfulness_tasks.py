"""LDS, deletion and checks of label sets and of numbers: by hand, and refusals."""

import numpy as np
import pytest
import torch

from backend.errors import InputError
from backend.evaluation import deletion
from backend.evaluation.checks import measure_checks
from backend.evaluation.compare import compare_methods
from backend.evaluation.deletion import ENDS, DeletionSettings, measure_deletion
from backend.evaluation.lds import LdsSettings, ground_truth, measure_lds
from backend.evaluation.retrainer import Retrainer, Training, small_training
from backend.evaluation.variants import Variant, parsed, questions, scores_of
from backend.tasks import multilabel, regression
from backend.workspace import Workspace

TASKS = ("multilabel", "regression")
CHEAP = parsed(["we:dot"])


@pytest.fixture(params=TASKS)
def workspace(request) -> Workspace:
    return request.getfixturevalue(f"{request.param}_workspace")


def own_loss(task: str, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The loss of each row, from its definition in torch: (n)."""
    found, own = torch.from_numpy(outputs).double(), torch.from_numpy(targets).double()
    if task == "multilabel":
        return torch.nn.functional.binary_cross_entropy(found, own, reduction="none").mean(dim=1).numpy()
    return torch.nn.functional.mse_loss(found[:, 0], own, reduction="none").numpy()


def test_a_training_depends_on_its_rows_and_their_targets(workspace):
    small = small_training(workspace.folder, [0, 1, 2, 3])
    kept = np.arange(60) % 3 > 0
    found = Retrainer(small).probabilities(kept, 7)
    assert found.shape == (4, len(workspace.space.names))
    small.labels[~kept] = small.labels[~kept][::-1].copy()
    np.testing.assert_array_equal(found, Retrainer(small).probabilities(kept, 7))
    small.labels[kept] = small.labels[kept][::-1].copy()
    assert not np.allclose(found, Retrainer(small).probabilities(kept, 7))


def test_lds_correlates_summed_influence_with_minus_the_loss(workspace):
    engine, settings = workspace.explainer(), LdsSettings(subsets=4, queries=5)
    truth = ground_truth(engine, settings)
    small = small_training(workspace.folder, truth.places)
    targets = workspace.space.numbers([workspace.eval_split.labels[each] for each in truth.places])
    for place, half in enumerate(truth.halves):
        assert half.sum() == 30
        outputs = Retrainer(small).probabilities(half, 1000 * 0 + place)
        expected = -own_loss(workspace.space.task, outputs, targets)
        np.testing.assert_allclose(truth.margins[place], expected, rtol=1e-4, atol=1e-5)
    (found,), left_out = measure_lds(engine, CHEAP, settings)
    assert left_out == [] and -1 <= found.low <= found.mean <= found.high <= 1
    # The queries are asked for their whole target: influence on that loss.
    ((_, scores),) = scores_of(CHEAP, questions(engine, truth.places))
    query = workspace.eval_split.ids[truth.places[0]]
    if workspace.space.task == "regression":
        own = workspace.explain(
            row=query, label=workspace.eval_split.labels[truth.places[0]], k=60, exact=True, score="dot"
        )
        by_id = {each.id: each.score for each in (*own.proponents, *own.opponents)}
        exact = np.array([by_id.get(each, 0.0) for each in workspace.train_split.ids])
        np.testing.assert_allclose(scores[0], exact, atol=0.02 * np.abs(exact).max())


def test_a_curve_of_label_sets_by_hand():
    own = np.array([[1, 0], [1, 1]], np.float32)
    before = np.array([[[0.8, 0.2], [0.4, 0.9]]], np.float32)
    after = [np.array([[[0.2, 0.2], [0.9, 0.9]]], np.float32)]
    found = deletion._changes(multilabel.TASK, own, before, after)
    geometric = [np.sqrt(0.2 * 0.8) - 0.8, 0.9 - np.sqrt(0.4 * 0.9)]
    np.testing.assert_allclose(found, [[geometric]], rtol=1e-5)
    assert deletion._flipped(multilabel.TASK, own, "proponents", before, after) == ([1.0], 1)
    assert deletion._flipped(multilabel.TASK, own, "opponents", before, after) == ([1.0], 1)


def test_a_curve_of_numbers_by_hand():
    own = np.array([3.0, 1.0], np.float32)
    before, after = np.array([[[2.5], [1.0]]], np.float32), [np.array([[[4.0], [0.5]]], np.float32)]
    np.testing.assert_allclose(deletion._changes(regression.TASK, own, before, after), [[[-0.5, -0.5]]])
    assert deletion._flipped(regression.TASK, own, "proponents", before, after) == ([None], 0)


def test_deletion_of_a_workspace(workspace):
    """Against trainings without the rows, one by one."""
    settings = DeletionSettings(ks=(3,), queries=2, seeds=1)
    engine = workspace.explainer()
    found, _ = measure_deletion(engine, CHEAP, settings)
    labels, train, strata = deletion._strata(engine)
    small_strata = deletion._too_small(train, len(strata), 3)
    places = deletion._queries(engine, labels, settings, small_strata)
    small = small_training(workspace.folder, places)
    targets = workspace.space.numbers([workspace.eval_split.labels[each] for each in places])
    ((_, scores),) = scores_of(CHEAP, questions(engine, places))
    start = engine.task.support(Retrainer(small).probabilities(np.ones(60, bool), 0), targets)
    for end in ENDS:
        changes = []
        for number, order in enumerate(np.argsort(-scores, axis=1)):
            kept = np.ones(60, bool)
            kept[order[:3] if end == "proponents" else order[-3:]] = False
            after = Retrainer(small).probabilities(kept, Training(kept, 0).seed)
            changes.append(engine.task.support(after, targets)[number] - start[number])
        (curve,) = [each for each in found if each.end == end and each.variant == "we dot"]
        assert curve.change[0] == pytest.approx(np.mean(changes), abs=1e-5)


def test_the_control_draws_from_the_querys_stratum(workspace):
    engine = workspace.explainer()
    labels, train, names = deletion._strata(engine)
    assert len(labels) == 20 and len(train) == 60 and max(labels.max(), train.max()) < len(names)
    orders = deletion._at_random(train, labels[:3], DeletionSettings())
    for own, order in zip(labels[:3].tolist(), orders, strict=True):
        count = int((train == own).sum())
        assert (train[order[:count]] == own).all() and not (train[order[count:]] == own).any()


def test_an_untrained_model_is_compared_whatever_the_task(workspace):
    engine = workspace.explainer()
    found, _ = measure_checks(engine, [Variant("tfidf", "plain")], 5, untrained=engine)
    assert (found[0].first, found[0].top) == (None, None)
    assert found[0].untrained == pytest.approx(1.0)
    with pytest.raises(InputError, match="identical-class: needs classes"):
        measure_checks(engine, CHEAP, 5)


@pytest.mark.parametrize("task", TASKS)
def test_what_needs_classes_is_refused_in_one_line(request, inside, task):
    path = request.getfixturevalue(f"{task}_template")
    refused = ["mislabel", "identical-class", *(["brittleness"] if task == "regression" else [])]
    before = sorted(path.rglob("*"))
    for protocol in refused:
        said = inside("evaluate", path, "--protocol", protocol, check=False)
        assert said.returncode == 2 and said.stderr.count("\n") == 1
        assert f"--protocol {protocol}:" in said.stderr and task in said.stderr
    assert [each for each in sorted(path.rglob("*")) if "lock" not in each.name] == [
        each for each in before if "lock" not in each.name
    ]


@pytest.mark.parametrize("task", TASKS)
def test_a_small_model_is_a_workspace_of_the_same_task(request, inside, tmp_path, task):
    path = request.getfixturevalue(f"{task}_template")
    inside("small", path, "--out", tmp_path / "small", "--rows", 40, "--epochs", 1)
    small = Workspace.open(tmp_path / "small")
    assert small.manifest.task.name == task and len(small.train_split) == 40
    found, _ = measure_lds(small.explainer(), CHEAP, LdsSettings(subsets=3, queries=2))
    assert len(found) == 1
    curves = inside(
        *("evaluate", small.path, "--protocol", "deletion", "-k", 3, "--queries", 2, "--seeds", 1),
        *("--method", "we:dot", "--workers", 1),
    ).stdout
    assert ("absolute error" if task == "regression" else "of each label") in " ".join(curves.split())


def test_methods_are_compared_without_classes(workspace):
    found, left_out = compare_methods(workspace.explainer(), queries=2, only=("we", "tfidf"))
    assert all(each.same_label is None for each in found)
    assert {(each.method, each.score) for each in found} >= {
        ("we", "dot"),
        ("we", "ekfac"),
        ("tfidf", "residual"),
    }
    (first,) = [each for each in found if (each.method, each.score) == ("we", "dot")]
    assert first.proponents == first.opponents == 1.0 and first.correlation == pytest.approx(1.0)
    assert left_out == [
        f"tfidf label: --score label: needs classes, not {workspace.space.task}; use residual or plain"
    ]
