"""Method ``trained``: gradients at what a run trained, against looped ones of the whole model."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
import transformers as hf

from backend.data.examples import Examples
from backend.errors import InputError
from backend.influence.answers.method import Asked
from backend.influence.answers.registry import method_named
from backend.influence.gradients.sketch import SIZE, Sketch
from backend.model.loading import load_classifier, load_tokenizer
from backend.workspace import Workspace
from tests.adapter_runs import adapter_run, lora
from tests.conftest import without_model
from tests.factories import SENTENCES, tiny

SENTENCE = SENTENCES[1]


def looped(workspace: Workspace, names=None) -> np.ndarray:
    """sum_c eta_c <g_c(x), g_c(q)> over parameters of ``names`` (None: all), one text at a time: (n)."""
    train, manifest = workspace.train_split, workspace.manifest
    total = np.zeros(len(train))
    tokenizer, length = load_tokenizer(workspace.folder.tokenizer_path(manifest)), manifest.max_length or 64
    for checkpoint in manifest.checkpoints:
        model = load_classifier(workspace.folder.checkpoint_path(checkpoint))
        model.requires_grad_(True)
        parameters = [each for name, each in model.named_parameters() if names is None or names(name)]

        def gradient(text: str, target: int, model=model, parameters=parameters) -> torch.Tensor:
            inputs = tokenizer(text, truncation=True, max_length=length, return_tensors="pt")
            loss = torch.nn.functional.cross_entropy(model(**inputs).logits, torch.tensor([target]))
            found = torch.autograd.grad(loss, parameters, allow_unused=True)
            return torch.cat([each.flatten() for each in found if each is not None]).double()

        asked = gradient(SENTENCE, 1)
        for place, (text, own) in enumerate(zip(train.texts, train.labels, strict=True)):
            total[place] += checkpoint.weight * float(gradient(text, manifest.classes.index(own)) @ asked)
    return total


def all_scores(workspace: Workspace, score: str = "dot") -> np.ndarray:
    engine = workspace.explainer()
    encoded = engine.checkpoints.encode(Examples.one(SENTENCE))
    traced = engine.checkpoints.trace(encoded, [1])[0]
    return method_named("trained").all_scores(Asked(engine, (SENTENCE,), encoded[0], 1, traced, score, 5))


def test_adapters_and_head_are_what_was_trained(tmp_path):
    workspace = without_model(tmp_path, 60)
    workspace.attach(adapter_run(tiny("bert", tmp_path / "base"), tmp_path / "run", lora()))
    workspace.precompute()
    expected = looped(workspace, lambda name: "lora" in name or name.startswith("classifier"))
    np.testing.assert_allclose(all_scores(workspace), expected, rtol=1e-3, atol=1e-9)  # few: not sketched
    found = workspace.explain(text=SENTENCE, method="trained", label="good")
    assert not found.has_words and found.proponents


def test_of_all_weights_a_sketch_keeps_the_ranking(tiny_template, tmp_path):
    workspace = Workspace.open(tiny_template)
    scores, expected = all_scores(workspace), looped(workspace)
    assert np.corrcoef(scores, expected)[0, 1] > 0.98


SHAPES = {"b": torch.Size([3, 4]), "a": torch.Size([5])}


def vectors(seed: int, shapes=SHAPES) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def product(one, other) -> float:
    return sum(float((one[name] * other[name]).sum()) for name in one)


@hypothesis.given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_short_vectors_stay_as_they_are(one, other):
    sketch = Sketch(SHAPES)
    first, second = vectors(one), vectors(other)
    assert sketch.size == 17
    found = float(sketch.of(first) @ sketch.of(second))
    assert found == pytest.approx(product(first, second), rel=1e-4, abs=1e-4)


@hypothesis.given(st.integers(0, 10**6), st.floats(-3, 3))
def test_a_sketch_is_linear_and_lacks_nothing(seed, factor):
    sketch = Sketch(SHAPES, size=6)
    first, second = vectors(seed), vectors(seed + 1)
    both = {name: first[name] + factor * second[name] for name in SHAPES}
    torch.testing.assert_close(
        sketch.of(both), sketch.of(first) + factor * sketch.of(second), rtol=1e-4, atol=1e-4
    )
    parts = [sketch.of({name: first[name]}) for name in SHAPES]
    torch.testing.assert_close(sum(parts), sketch.of(first), rtol=1e-4, atol=1e-4)
    assert sketch.of({"a": None, "b": None}).abs().sum() == 0


def test_products_of_sketches_are_right_in_the_mean_with_the_spread_that_is_promised():
    shapes = {"w": torch.Size([40_000])}
    sketch = Sketch(shapes)
    errors = []
    for seed in range(0, 100, 2):
        first, second = vectors(seed, shapes), vectors(seed + 1, shapes)
        scale = product(first, first) ** 0.5 * product(second, second) ** 0.5
        errors.append((float(sketch.of(first) @ sketch.of(second)) - product(first, second)) / scale)
    bound = (2 / SIZE) ** 0.5
    assert np.std(errors) < 1.3 * bound and abs(np.mean(errors)) < 4 * bound / len(errors) ** 0.5


def by_adam(workspace: Workspace, run, trained) -> np.ndarray:
    """sum_c eta_c <g_c(x), g_c(q) / (sqrt(v) + eps)>, v by a real optimizer that loads the saved state."""
    train, manifest = workspace.train_split, workspace.manifest
    total = np.zeros(len(train))
    tokenizer, length = load_tokenizer(workspace.folder.tokenizer_path(manifest)), manifest.max_length or 64
    for checkpoint in manifest.checkpoints:
        model = load_classifier(workspace.folder.checkpoint_path(checkpoint))
        for name, each in model.named_parameters():
            each.requires_grad_(trained(name))
        arguments = hf.TrainingArguments(output_dir=str(run), report_to="none", use_cpu=True)
        optimizer = hf.Trainer(model, arguments).create_optimizer()
        optimizer.load_state_dict(torch.load(run / f"checkpoint-{checkpoint.step}" / "optimizer.pt"))
        state = {each: optimizer.state[each] for group in optimizer.param_groups for each in group["params"]}
        parameters = [each for each in state if state[each]]
        roots = torch.cat(
            [
                ((state[each]["exp_avg_sq"] / (1 - 0.999 ** state[each]["step"])).sqrt() + 1e-8).flatten()
                for each in parameters
            ]
        ).double()

        def gradient(text: str, target: int, model=model, parameters=parameters) -> torch.Tensor:
            inputs = tokenizer(text, truncation=True, max_length=length, return_tensors="pt")
            loss = torch.nn.functional.cross_entropy(model(**inputs).logits, torch.tensor([target]))
            return torch.cat([each.flatten() for each in torch.autograd.grad(loss, parameters)]).double()

        asked = gradient(SENTENCE, 1) / roots
        for place, (text, own) in enumerate(zip(train.texts, train.labels, strict=True)):
            total[place] += checkpoint.weight * float(gradient(text, manifest.classes.index(own)) @ asked)
    return total


def test_adam_goes_along_the_steps_that_the_optimizer_took(tmp_path):
    run = adapter_run(tiny("bert", tmp_path / "base"), tmp_path / "run", lora())
    workspace = without_model(tmp_path, 60)
    workspace.attach(run)
    workspace.precompute()
    expected = by_adam(workspace, run, lambda name: "lora" in name or name.startswith("classifier"))
    scores = all_scores(workspace, "adam")
    assert np.abs(scores - expected).max() < 1e-3 * np.abs(expected).max()
    for each in workspace.path.glob("adapters/*/*/optimizer.pt"):
        each.unlink()
    with pytest.raises(InputError, match=r"--score adam: .*optimizer.pt can't be read .*no such file"):
        all_scores(workspace, "adam")


def test_an_optimizer_of_other_groups_is_refused(tmp_path):
    run = adapter_run(tiny("bert", tmp_path / "base"), tmp_path / "run", lora())
    for each in run.glob("*/optimizer.pt"):
        state = torch.load(each)
        state["param_groups"][0]["params"] += [99]
        torch.save(state, each)
    workspace = without_model(tmp_path, 60)
    workspace.attach(run)
    workspace.precompute()
    with pytest.raises(InputError, match="which is which can't be told"):
        all_scores(workspace, "adam")
