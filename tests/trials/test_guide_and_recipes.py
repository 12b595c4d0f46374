"""Recipes: weights in training, masks, mixtures; each against its definition."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn

from backend.data.examples import Examples
from backend.data.targets.class_space import ClassSpace
from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.recipe import Recipe, TrainingContext, weighted_mean
from backend.model.tokenization import collate, encode_ids
from backend.model.training import train
from backend.model.training_settings import TrainingSettings
from backend.trials.recipes.dga import DynamicMixture, Mixture, MixtureSettings, exponentiated_step
from backend.trials.recipes.fixed_weights import FixedWeights
from backend.trials.recipes.guide import Guide, GuideGradient, in_parts
from backend.trials.recipes.mask import GradientMask, MaskSettings
from tests.conftest import tiny_rows
from tests.factories import tiny

CLASSES = ("bad", "good")
ROWS = tiny_rows(40)
TEXTS, LABELS = [each["text"] for each in ROWS], [each["label"] for each in ROWS]
MORE = tiny_rows(24, 2000)
SPACE = ClassSpace(CLASSES)
GUIDE = Guide.of(Examples.of([each["text"] for each in MORE], None, [each["label"] for each in MORE]), SPACE)
SETTINGS = TrainingSettings(
    epochs=2, lr=2e-3, batch_size=8, checkpoints=1, precision="fp32", device="cpu", dynamics=False
)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(tiny("bert", tmp_path_factory.mktemp("recipes") / "model", TEXTS))


def trained(model: str, out, recipe: Recipe | None, labels=LABELS, settings=SETTINGS):
    result = train(
        out,
        model=model,
        layers=None,
        task=TaskInfo(classes=tuple(CLASSES)),
        training=Examples.of(TEXTS, None, labels),
        settings=settings,
        recipe=recipe,
    )
    return load_classifier(result.checkpoints[-1].path)


def context_of(model: str, labels=LABELS) -> TrainingContext:
    tokenizer = load_tokenizer(model)
    classifier = load_classifier(model, task=TaskInfo(classes=tuple(CLASSES))).train()
    encoded = encode_ids(tokenizer, Examples.of(TEXTS), 64)
    indices = np.array([CLASSES.index(each) for each in labels])
    rows = np.arange(len(TEXTS))
    return TrainingContext(
        classifier, tokenizer, encoded, rows, indices, CLASSES, 8, 100, 64, 0, torch.device("cpu")
    )


def batch_of(context: TrainingContext, places: list[int]) -> dict[str, torch.Tensor]:
    inputs = collate([context.examples[each] for each in places], context.tokenizer)
    return {**inputs, "labels": torch.tensor(context.labels[places])}


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_the_weighted_mean():
    losses = torch.tensor([1.0, 2.0, 6.0])
    assert weighted_mean(losses, torch.tensor([1.0, 1.0, 0.0])) == 1.5
    assert weighted_mean(losses, torch.tensor([0.0, 0.0, 2.0])) == 6.0
    assert weighted_mean(losses, torch.zeros(3)) == 3.0


def test_equal_weights_are_the_plain_training(model, tmp_path):
    plain = trained(model, tmp_path / "plain", None)
    for number, recipe in enumerate((Recipe(), FixedWeights(np.full(40, 3.0)))):
        assert same_weights(plain, trained(model, tmp_path / str(number), recipe)), recipe


def test_rows_of_weight_zero_do_not_count(model, tmp_path):
    """Their labels may say anything."""
    weights = np.ones(40)
    weights[::4] = 0
    flipped = [
        label if each else CLASSES[1 - CLASSES.index(label)]
        for label, each in zip(LABELS, weights, strict=True)
    ]
    one = trained(model, tmp_path / "one", FixedWeights(weights))
    other = trained(model, tmp_path / "other", FixedWeights(weights), flipped)
    assert same_weights(one, other)
    assert not same_weights(one, trained(model, tmp_path / "plain", None))


@pytest.mark.parametrize("weights", [[-1.0] * 40, [0.0] * 40, [float("nan")] * 40])
def test_weights_that_make_no_sense_are_refused(weights):
    with pytest.raises(InputError, match="weights must be"):
        FixedWeights(weights)


def test_a_guide_is_followed_in_fp32_while_a_training_runs_in_bf16(model):
    """accelerate puts autocast into the model's own forward."""
    exact, mixed = context_of(model), context_of(model)
    AcceleratorState._reset_state(True)
    try:
        prepared = Accelerator(cpu=True, mixed_precision="bf16").prepare_model(mixed.model)
    finally:
        AcceleratorState._reset_state(True)
    wrapped, gradients = prepared.forward, []
    for context in (exact, replace(mixed, model=prepared)):
        guide = GuideGradient(GUIDE, 24)
        guide.start(context)
        gradients.append(guide())
    for name, each in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], each, rtol=1e-4, atol=1e-7)
    assert prepared.forward == wrapped and prepared.training


