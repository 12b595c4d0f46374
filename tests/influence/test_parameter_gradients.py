"""Gradients over all weights: norms and directional derivatives against one example at a time."""

import numpy as np
import pytest
import torch
from torch import nn

from backend.data.examples import Examples
from backend.influence.gradients import directional
from backend.influence.gradients.capture import labelled_batches, load_for_tracing
from backend.influence.gradients.directional import (
    central_differences,
    directional_derivatives,
    forward_mode,
    suitable_derivative,
)
from backend.influence.gradients.norms import coverage, squared_norms
from backend.influence.gradients.parameters import mean_gradient, product, restricted, trained_parameters
from backend.influence.gradients.settings import TraceSettings
from backend.model.loading import load_tokenizer
from backend.model.model_inputs import accepted_inputs
from backend.model.tokenization import encode
from tests.factories import ARCHITECTURES, LABELS, SENTENCES, tiny

PAIRS = tuple(reversed(SENTENCES))
SETTINGS = TraceSettings(device="cpu", max_examples=5)
RELATIVE = "deberta.encoder.rel_embeddings.weight"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    made = {}

    def load(architecture, **options):
        key = (architecture, *sorted(options.items()))
        if key not in made:
            path = tiny(architecture, tmp_path_factory.mktemp(architecture), **options)
            made[key] = load_for_tracing(path, SETTINGS), load_tokenizer(path)
        return made[key]

    return load


def batches_of(model, tokenizer, texts=SENTENCES, texts_b=None, labels=LABELS):
    encoded = encode(tokenizer, Examples.of(list(texts), texts_b and list(texts_b)), 64)
    return list(labelled_batches(model, tokenizer, encoded, labels, SETTINGS))


def looped_gradients(model, tokenizer, texts, texts_b=None, labels=LABELS):
    """d loss / d weights of each example, one at a time and unpadded: dictionaries by parameter name."""
    weights = {name: each.requires_grad_(True) for name, each in model.named_parameters()}
    found = []
    for place, text in enumerate(texts):
        inputs = tokenizer(text, texts_b and texts_b[place], return_tensors="pt")
        logits = model(**accepted_inputs(model, dict(inputs))).logits
        loss = nn.functional.cross_entropy(logits, torch.tensor([labels[place]]))
        gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
        found.append({n: g.double() for n, g in zip(weights, gradients, strict=True) if g is not None})
    model.requires_grad_(False)
    return found


def in_order(batches, values):
    result = np.full(len(values), np.nan)
    result[[each for batch in batches for each in batch.positions]] = values
    return result


