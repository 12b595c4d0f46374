"""LDS, deletion and checks: figures by hand, trainings against their definition, resuming."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import spearmanr
from transformers import BertTokenizer

from backend.data.examples import Examples
from backend.errors import InputError
from backend.evaluation import deletion, outcomes
from backend.evaluation.checks import measure_checks
from backend.evaluation.deletion import SAME_CLASS, DeletionSettings, measure_deletion
from backend.evaluation.intervals import crossed_interval
from backend.evaluation.lds import GroundTruth, LdsSettings, correlations, measure_lds, scored
from backend.evaluation.outcomes import outcomes_of
from backend.evaluation.retrainer import Retrainer, Training, retrained, small_training
from backend.evaluation.variants import Variant, all_variants, parsed
from backend.experiments.small import small_workspace
from backend.experiments.untrained import untrained_workspace
from backend.model.loading import load_tokenizer
from backend.model.small import KINDS, write_small_model
from backend.model.training_settings import TrainingSettings
from backend.tasks.classification import TASK
from backend.workspace import Workspace
from tests.influence.test_explain import assert_agrees, truth_for

CHEAP = parsed(["we:dot", "we:fisher", "random"])


def all_rows(small) -> np.ndarray:
    return np.ones(len(small.labels), dtype=bool)


@pytest.fixture
def small(tiny_workspace):
    return small_training(tiny_workspace.folder, [0, 1, 2, 3])


# -- figures ------------------------------------------------------------------------------------------


def test_correlations_are_spearmans():
    random = np.random.default_rng(0)
    one, other = random.normal(size=(20, 3)), random.integers(0, 4, size=(20, 3)).astype(float)
    expected = [spearmanr(one[:, each], other[:, each]).statistic for each in range(3)]
    np.testing.assert_allclose(correlations(one, other), expected)
    assert correlations(np.ones((5, 1)), one[:5, :1]).tolist() == [0.0]


def test_margins_by_hand():
    found = TASK.margins(np.array([[0.75, 0.25], [1.0, 0.0]]), np.array([0, 1]))
    assert found[0] == pytest.approx(np.log(3))
    assert np.isfinite(found[1]) and found[1] < -10


def test_influence_that_is_the_truth_has_lds_one_and_chance_none():
    """Margins that are the sum of what their rows bring."""
    random = np.random.default_rng(1)
    halves = random.random((60, 40)) < 0.5
    effects = random.normal(size=(5, 40))
    truth = GroundTruth(halves, halves @ effects.T, [0, 1, 2, 3, 4])
    right = scored("right", effects, truth)
    assert right.mean == pytest.approx(1.0) and right.low > 0.99
    wrong = scored("wrong", random.normal(size=(5, 40)), truth)
    assert wrong.low < 0 < wrong.high
    low, high = right.ahead_of(wrong)
    assert 0.5 < low < high
    assert scored("opposite", -effects, truth).mean == pytest.approx(-1.0)


def test_chance_in_the_halves_is_in_the_interval():
    """All queries ask the same thing: only the halves can tell how sure the figure is."""
    random = np.random.default_rng(2)
    halves = random.random((10, 30)) < 0.5
    margins = np.repeat(random.normal(size=(10, 1)), 40, axis=1)
    found = scored(
        "chance", np.repeat(random.normal(size=(1, 30)), 40, axis=0), GroundTruth(halves, margins, [])
    )
    assert found.high - found.low > 0.4


def test_a_curve_by_hand():
    own = np.array([0, 1])
    before = np.array([[[0.8, 0.2], [0.4, 0.6]], [[0.6, 0.4], [0.4, 0.6]]])
    after = [before.copy(), np.array([[[0.3, 0.7], [0.4, 0.6]], [[0.3, 0.7], [0.4, 0.6]]])]
    changes = deletion._changes(TASK, own, before, after)
    control = np.full_like(changes, -0.05)
    assert deletion._flipped(TASK, own, "proponents", before, after) == ([0.0, 0.5], 2)
    assert deletion._flipped(TASK, own, "opponents", before, after) == ([None, None], 0)  # nothing was wrong
    found = deletion._curve("x", "proponents", (1, 2), changes, control, [0.0, 0.5], 2)
    assert found.change == pytest.approx([0.0, -0.2])
    assert found.area == pytest.approx(-0.1) and found.beyond == pytest.approx(-0.05)
    assert found.intervals[1][0] <= -0.2 <= found.intervals[1][1] and found.intervals[0] == (0.0, 0.0)
    alone = deletion._curve("x", "proponents", (1, 2), changes[:, :1], control[:, :1], [0.0, 0.5], 2)
    assert alone.area_interval is None  # one training says nothing of others


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_intervals_cover_a_mean_whose_trainings_have_noise_of_their_own(seeds):
    """Nothing changes, but each training moves all queries together; .95 is meant."""
    random = np.random.default_rng(seeds)
    covered = 0
    for _ in range(400):
        shared, own = random.normal(0, 0.05, size=(seeds, 1)), random.normal(0, 0.05, size=(seeds, 20))
        low, high = crossed_interval(shared + random.normal(0, 0.1, size=(1, 20)) + own)
        covered += low <= 0 <= high
    assert covered / 400 > 0.92


def test_equal_scores_are_deleted_in_an_order_of_chance():
    orders = [deletion._strongest_first(np.array([[0.0, 2.0, 0.0, 0.0, 0.0]]), seed)[0] for seed in range(8)]
    assert {each[0] for each in orders} == {1} and len({each[-1] for each in orders}) > 1


# -- trainings ----------------------------------------------------------------------------------------


def test_a_training_depends_on_its_rows_and_seed_alone(small):
    kept = all_rows(small)
    kept[::3] = False
    found = Retrainer(small).probabilities(kept, 7)
    np.testing.assert_array_equal(found, Retrainer(small).probabilities(kept, 7))
    assert found.shape == (4, 2) and np.allclose(found.sum(axis=1), 1)
    assert not np.allclose(found, Retrainer(small).probabilities(kept, 8))
    assert not np.allclose(found, Retrainer(small).probabilities(all_rows(small), 7))
    small.labels[::3] = 1 - small.labels[::3]  # the labels of rows that are left out
    np.testing.assert_array_equal(found, Retrainer(small).probabilities(kept, 7))


def test_a_training_learns_what_the_workspaces_own_learnt(tiny_workspace):
    """The same recipe: on the same rows it is right about as often."""
    places = list(range(20))
    small = small_training(tiny_workspace.folder, places)
    found = Retrainer(small).probabilities(all_rows(small), 0)
    own = tiny_workspace.predictions("eval").probabilities
    assert (found.argmax(axis=1) == own.argmax(axis=1)).mean() > 0.9


def test_processes_find_what_one_finds(small):
    trainings = [Training(all_rows(small), seed) for seed in range(3)]
    alone = {each.key: values for each, values in retrained(small, trainings, 1)}
    together = {each.key: values for each, values in retrained(small, trainings, 2)}
    assert alone.keys() == together.keys() and len(alone) == 3
    for key, values in alone.items():
        np.testing.assert_allclose(together[key], values, atol=1e-5)


def test_trainings_are_kept_and_a_torn_line_is_made_again(tiny_workspace, small, monkeypatch):
    folder = tiny_workspace.folder
    trainings = [Training(all_rows(small), seed) for seed in range(3)]
    first = outcomes_of(folder, small, trainings, 1)
    (path,) = (folder.path / "evaluations").glob("*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    made = []

    def counted(small, missing, workers):
        made.extend(missing)
        return retrained(small, missing, workers)

    monkeypatch.setattr(outcomes, "retrained", counted)
    again = outcomes_of(folder, small, trainings, 1)
    assert len(made) == 1
    for key, values in first.items():
        np.testing.assert_array_equal(again[key], values)
    assert len([line for line in path.read_text().splitlines() if _is_json(line)]) == 3
    outcomes_of(folder, small, trainings, 1)
    assert len(made) == 1


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_only_a_known_recipe_is_repeated(tiny_workspace):
    folder = tiny_workspace.folder
    artifact = folder.manifest().artifacts["checkpoints"]
    for change, message in (({"optimizer": "adafactor"}, "knows the optimizers"), (None, "not known")):
        details = {**artifact.details, "settings": {**artifact.details["settings"], **(change or {})}}
        if change is None:
            del details["settings"]
        folder.update(
            lambda m, details=details: m.model_copy(
                update={
                    "artifacts": {
                        **m.artifacts,
                        "checkpoints": artifact.model_copy(update={"details": details}),
                    }
                }
            )
        )
        with pytest.raises(InputError, match=message):
            small_training(folder, [0])


# -- whole protocols ----------------------------------------------------------------------------------


def test_lds_of_a_workspace(tiny_workspace):
    settings = LdsSettings(subsets=4, queries=5)
    found, left_out = measure_lds(tiny_workspace.explainer(), CHEAP, settings)
    assert left_out == [] and {each.variant for each in found} == {"we dot", "we fisher", "random plain"}
    assert all(-1 <= each.low <= each.mean <= each.high <= 1 for each in found)
    assert all(len(each.values) == 5 for each in found)


def test_deletion_of_a_workspace(tiny_workspace):
    settings = DeletionSettings(ks=(3, 6), queries=4, seeds=2)
    found, left_out = measure_deletion(tiny_workspace.explainer(), CHEAP[:1], settings)
    assert left_out == []
    assert [(each.variant, each.end) for each in found] == [
        (name, end) for name in (SAME_CLASS, "we dot") for end in ("proponents", "opponents")
    ]
    assert all(len(each.change) == 2 for each in found)
    with pytest.raises(InputError, match="less than half"):
        measure_deletion(tiny_workspace.explainer(), CHEAP[:1], DeletionSettings(ks=(40,)))


def test_rows_of_a_class_too_small_for_the_control_are_no_queries():
    """As many random rows of the class can't be drawn, and the control would be another one."""
    train = np.array([0] * 50 + [1] * 46 + [2] * 4)
    assert deletion._too_small(train, 3, 4).tolist() == [2]
    assert deletion._too_small(train, 3, 3).tolist() == []
    assert deletion._too_small(np.array([0] * 96 + [1] * 4), 2, 4).tolist() == [0, 1]
    labels = np.array([0, 1, 2, 2, 1, 0])
    engine = SimpleNamespace()
    chosen = deletion._queries(engine, labels, DeletionSettings(queries=6), np.array([2]))  # type: ignore[arg-type]
    assert sorted(labels[chosen].tolist()) == [0, 0, 1, 1]
    with pytest.raises(InputError, match="no class has so many"):
        deletion._queries(engine, labels, DeletionSettings(), np.arange(3))  # type: ignore[arg-type]


