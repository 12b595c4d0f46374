"""Guides, masks and weights of label sets and of numbers, against autograd of the task's own loss."""

import numpy as np
import pytest
import torch

from backend.data.targets.registry import space_of
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.recipe import TrainingContext
from backend.model.tokenization import collate, encode_ids
from backend.model.training import train
from backend.trials.recipes.dga import DynamicMixture, MixtureSettings
from backend.trials.recipes.fixed_weights import FixedWeights
from backend.trials.recipes.guide import Guide, GuideGradient
from backend.trials.recipes.mask import GradientMask, MaskSettings
from backend.workspace import Workspace
from tests.tiny_tasks import SETTINGS


@pytest.fixture(params=["multilabel", "regression"], scope="module")
def workspace(request) -> Workspace:
    return Workspace.open(request.getfixturevalue(f"{request.param}_template"))


@pytest.fixture
def context(workspace: Workspace) -> TrainingContext:
    """The training rows and the workspace's last checkpoint."""
    home = workspace.folder.checkpoint_path(workspace.manifest.checkpoints[-1])
    tokenizer, split = load_tokenizer(home), workspace.train_split
    encoded = encode_ids(tokenizer, split.examples, 64)
    numbers, rows = workspace.space.numbers(split.labels), np.arange(len(split))
    return TrainingContext(
        load_classifier(home).train(),
        tokenizer,
        encoded,
        rows,
        numbers,
        workspace.space.names,
        8,
        100,
        64,
        0,
        torch.device("cpu"),
    )


def guide_of(workspace: Workspace) -> Guide:
    rows = workspace.eval_split.take(range(16))
    return Guide.of(rows, space_of(workspace.manifest.task))


def loss_by_definition(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    if targets.ndim == 1:
        return torch.nn.functional.mse_loss(logits[:, 0], targets)
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)


def gradient_by_autograd(context: TrainingContext, examples, numbers: np.ndarray) -> dict[str, torch.Tensor]:
    """Of the mean loss, by the name of each weight."""
    model = context.model.eval()
    encoded = encode_ids(context.tokenizer, examples, 64)
    logits = model(**collate(encoded, context.tokenizer)).logits
    weights = {name: each.requires_grad_(True) for name, each in model.named_parameters()}
    loss = loss_by_definition(logits, torch.from_numpy(numbers))
    found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    model.train()
    return {name: each for name, each in zip(weights, found, strict=True) if each is not None}


def test_the_guides_gradient_is_that_of_the_tasks_loss(workspace, context):
    guide = guide_of(workspace)
    expected = gradient_by_autograd(context, guide.examples, guide.numbers)
    found = GuideGradient(guide, 16)
    found.start(context)
    gradient = found()
    for name, each in expected.items():
        torch.testing.assert_close(gradient[name], each, rtol=1e-3, atol=1e-6)


def test_a_mask_keeps_what_agrees_with_the_guide(workspace, context):
    guide, space, split = guide_of(workspace), workspace.space, workspace.train_split
    target = gradient_by_autograd(context, guide.examples, guide.numbers)
    strata = space.strata(split.labels)
    names = [str(each) for each in range(strata.max() + 1)]
    settings = MaskSettings(warmup=0.0, refresh=1, guide_batch=16, most_of_a_class=1.0)
    recipe = GradientMask(guide, settings, strata, names)
    recipe.start(context)
    places, expected = np.arange(16), []
    for place in places.tolist():
        own = gradient_by_autograd(context, split.take([place]), context.labels[[place]])
        expected.append(sum(float((own[name] * target[name]).sum()) for name in own))
    batch = collate([context.examples[each] for each in places], context.tokenizer)
    weights = recipe.weights(0, places, {**batch, "labels": torch.from_numpy(context.labels[places])})
    products = np.array(expected)
    clear = np.abs(products) > 1e-2 * np.abs(products).max()
    assert clear.sum() > 8 and 0 < (products > 0).sum() < 16
    np.testing.assert_array_equal(weights.numpy()[clear] > 0, products[clear] > 0)
    masked = recipe.log()["masked_by_class"]
    assert set(masked) == set(names) and sum(each > 0 for each in masked.values()) > 0


def test_no_stratum_dies_out(workspace, context):
    strata = workspace.space.strata(workspace.train_split.labels)
    names = [str(each) for each in range(strata.max() + 1)]
    recipe = GradientMask(
        guide_of(workspace), MaskSettings(warmup=0.0, threshold=1e9, most_of_a_class=0.5), strata, names
    )
    recipe.start(context)
    for step in range(6):
        places = np.random.default_rng(step).permutation(60)[:8]
        batch = collate([context.examples[each] for each in places], context.tokenizer)
        recipe.weights(step, places, {**batch, "labels": torch.from_numpy(context.labels[places])})
    assert all(share <= 0.5 for share in recipe.log()["masked_by_class"].values())


def test_rows_of_weight_zero_do_not_count(workspace, tmp_path):
    """Their targets may be anything."""
    split, weights = workspace.train_split, np.ones(60)
    weights[::4] = 0
    other = list(split.labels)
    for place in range(0, 60, 4):
        other[place] = "music" if workspace.space.task == "multilabel" else "1.25"

    def outputs(name: str, targets: list[str]) -> list[torch.Tensor]:
        result = train(
            tmp_path / name,
            model=workspace.manifest.model.name,
            layers=None,
            task=workspace.manifest.task,
            training=split.examples.with_targets(targets),
            settings=SETTINGS,
            recipe=FixedWeights(weights),
        )
        return list(load_classifier(result.checkpoints[-1].path).parameters())

    one, two = outputs("one", split.labels), outputs("two", other)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_a_mixture_aligns_sources_by_the_tasks_loss(workspace, context):
    guide = guide_of(workspace)
    sources = list(workspace.train_split.groups)
    recipe = DynamicMixture(sources, guide, MixtureSettings(batch=30))
    recipe.start(context)
    found = recipe._alignment()
    target = gradient_by_autograd(context, guide.examples, guide.numbers)
    for number, name in enumerate(recipe.names):
        rows = np.array([place for place, each in enumerate(sources) if each == name])
        own = gradient_by_autograd(context, workspace.train_split.take(rows), context.labels[rows])
        product, lengths = (
            sum(float((own[each] * target[each]).sum()) for each in own),
            [sum(float((g[each] ** 2).sum()) for each in own) for g in (own, target)],
        )
        assert found[number] == pytest.approx(product / np.sqrt(lengths[0] * lengths[1]), abs=1e-3)
