"""Balance and choice of the best: weights, draws, and which checkpoint is the model."""

from collections import Counter

import numpy as np
import pytest
import torch

from backend.data.examples import Examples
from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.model.balancing import balanced, class_weights
from backend.model.recipe import Recipe, TrainingContext
from backend.model.training_callbacks import Judge
from backend.model.training_schedule import look_steps, saved_steps, total_steps
from backend.model.training_settings import TrainingSettings
from tests.factories import SENTENCES
from tests.model.test_training import NAMES, fit, weights_of

LABELS = np.array([0] * 40 + [1] * 8 + [3] * 2)


def context(labels=LABELS, seed=0) -> TrainingContext:
    return TrainingContext(
        model=None,
        tokenizer=None,
        examples=[],
        rows=np.arange(len(labels)),
        labels=labels,
        classes=["a", "b", "none", "c"],
        batch_size=6,
        steps=9,
        max_length=8,
        seed=seed,
        device=torch.device("cpu"),
    )


def started(inner=None, **asked):
    recipe = balanced(inner, TrainingSettings(**asked))
    recipe.start(context())
    return recipe


def test_weights_give_every_class_the_same_sum_and_rows_the_mean_of_one():
    weights = class_weights(LABELS, 4)[LABELS]
    sums = [weights[each == LABELS].sum() for each in (0, 1, 3)]
    assert weights.mean() == pytest.approx(1) and sums == pytest.approx([len(LABELS) / 3] * 3)
    assert class_weights(LABELS, 4)[2] == 0
    recipe = started(class_weights=True)
    assert not recipe.per_batch and not recipe.draws
    np.testing.assert_allclose(recipe.weights(0, np.arange(50), {}).numpy(), weights, rtol=1e-6)


def test_balanced_batches_draw_classes_alike_and_all_rows_of_a_class_before_any_again():
    recipe = started(balanced_batches=True)
    assert recipe.draws and recipe.weights(0, np.arange(6), {}) is None
    order = list(recipe.order())
    assert len(order) == len(LABELS)
    drawn = Counter(LABELS[order].tolist())
    assert set(drawn) == {0, 1, 3} and max(drawn.values()) - min(drawn.values()) <= 1
    for each in (0, 1, 3):
        rows = [place for place in order if LABELS[place] == each]
        times = Counter(rows).values()
        assert max(times) - (min(times) if len(times) == (each == LABELS).sum() else 0) <= 1
    assert order != list(recipe.order()) and order == list(started(balanced_batches=True).order())


class Halves(Recipe):
    draws = True

    def order(self):
        return iter([1, 2])

    def weights(self, step, places, inputs):
        return torch.full((len(places),), 0.5)


def test_another_recipe_keeps_its_order_and_its_weights_are_multiplied():
    recipe = started(Halves(), class_weights=True, balanced_batches=True)
    assert list(recipe.order()) == [1, 2] and recipe.per_batch
    expected = class_weights(LABELS, 4)[LABELS] / 2
    np.testing.assert_allclose(recipe.weights(0, np.arange(50), {}).numpy(), expected, rtol=1e-6)
    plain = Halves()
    assert balanced(plain, TrainingSettings()) is plain


@pytest.mark.parametrize("examples", [1, 7, 60, 1000])
@pytest.mark.parametrize("epochs", [0.5, 1.0, 1.5, 3.0, 4.0, 17.0])
def test_looks_are_at_the_ends_of_epochs_and_four_at_least(examples, epochs):
    settings = TrainingSettings(epochs=epochs, batch_size=8)
    steps, looks = total_steps(examples, settings), look_steps(examples, settings)
    assert steps in looks and min(looks) >= 1 and max(looks) == steps
    assert len(looks) >= min(4, steps)
    if epochs >= 4:
        assert looks == {round(steps * (k + 1) / epochs) for k in range(int(epochs))}
    best = TrainingSettings(epochs=epochs, batch_size=8, best=True)
    assert steps in saved_steps(examples, best) <= looks and len(saved_steps(examples, best)) <= 10


def made(judge: Judge, values: list[float]):
    """What a judge says after each of these macro-F1s, taken at steps 1, 2, ..."""
    said = iter(values)
    judge._figure = lambda model: next(said)
    stops = []
    for step in range(1, len(values) + 1):
        state = type("State", (), {"global_step": step})
        control = type("Control", (), {"should_training_stop": False})
        judge.on_step_end(None, state, control)
        stops.append(control.should_training_stop)
    return stops