def test_checks_of_a_workspace(tiny_workspace, tmp_path):
    other = untrained_workspace(tiny_workspace, tmp_path / "untrained")
    variants = [Variant("we", "dot"), Variant("embedding", "label"), Variant("tfidf", "plain")]
    found, _ = measure_checks(tiny_workspace.explainer(), variants, 10, untrained=other.explainer())
    by_name = {each.variant: each for each in found}
    assert by_name["embedding label"].first == by_name["embedding label"].top == 1.0
    assert by_name["tfidf plain"].untrained == pytest.approx(1.0)  # it knows nothing of the model
    assert by_name["we dot"].untrained < 0.9
    assert by_name["we dot"].first > 0.5


def test_variants_are_named_and_checked():
    assert [each.name for each in parsed(["we", "we:ekfac", "we:ekfac:10", "tfidf"])] == [
        "we ekfac",
        "we ekfac",
        "we ekfac x10",
        "tfidf residual",
    ]
    assert "we-syn" not in {each.method for each in all_variants()}
    for name in ("magic", "we:magic", "we:ekfac:much", "we:ekfac:nan", "we:ekfac:-1", "we:ekfac:0"):
        with pytest.raises(InputError, match=r"--method|--score|damping"):
            parsed([name])


@pytest.mark.parametrize(
    "make",
    [
        lambda: LdsSettings(subsets=2),
        lambda: LdsSettings(queries=1),
        lambda: DeletionSettings(ks=()),
        lambda: DeletionSettings(ks=(0,)),
        lambda: DeletionSettings(seeds=0),
    ],
)
def test_settings_that_make_no_sense_are_refused(make):
    with pytest.raises(InputError):
        make()