# -- masks --------------------------------------------------------------------------------------------


def test_a_mask_keeps_what_agrees_with_the_guide(model):
    """Against gradients of one example at a time."""
    context = context_of(model)
    recipe = GradientMask(GUIDE, MaskSettings(warmup=0.0, refresh=1, guide_batch=24, most_of_a_class=1.0))
    recipe.start(context)
    places = np.arange(16)
    weights = recipe.weights(0, places, batch_of(context, places.tolist()))
    expected = alignment_by_loops(context, places.tolist())
    assert context.model.training
    clear = np.abs(expected) > 1e-3 * np.abs(expected).max()
    assert clear.sum() > 10 and 0 < (expected > 0).sum() < 16
    np.testing.assert_array_equal(weights.numpy()[clear] > 0, expected[clear] > 0)


def alignment_by_loops(context: TrainingContext, places: list[int]) -> np.ndarray:
    model = context.model.eval()

    def gradient(texts, labels) -> torch.Tensor:
        encoded = encode_ids(context.tokenizer, Examples.of(texts), 64)
        logits = model(**collate(encoded, context.tokenizer)).logits
        loss = nn.functional.cross_entropy(logits, torch.tensor([CLASSES.index(each) for each in labels]))
        found = torch.autograd.grad(loss, [each for each in model.parameters() if each.requires_grad])
        return torch.cat([each.flatten() for each in found]).double()

    target = gradient(GUIDE.examples.fields[0], GUIDE.examples.targets)
    found = [float(gradient([TEXTS[each]], [LABELS[each]]) @ target) for each in places]
    model.train()
    return np.array(found)


def test_no_mask_while_warming_up_and_no_random_number_drawn(model):
    context = context_of(model)
    recipe = GradientMask(GUIDE, MaskSettings(warmup=0.5))
    recipe.start(context)
    batch = batch_of(context, [0, 1, 2])
    before = torch.get_rng_state()
    assert recipe.weights(49, np.arange(3), batch) is None
    assert recipe.weights(50, np.arange(3), batch) is not None
    assert torch.equal(torch.get_rng_state(), before)


def test_a_weight_counts_as_much_in_a_batch_of_one(model, tmp_path):
    """Weights within a batch would make it the plain training."""
    settings = replace(SETTINGS, batch_size=1, epochs=1)
    weights = np.tile([0.5, 1.5], 20)
    plain = trained(model, tmp_path / "plain", None, settings=settings)
    assert same_weights(
        plain, trained(model, tmp_path / "ones", FixedWeights(np.ones(40)), settings=settings)
    )
    weighted = trained(model, tmp_path / "weighted", FixedWeights(weights), settings=settings)
    assert not same_weights(plain, weighted)
    scaled = trained(model, tmp_path / "scaled", FixedWeights(4 * weights), settings=settings)
    assert same_weights(weighted, scaled), "only their ratios matter"


def test_the_guides_gradient_is_the_same_in_parts(model, monkeypatch):
    context = context_of(model)
    whole, parts = GuideGradient(GUIDE, 24), GuideGradient(GUIDE, 24)
    whole.start(context)
    parts.start(context)
    at_once = whole()
    monkeypatch.setattr(in_parts, "__defaults__", (5,))
    for name, each in parts().items():
        assert torch.allclose(each, at_once[name], rtol=1e-4, atol=1e-6), name


def test_no_class_dies_out(model):
    """The guide knows only one class, so rows of the other oppose it."""
    guide = Guide.of(GUIDE.examples.with_targets(["good"] * len(GUIDE.examples)), SPACE)
    context = context_of(model)
    recipe = GradientMask(guide, MaskSettings(warmup=0.0, most_of_a_class=0.5))
    recipe.start(context)
    for step in range(10):
        places = np.random.default_rng(step).permutation(40)[:8]
        recipe.weights(step, places, batch_of(context, places.tolist()))
    log = recipe.log()
    assert 0.3 < log["masked_by_class"]["bad"] <= 0.5
    assert log["masked_by_class"]["good"] < 0.2
    assert sum(each["masked"] for each in log["steps"]) == recipe.masked.sum()
    assert log["classes_masked_to_the_limit"] == ["bad"]