@pytest.mark.parametrize("pairs", [False, True], ids=["single", "pair"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_norms_are_those_of_looped_gradients(loaded, architecture, pairs):
    model, tokenizer = loaded(architecture)
    texts_b = PAIRS if pairs else None
    known = coverage(model, trained_parameters([model]))
    batches = batches_of(model, tokenizer, texts_b=texts_b)
    squares = np.concatenate([squared_norms(model, each, known.names).numpy() for each in batches])
    truth = [
        sum(float(g.square().sum()) for name, g in each.items() if name in known.names)
        for each in looped_gradients(model, tokenizer, SENTENCES, texts_b)
    ]
    np.testing.assert_allclose(in_order(batches, squares), truth, rtol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_that_the_loss_depends_on_is_covered_or_named(loaded, architecture):
    model, tokenizer = loaded(architecture)
    known = coverage(model, trained_parameters([model]))
    used = {name for each in looped_gradients(model, tokenizer, SENTENCES) for name in each}
    assert known.names | set(known.left_out) == used
    # tables of positions see a batch at once; T5's norms are none of torch's; two modules share a word table
    parts = ("pos_", "_pos", "rel_embeddings", "relative_attention", ".shared.")
    parts += ("layer_norm",) if architecture == "t5" else ()
    assert set(known.left_out) == {name for name in used if any(each in name for each in parts)}
    assert bool(known.left_out) == (architecture in ("deberta", "bart", "t5"))


def test_shared_projections_of_relative_positions_are_left_out(loaded):
    model, tokenizer = loaded("deberta", share_att_key=True)
    known = coverage(model, trained_parameters([model]))
    assert {each.split(".")[-2] for each in known.left_out} == {"query_proj", "key_proj", "rel_embeddings"}
    batches = batches_of(model, tokenizer)
    squares = np.concatenate([squared_norms(model, each, known.names).numpy() for each in batches])
    truth = [
        sum(float(g.square().sum()) for name, g in each.items() if name in known.names)
        for each in looped_gradients(model, tokenizer, SENTENCES)
    ]
    np.testing.assert_allclose(in_order(batches, squares), truth, rtol=1e-4)


def test_long_texts_take_the_other_way_and_parts_change_nothing(loaded, monkeypatch):
    model, tokenizer = loaded("albert")  # its calls make sequences long: 2 T^2 > d_in d_out
    known = coverage(model, trained_parameters([model]))
    batches = batches_of(model, tokenizer)
    whole = [squared_norms(model, each, known.names) for each in batches]
    monkeypatch.setattr("backend.influence.gradients.norms._AT_ONCE", 1000)
    for each, expected in zip(batches, whole, strict=True):
        torch.testing.assert_close(squared_norms(model, each, known.names), expected)


def test_a_tied_head_is_left_out(loaded):
    model, _ = loaded("gpt2", num_labels=2)
    words = model.get_input_embeddings()
    tied = nn.Linear(words.embedding_dim, words.num_embeddings, bias=False)
    tied.weight, before = words.weight, model.score
    try:
        model.score = nn.Sequential(tied, nn.Linear(words.num_embeddings, 2)).requires_grad_(False)
        known = coverage(model, trained_parameters([model]))
        assert "transformer.wte.weight" in known.left_out
        assert "score.1.weight" in known.names
    finally:
        model.score = before


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_directional_derivatives_are_products_with_looped_gradients(loaded, architecture):
    model, tokenizer = loaded(architecture)
    batches = batches_of(model, tokenizer)
    direction = mean_gradient(model, batches[:1], trained_parameters([model]))
    looped = looped_gradients(model, tokenizer, SENTENCES)
    truth = np.array([sum(float((g * direction[n].double()).sum()) for n, g in x.items()) for x in looped])
    assert suitable_derivative(model, batches[0], direction) is forward_mode
    exact = in_order(batches, directional_derivatives(model, batches, direction))
    scale = np.abs(truth).max()
    np.testing.assert_allclose(exact, truth, rtol=1e-4, atol=1e-5 * scale)
    near = in_order(batches, directional_derivatives(model, batches, direction, central_differences))
    np.testing.assert_allclose(near, truth, atol=1e-3 * scale)
    clear = np.abs(truth) > 1e-3 * scale
    assert np.array_equal(np.sign(near[clear]), np.sign(truth[clear]))
    assert not any(each.requires_grad for each in model.parameters())


def test_a_direction_may_lack_parameters(loaded):
    model, tokenizer = loaded("bert")
    batches = batches_of(model, tokenizer)
    whole = mean_gradient(model, batches, trained_parameters([model]))
    part = restricted(whole, [name for name in whole if "classifier" in name])
    assert set(part) == {"classifier.weight", "classifier.bias"}
    looped = looped_gradients(model, tokenizer, SENTENCES)
    truth = [sum(float((g * part[n].double()).sum()) for n, g in x.items() if n in part) for x in looped]
    found = in_order(batches, directional_derivatives(model, batches, part))
    np.testing.assert_allclose(found, truth, rtol=1e-4, atol=1e-6)
    assert not directional_derivatives(model, batches, {}).any()


def test_the_mean_gradient_is_the_mean_of_looped_gradients(loaded):
    model, tokenizer = loaded("roberta")
    looped = looped_gradients(model, tokenizer, SENTENCES)
    found = mean_gradient(model, batches_of(model, tokenizer), trained_parameters([model]))
    for name, each in found.items():
        truth = sum(x[name] for x in looped) / len(looped)
        torch.testing.assert_close(each.double(), truth, rtol=1e-3, atol=1e-6)
    assert product(found, found) == pytest.approx(sum(float(g.square().sum()) for g in found.values()), 1e-5)


def test_central_differences_where_forward_mode_fails_or_lies(loaded, monkeypatch):
    model, tokenizer = loaded("bert")
    batches = batches_of(model, tokenizer)
    direction = mean_gradient(model, batches, trained_parameters([model]))

    def fails(*_):
        raise NotImplementedError("Trying to use forward AD with an operation that does not support it")

    monkeypatch.setattr(directional, "forward_mode", fails)
    assert suitable_derivative(model, batches[0], direction) is central_differences
    monkeypatch.setattr(directional, "forward_mode", lambda *a: torch.zeros(4))
    assert suitable_derivative(model, batches[0], direction) is central_differences


def test_fused_attention_falls_back(tmp_path):
    path = tiny("bert", tmp_path)
    model = load_for_tracing(path, TraceSettings(device="cpu", attention="sdpa"))
    batches = batches_of(model, load_tokenizer(path))
    direction = mean_gradient(model, batches, trained_parameters([model]))
    eager = load_for_tracing(path, SETTINGS)
    found = directional_derivatives(model, batches, direction)
    truth = directional_derivatives(eager, batches, direction, forward_mode)
    np.testing.assert_allclose(found, truth, atol=1e-3 * np.abs(truth).max())


def test_what_did_not_change_was_frozen(loaded, tmp_path):
    model, _ = loaded("bert")
    other = load_for_tracing(tiny("bert", tmp_path), SETTINGS)
    assert trained_parameters([model, other]) == {name for name, _ in model.named_parameters()}
    with torch.no_grad():
        other.classifier.weight += 1
    assert trained_parameters([model, other]) == {"classifier.weight"}
