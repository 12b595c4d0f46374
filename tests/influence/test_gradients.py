"""One backward pass per batch gives what the dense definition gives, for every architecture."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from backend.data.examples import Examples
from backend.errors import InputError
from backend.influence.gradients.capture import gradient_rows
from backend.influence.gradients.settings import TraceSettings
from backend.influence.gradients.token_rows import (
    concatenate,
    expand_ranges,
    merge_positions,
    position_gradients,
)
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.tokenization import encode
from tests.factories import ARCHITECTURES, LABELS, SENTENCES, tiny
from tests.influence.oracle import dense_gradient

PAIRS = tuple(reversed(SENTENCES))
CPU = TraceSettings(device="cpu")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    def load(architecture: str, **options):
        path = tiny(architecture, tmp_path_factory.mktemp(architecture), **options)
        return load_classifier(path, attention="eager"), load_tokenizer(path)

    return load


def rows_of(model, tokenizer, texts, texts_b=None, labels=LABELS, max_length=64, batch=CPU):
    encoded = encode(tokenizer, Examples.of(list(texts), list(texts_b) if texts_b else None), max_length)
    return gradient_rows(model, tokenizer, encoded, list(labels), batch)


def dense(part, example: int, vocabulary: int) -> np.ndarray:
    matrix = np.zeros((vocabulary, part.rows.shape[1]), dtype=np.float32)
    span = slice(part.offsets[example], part.offsets[example + 1])
    matrix[part.tokens[span]] = part.rows[span]
    return matrix


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("pairs", [False, True], ids=["single", "pair"])
def test_rows_are_the_dense_gradient(loaded, architecture, pairs):
    model, tokenizer = loaded(architecture)
    texts_b = PAIRS if pairs else None
    part, logits = rows_of(model, tokenizer, SENTENCES, texts_b)
    assert logits.shape == (len(SENTENCES), 2)
    for example, text in enumerate(SENTENCES):
        truth = dense_gradient(
            model, tokenizer, text, PAIRS[example] if pairs else None, LABELS[example]
        ).numpy()
        found = dense(part, example, len(truth))
        assert np.abs(found - truth).max() < 1e-4 * np.abs(truth).max()


@pytest.mark.parametrize("architecture", ["bert", "deberta", "gpt2"])
def test_truncated_texts(loaded, architecture):
    model, tokenizer = loaded(architecture)
    texts = [" ".join([text] * 4) for text in SENTENCES]
    part, _ = rows_of(model, tokenizer, texts, max_length=9)
    assert np.diff(part.offsets).max() <= 9
    truth = dense_gradient(model, tokenizer, texts[3], None, LABELS[3], max_length=9).numpy()
    assert np.abs(dense(part, 3, len(truth)) - truth).max() < 1e-4 * np.abs(truth).max()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_and_batch_size_change_nothing(loaded, architecture, side):
    model, tokenizer = loaded(architecture, padding_side=side)
    alone, logits_alone = rows_of(
        model, tokenizer, SENTENCES, batch=TraceSettings(device="cpu", max_examples=1)
    )
    together, logits = rows_of(model, tokenizer, SENTENCES)
    assert np.array_equal(alone.offsets, together.offsets)
    assert np.array_equal(alone.tokens, together.tokens)
    np.testing.assert_allclose(alone.rows, together.rows, atol=1e-4 * np.abs(alone.rows).max())
    np.testing.assert_allclose(logits_alone, logits, atol=1e-4)


def test_an_example_without_tokens_has_no_rows(loaded):
    model, tokenizer = loaded("gpt2")
    part, logits = rows_of(model, tokenizer, ["", SENTENCES[0]], labels=[0, 1])
    assert part.offsets[1] == 0
    assert part.offsets[2] > 0
    assert not logits[0].any()


def test_inputs_that_a_model_does_not_know_are_left_out(loaded):
    model, _ = loaded("distilbert")
    ids = torch.tensor([[5, 6, 7]])
    inputs = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "token_type_ids": torch.zeros_like(ids),
    }
    logits, gradients = position_gradients(model, inputs, torch.tensor([1]))
    assert logits.shape == (1, 2)
    assert gradients.abs().sum() > 0


class _Tied(nn.Module):
    """A classifier whose head is the embedding matrix itself."""

    config = SimpleNamespace(num_labels=3)

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(11, 6)
        self.mix = nn.Linear(6, 6)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.words

    def forward(self, input_ids, attention_mask=None):
        pooled = torch.tanh(self.mix(self.words(input_ids))).mean(dim=1)
        return SimpleNamespace(logits=pooled @ self.words.weight[:3].T)


def _inputs(ids: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def test_tied_embeddings_trace_the_lookup_only():
    model = _Tied()
    ids, labels = torch.tensor([[1, 4, 4, 7], [2, 2, 9, 1]]), torch.tensor([0, 2])
    _, gradients = position_gradients(model, _inputs(ids), labels)
    part = merge_positions(ids, gradients, torch.ones_like(ids, dtype=torch.bool))
    head = model.words.weight.detach()[:3].clone()
    for example in range(2):
        lookup = model.words.weight.detach().clone().requires_grad_(True)
        pooled = torch.tanh(model.mix(lookup[ids[example]])).mean(dim=0)
        loss = nn.functional.cross_entropy((pooled @ head.T)[None], labels[example : example + 1])
        (truth,) = torch.autograd.grad(loss, lookup)
        np.testing.assert_allclose(dense(part, example, 11), truth.numpy(), atol=1e-6)


def test_all_lookups_of_a_text_are_added_up():
    class Thrice(_Tied):
        def forward(self, input_ids, attention_mask=None):
            self.words(input_ids)  # takes no part
            pooled = self.words(input_ids).mean(dim=1) * self.words(input_ids).std(dim=1)
            return SimpleNamespace(logits=self.mix(pooled)[:, :3])

    model, ids = Thrice(), torch.tensor([[1, 4, 4, 7]])
    _, gradients = position_gradients(model, _inputs(ids), torch.tensor([0]))
    part = merge_positions(ids, gradients, torch.ones_like(ids, dtype=torch.bool))
    nn.functional.cross_entropy(model(ids).logits, torch.tensor([0])).backward()
    np.testing.assert_allclose(dense(part, 0, 11), model.words.weight.grad.numpy(), atol=1e-6)


@pytest.mark.parametrize(("shift", "said"), [(1, "other tokens"), (None, "no words up")])
def test_a_model_that_reads_something_else_is_refused(shift, said):
    class Other(_Tied):
        def forward(self, input_ids, attention_mask=None):
            pooled = self.words(input_ids + shift) if shift else torch.ones(1, 1, 6)
            return SimpleNamespace(logits=self.mix(pooled.mean(dim=1))[:, :3])

    with pytest.raises(InputError, match=said):
        position_gradients(Other(), _inputs(torch.tensor([[1, 2]])), torch.tensor([0]))


@given(st.lists(st.lists(st.integers(0, 6), max_size=7), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_merging_sums_equal_tokens(examples):
    width = max(max(map(len, examples)), 1)
    ids = torch.zeros(len(examples), width, dtype=torch.int64)
    keep = torch.zeros(len(examples), width, dtype=torch.bool)
    for row, tokens in enumerate(examples):
        ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.int64)
        keep[row, : len(tokens)] = True
    gradients = torch.arange(ids.numel() * 2, dtype=torch.float32).reshape(len(examples), width, 2)
    part = merge_positions(ids, gradients, keep)
    for row, tokens in enumerate(examples):
        span = slice(part.offsets[row], part.offsets[row + 1])
        tokens_in_order = sorted(set(tokens))
        assert part.tokens[span].tolist() == tokens_in_order
        for token, found in zip(part.tokens[span], part.rows[span], strict=True):
            places = [place for place, each in enumerate(tokens) if each == token]
            np.testing.assert_allclose(found, gradients[row, places].sum(dim=0).numpy())
            own = part.parts[part.part_rows == span.start + tokens_in_order.index(token)]
            np.testing.assert_allclose(own, gradients[row, places[:-1]].numpy().reshape(-1, 2))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=8))
def test_expand_ranges(ranges):
    starts, lengths = (np.array([each[side] for each in ranges], dtype=np.int64) for side in (0, 1))
    expected = [start + step for start, length in ranges for step in range(length)]
    assert expand_ranges(starts, lengths).tolist() == expected


def test_concatenate_restores_the_order():
    ids = torch.tensor([[1, 2, 2], [3, 3, 3], [5, 1, 0]])
    gradients = torch.randn(3, 3, 4)
    keep = torch.ones_like(ids, dtype=torch.bool)
    whole = merge_positions(ids, gradients, keep)
    order = [2, 0]
    shuffled = merge_positions(ids[order], gradients[order], keep[order])
    rest = merge_positions(ids[1:2], gradients[1:2], keep[1:2])
    joined = concatenate([(order, shuffled), ([1], rest)], 3, 4)
    assert np.array_equal(joined.offsets, whole.offsets)
    assert np.array_equal(joined.tokens, whole.tokens)
    np.testing.assert_allclose(joined.rows, whole.rows)
    assert np.array_equal(joined.part_rows, whole.part_rows)
    np.testing.assert_allclose(joined.parts, whole.parts)
    assert len(whole.parts) == 3


def test_wrong_settings_are_one_line():
    with pytest.raises(InputError, match="--precision fp8: must be one of"):
        PrecomputeSettings(precision="fp8")
    with pytest.raises(InputError, match="--attention flash: must be one of auto, eager, sdpa"):
        PrecomputeSettings(attention="flash")
    for name in ("int4", "pca", "pca:", "pca:0", "pca:-1", "pca:x", ""):
        with pytest.raises(InputError, match=f"--row-store {name}: must be int8, full, or pca:N"):
            PrecomputeSettings(row_store=name)
    with pytest.raises(InputError, match=r"device .tpu.: unknown"):
        PrecomputeSettings(device="tpu")