def test_masks_find_wrong_labels(tmp_path):
    """A tiny model from scratch is a poor judge, but it masks wrong rows more often than right ones."""
    texts_model = str(tiny("bert", tmp_path / "model", TEXTS))
    wrong = np.random.default_rng(0).permutation(40)[:10]
    labels = list(LABELS)
    for each in wrong.tolist():
        labels[each] = CLASSES[1 - CLASSES.index(labels[each])]
    recipe = GradientMask(GUIDE, MaskSettings(warmup=0.3, refresh=1))
    settings = TrainingSettings(
        epochs=12, lr=2e-3, batch_size=8, checkpoints=1, precision="fp32", device="cpu", dynamics=False
    )
    trained(texts_model, tmp_path / "run", recipe, labels, settings)
    share = recipe.masked / np.maximum(recipe.seen, 1)
    right = np.setdiff1d(np.arange(40), wrong)
    assert share[wrong].mean() > 1.5 * share[right].mean()


# -- mixtures -----------------------------------------------------------------------------------------


def test_the_step_grows_what_is_aligned():
    """`alpha * exp(+eta a)`: the sign that the derivation gives, not the one that the paper prints."""
    alpha = np.array([0.25, 0.25, 0.5])
    found = exponentiated_step(alpha, np.array([1.0, 0.0, -1.0]), 0.5, 0.0)
    expected = alpha * np.exp(0.5 * np.array([1.0, 0.0, -1.0]))
    np.testing.assert_allclose(found, expected / expected.sum())
    assert found[0] > alpha[0] and found[2] < alpha[2]


def test_the_step_lowers_the_penalised_loss_most():
    """It minimises -sum alpha a + KL(alpha | before) / eta over the simplex."""
    random = np.random.default_rng(0)
    before, alignment, eta = random.dirichlet(np.ones(4)), random.normal(size=4), 0.7

    def objective(alpha):
        return -(alpha * alignment).sum() + (alpha * np.log(alpha / before)).sum() / eta

    best = objective(exponentiated_step(before, alignment, eta, 0.0))
    assert all(objective(each) >= best - 1e-12 for each in random.dirichlet(np.ones(4), size=500))


def test_no_source_falls_below_the_floor():
    found = exponentiated_step(np.array([0.5, 0.5]), np.array([100.0, -100.0]), 10.0, 0.2)
    np.testing.assert_allclose(found, [0.9, 0.1])


def test_a_mixture_draws_by_its_weights_and_all_rows_before_any_again(model):
    sources = ["a"] * 10 + ["b"] * 30
    recipe = Mixture(sources, {"a": 3.0, "b": 1.0})
    recipe.start(context_of(model))
    drawn = [each for _ in range(50) for each in recipe.order()]
    share = np.mean(np.array(drawn) < 10)
    assert share == pytest.approx(0.75, abs=0.04)
    of_a = [each for each in drawn if each < 10]
    assert sorted(of_a[:10]) == list(range(10))


def test_a_mixture_needs_two_sources():
    with pytest.raises(InputError, match="there must be two"):
        Mixture(["a"] * 40)


def test_the_aligned_mixture_prefers_the_source_with_right_labels(tmp_path):
    labels = list(LABELS)
    sources = ["clean"] * 20 + ["wrong"] * 20
    for each in range(20, 40):
        labels[each] = CLASSES[1 - CLASSES.index(labels[each])]
    recipe = DynamicMixture(sources, GUIDE, MixtureSettings(eta=1.0, every=2, batch=20))
    settings = TrainingSettings(
        epochs=10, lr=2e-3, batch_size=8, checkpoints=1, precision="fp32", device="cpu", dynamics=False
    )
    trained(str(tiny("bert", tmp_path / "model", TEXTS)), tmp_path / "run", recipe, labels, settings)
    log = recipe.log()
    assert log["weights"]["clean"] > 0.7
    assert sum(log["mean_weights"].values()) == pytest.approx(1)
    assert log["trajectory"][0]["weights"] == [0.5, 0.5]


def test_settings_and_guides_that_make_no_sense_are_refused():
    for make in (
        lambda: MaskSettings(warmup=1.0),
        lambda: MaskSettings(refresh=0),
        lambda: MaskSettings(most_of_a_class=0),
        lambda: MixtureSettings(eta=0),
        lambda: MixtureSettings(beta=0),
        lambda: Guide.of(Examples.of(["a"] * 3, None, ["good"] * 3), SPACE),
    ):
        with pytest.raises(InputError):
            make()
