"""Masks token by token: alignments against explicit gradients, and what is found in corrupted texts."""

import numpy as np
import pytest
import torch
import transformers as hf
from transformers import GPT2Config, GPT2LMHeadModel, TrainingArguments

from backend.errors import InputError
from backend.influence.gradients.directional import central_differences, forward_mode
from backend.influence.gradients.parameters import mean_gradient
from backend.model.tokenization import Tokens, collate
from backend.trials.recipes.class_guard import ClassGuard
from backend.trials.recipes.mask import MaskSettings
from backend.trials.recipes.token_mask import IGNORED, TokenMaskTrainer, next_token_batch, token_losses
from tests.factories import tiny

VOCABULARY = 24


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    made = hf.AutoTokenizer.from_pretrained(tiny("gpt2", tmp_path_factory.mktemp("lm") / "model"))
    made.pad_token = made.eos_token
    return made


def language_model(attention: str = "eager") -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=32, n_embd=32, n_layer=2, n_head=2, attn_implementation=attention
    )
    return GPT2LMHeadModel(config)


def counting(count: int, seed: int, wrong: float = 0.0) -> tuple[list[Tokens], list[np.ndarray]]:
    """Texts in which each token is the one before plus one; some are replaced. And which."""
    random = np.random.default_rng(seed)
    texts, replaced = [], []
    for _ in range(count):
        length = int(random.integers(6, 13))
        right = (int(random.integers(1, VOCABULARY)) + np.arange(length) - 1) % (VOCABULARY - 1) + 1
        is_wrong = random.random(length) < wrong
        is_wrong[0] = False
        drawn = random.integers(1, VOCABULARY, length)
        ids = np.where(is_wrong, drawn, right)
        texts.append(Tokens(ids.tolist(), None))
        replaced.append(is_wrong & (drawn != right))
    return texts, replaced


@pytest.mark.parametrize("side", ["right", "left"])
def test_alignments_are_products_of_explicit_gradients(tokenizer, side, monkeypatch):
    monkeypatch.setattr(tokenizer, "padding_side", side)
    model = language_model().eval()
    texts, _ = counting(5, 1)
    batch = next_token_batch([0, 1, 2], collate(texts[:3], tokenizer))
    names = [name for name, _ in model.named_parameters()]
    guide = mean_gradient(
        model, [next_token_batch([3, 4], collate(texts[3:], tokenizer))], names, token_losses
    )
    exact = forward_mode(model, batch, guide, token_losses)
    losses = token_losses(model, {}, batch)
    assert losses.shape == exact.shape == batch.labels.shape
    parameters = dict(model.named_parameters())
    for row, column in torch.nonzero(batch.labels != IGNORED).tolist():
        own = torch.autograd.grad(losses[row, column], list(parameters.values()), retain_graph=True)
        explicit = sum(float((each * guide[name]).sum()) for name, each in zip(parameters, own, strict=True))
        assert float(exact[row, column]) == pytest.approx(explicit, rel=1e-3, abs=1e-5)
    assert (losses[batch.labels == IGNORED] == 0).all() and (exact[batch.labels == IGNORED] == 0).all()
    near = central_differences(model, batch, guide, token_losses)
    assert torch.allclose(near.float(), exact, rtol=0.05, atol=1e-3)
    count = (batch.labels != IGNORED).sum()
    assert int(count) == sum(len(each) - 1 for each in texts[:3])


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_replaced_tokens_are_masked(tokenizer, tmp_path, attention):
    texts, replaced = counting(160, 2, wrong=0.3)
    guide, _ = counting(40, 3)
    arguments = TrainingArguments(
        str(tmp_path), per_device_train_batch_size=16, num_train_epochs=8, learning_rate=1e-2,
        save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
    )  # fmt: skip
    trainer = TokenMaskTrainer(
        texts, guide, tokenizer, MaskSettings(warmup=0.25, refresh=2), model=language_model(attention),
        args=arguments,
    )  # fmt: skip
    trainer.train()
    shares = np.concatenate([each.share[1:] for each in trainer.shares])
    wrong = np.concatenate([each[1:] for each in replaced])
    misled = np.concatenate([each[:-1] for each in replaced])  # what follows a replaced token can't be told
    assert shares[wrong].mean() > 4 * shares[~wrong & ~misled].mean() > 0
    assert all(each.masked[0] == each.seen[0] == 0 for each in trainer.shares)
    steps, first = trainer.state.max_steps, round(0.25 * trainer.state.max_steps)
    assert [each["step"] for each in trainer.steps] == list(range(first, steps))
    assert sum(each["masked"] for each in trainer.steps) == sum(s.masked.sum() for s in trainer.shares)


def test_another_training_has_a_gradient_of_its_own(tokenizer, tmp_path, monkeypatch):
    """The guide's gradient of the last training is another model's."""
    arguments = TrainingArguments(
        str(tmp_path), max_steps=6, save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True
    )  # fmt: skip
    trainer = TokenMaskTrainer(
        counting(16, 2)[0], counting(12, 3)[0], tokenizer, MaskSettings(warmup=0.0, refresh=3),
        model=language_model(), args=arguments,
    )  # fmt: skip
    refreshed, guides = [], trainer._guides
    monkeypatch.setattr(trainer, "_guides", lambda: refreshed.append(trainer.state.global_step) or guides())
    trainer.train()
    trainer.train()
    assert refreshed == [0, 3, 0, 3]


def test_what_has_nothing_to_predict(tokenizer, tmp_path):
    texts, _ = counting(10, 4)
    arguments = TrainingArguments(str(tmp_path), report_to=[], use_cpu=True)
    one = [Tokens([3], None)] * 10
    with pytest.raises(InputError, match="the guide has 0 texts of two tokens"):
        TokenMaskTrainer(texts, one, tokenizer, model=language_model(), args=arguments)
    with pytest.raises(InputError, match="nothing to train on"):
        TokenMaskTrainer(one, texts, tokenizer, model=language_model(), args=arguments)


def test_no_class_loses_more_than_its_share():
    guard = ClassGuard(2, 0.5)
    labels, alignments = np.array([0, 0, 0, 0, 1, 1]), np.array([-4.0, -1.0, -3.0, -2.0, 1.0, -1.0])
    assert guard.keep(labels, alignments, 0.0).tolist() == [False, True, False, True, True, False]
    assert guard.seen.tolist() == [4, 2] and guard.masked.tolist() == [2, 1]
    # Four more of the first class: of eight, four may go, two are gone.
    assert guard.keep(np.zeros(4, dtype=int), np.full(4, -1.0), 0.0).sum() == 2
    assert (guard.masked <= 0.5 * guard.seen).all()