# -- small models -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_small_models_are_workspaces_like_others(tiny_template, tmp_path, kind):
    settings = TrainingSettings(
        epochs=2, lr=3e-3, batch_size=8, checkpoints=2, precision="fp32", device="cpu"
    )
    source = Workspace.open(tiny_template)
    small = small_workspace(source, tmp_path / "small", kind=kind, rows=40, settings=settings)
    assert len(small.train_split) == 40 and len(small.eval_split) == 20
    text = "a gorgeous, witty film"
    answer = small.explain(text=text, label="good", k=40, exact=True, score="dot")
    truth = truth_for(small, (text, None, small.manifest.classes.index("good")))
    assert_agrees(small, answer, truth)
    again = Workspace.open(small.path).explain(text=text, label="good", k=40, exact=True, score="dot")
    assert [each.score for each in again.proponents] == [each.score for each in answer.proponents]
    found, _ = measure_lds(small.explainer(), CHEAP[:1], LdsSettings(subsets=3, queries=2))
    assert len(found) == 1
    with pytest.raises(InputError, match="exists already"):
        small_workspace(source, tmp_path / "small", kind=kind)
    with pytest.raises(InputError, match="--model magic"):
        small_workspace(source, tmp_path / "other", kind="magic")
    assert not list(tmp_path.glob("other*"))


def test_a_small_workspace_that_fails_leaves_nothing(tiny_template, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Workspace, "train", full)
    with pytest.raises(OSError, match="no space"):
        small_workspace(Workspace.open(tiny_template), tmp_path / "small", rows=40)
    assert list(tmp_path.iterdir()) == []


def test_a_small_model_keeps_capitals_where_its_tokenizer_does(tmp_path):
    texts = ["Paris is Big", "paris is big"]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Paris", "is", "Big"]
    cased = BertTokenizer(vocab={each: n for n, each in enumerate(words)}, do_lower_case=False)
    cased.save_pretrained(tmp_path / "cased")
    home = write_small_model(tmp_path / "small", "cnn", Examples.of(texts), tokenizer=str(tmp_path / "cased"))
    small = load_tokenizer(home)
    assert small.tokenize("Paris is Big") == ["Paris", "is", "Big"]
    assert small.tokenize("paris is big") == ["[UNK]", "is", "[UNK]"]


def test_wrong_queries_are_the_recorded_errors(tiny_workspace):
    """Where there are none, that is said before anything is trained."""
    settings = DeletionSettings(ks=(3,), queries=2, seeds=1, wrong=True)
    if tiny_workspace.predictions("eval").correct.all():
        with pytest.raises(InputError, match="the model gets every eval row right"):
            measure_deletion(tiny_workspace.explainer(), CHEAP[:1], settings)
        assert not (tiny_workspace.path / "evaluations").exists()
        return
    found, _ = measure_deletion(tiny_workspace.explainer(), CHEAP[:1], settings)
    assert len(found) == 4