def test_the_first_of_the_best_wins_and_patience_counts_checks_in_a_row():
    judge = Judge(frozenset(range(1, 8)), 2, lambda model: 0.0)
    stops = made(judge, [0.1, 0.5, 0.4, 0.5, 0.6, 0.6, 0.6])
    assert stops == [False, False, False, True, False, False, True] and judge.best == 5


def test_the_best_checkpoint_is_the_model_and_later_ones_are_left_out(tiny_model, tmp_path, monkeypatch):
    """Macro-F1 is made to peak at the second of four epochs: 12 of 24 steps."""
    values = iter([0.2, 0.9, 0.5, 0.4])
    real = Judge.__init__

    def scripted(self, steps, patience, macro_f1):
        real(self, steps, patience, lambda model: next(values))

    monkeypatch.setattr(Judge, "__init__", scripted)
    best = fit(tmp_path / "best", tiny_model("bert"), best=True)
    assert best.steps == 24 and best.checkpoints[-1].step == 12
    assert sorted(each.name for each in best.run.iterdir()) == ["checkpoint-12", "checkpoint-6"]
    assert best.dynamics.epochs == (1, 2)
    rates = 2e-3 * (24 - np.arange(24)) / 24  # of the whole schedule that was planned
    assert [each.weight for each in best.checkpoints] == pytest.approx([rates[:6].mean(), rates[6:12].mean()])


def test_patience_stops_the_run(tiny_model, tmp_path, monkeypatch):
    values = iter([0.9, 0.5, 0.4, 0.3])
    real = Judge.__init__
    monkeypatch.setattr(
        Judge,
        "__init__",
        lambda self, steps, patience, _: real(self, steps, patience, lambda m: next(values)),
    )
    stopped = fit(tmp_path / "run", tiny_model("bert"), patience=2)
    assert stopped.steps == 18 and [each.step for each in stopped.checkpoints] == [6]
    assert stopped.figures.rows == len(SENTENCES)


def test_judging_leaves_the_training_bit_for_bit_as_it_is(tiny_model, tmp_path, monkeypatch):
    """The judge predicts as ever; what it finds is made to rise, so that the last model is the best."""
    plain = fit(tmp_path / "plain", tiny_model("bert"))
    real, asked = Judge.__init__, []

    def rising(self, steps, patience, macro_f1):
        real(self, steps, patience, lambda model: asked.append(macro_f1(model)) or len(asked))

    monkeypatch.setattr(Judge, "__init__", rising)
    judged = fit(tmp_path / "judged", tiny_model("bert"), best=True)
    assert judged.losses == plain.losses and asked
    assert judged.checkpoints[-1].step == plain.checkpoints[-1].step
    for name, weight in weights_of(plain).items():
        assert np.array_equal(weight, weights_of(judged)[name])


@pytest.mark.parametrize("asked", ["class_weights", "balanced_batches"])
def test_balance_changes_a_training_of_uneven_classes(asked, tiny_model, tmp_path):
    names = ["pos" if place else "neg" for place in range(len(NAMES))]
    plain = fit(tmp_path / "plain", tiny_model("bert"), names=names)
    other = fit(tmp_path / "other", tiny_model("bert"), names=names, **{asked: True})
    again = fit(tmp_path / "again", tiny_model("bert"), names=names, **{asked: True})
    assert other.losses == again.losses and other.losses != plain.losses


def test_without_eval_rows_nothing_can_be_best(tiny_model, tmp_path):
    from backend.model.training import train

    with pytest.raises(InputError, match="eval rows"):
        train(
            tmp_path / "run",
            model=str(tiny_model("bert")),
            layers=None,
            task=TaskInfo(classes=("neg", "pos")),
            training=Examples.of(SENTENCES, None, NAMES),
            settings=TrainingSettings(best=True, device="cpu"),
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"best": 1}, {"class_weights": "yes"}])
def test_values_are_checked(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        TrainingSettings(**wrong)


def test_settings_that_use_nothing_new_keep_their_identity():
    assert (
        not {"best", "patience", "class_weights", "balanced_batches"} & TrainingSettings().identity().keys()
    )
    assert TrainingSettings(patience=3).identity()["patience"] == 3
