"""The trial ``tokens`` of `benchmarks.strategies`: a language model on sentences with replaced tokens."""

from __future__ import annotations

import copy
import gzip
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, TrainingArguments
from transformers import logging as transformers_logging

from backend.data.examples import Examples
from backend.model.embedded import embedded_model_path
from backend.model.loading import load_tokenizer
from backend.model.tokenization import Tokens, collate, encode_ids
from backend.trials.recipes.mask import MaskSettings
from backend.trials.recipes.token_mask import IGNORED, TokenMaskTrainer, next_token_batch, token_losses

SENTENCES = Path("../shared/data/sst2_sentences.jsonl.gz")
MOST_TOKENS = 32
BEFORE, GUIDE, EVAL = 3000, 200, 500
REPLACED = 0.2
NO_MASK = MaskSettings(warmup=0.999999)  # ends before it begins


def masked_tokens(rows: int, seed: int) -> dict[str, float]:
    """Train on clean sentences, then on ``rows`` with replaced tokens, plainly and masked."""
    transformers_logging.set_verbosity_error()
    tokenizer, texts = sentences(seed)
    before, guide, clean = (texts[:BEFORE], texts[-GUIDE - EVAL : -EVAL], texts[-EVAL:])
    broken, replaced = corrupted(texts[BEFORE : BEFORE + rows], texts, seed)
    torch.manual_seed(seed)
    vocabulary = 1 + max(max(each.input_ids) for each in texts)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=vocabulary, n_positions=64, n_embd=128, n_layer=2, n_head=4)
    )
    model.set_attn_implementation("eager")  # fused attention has no forward derivative
    fit(model, before, guide, tokenizer, NO_MASK, 10, seed)
    found = {"loss before": loss_of(model, clean, tokenizer)}
    for name, settings in (("plain", NO_MASK), ("masked", MaskSettings(guide_batch=GUIDE))):
        trained = copy.deepcopy(model)
        trainer = fit(trained, broken, guide, tokenizer, settings, 3, seed)
        found[f"loss {name}"] = loss_of(trained, clean, tokenizer)
    shares = np.concatenate([each.share[1:] for each in trainer.shares])
    wrong, misled = (np.concatenate([each[part] for each in replaced]) for part in (np.s_[1:], np.s_[:-1]))
    return {
        **found,
        "masked, replaced": float(shares[wrong].mean()),
        "masked, right": float(shares[~wrong & ~misled].mean()),
        "masked, right after a replaced one": float(shares[~wrong & misled].mean()),
    }


def sentences(seed: int) -> tuple[PreTrainedTokenizerFast, list[Tokens]]:
    """The embedded model's tokenizer, and shuffled training sentences whose ids are counted anew."""
    tokenizer = load_tokenizer(embedded_model_path())
    with gzip.open(SENTENCES, "rt", encoding="utf-8") as lines:
        texts = [row["text"] for row in map(json.loads, lines) if row["split"] == "train"]
    order = np.random.default_rng(seed).permutation(len(texts))
    encoded = encode_ids(tokenizer, Examples.of(texts).take(order), MOST_TOKENS)
    known = {tokenizer.pad_token_id: tokenizer.pad_token_id}  # 0
    ids = [[known.setdefault(each, len(known)) for each in text.input_ids] for text in encoded]
    return tokenizer, [Tokens(each, None) for each in ids]


def corrupted(
    texts: Sequence[Tokens], source: Sequence[Tokens], seed: int
) -> tuple[list[Tokens], list[np.ndarray]]:
    """A share of the tokens replaced by ones drawn as often as they occur; and which, bool (L) each."""
    random = np.random.default_rng((seed, 1))
    pool = np.concatenate([each.input_ids for each in source])
    made, replaced = [], []
    for text in texts:
        ids = np.array(text.input_ids)
        is_wrong = random.random(len(ids)) < REPLACED
        is_wrong[[0, -1]] = False  # [CLS] and [SEP]
        drawn = random.choice(pool, len(ids))
        made.append(Tokens(np.where(is_wrong, drawn, ids).tolist(), None))
        replaced.append(is_wrong & (drawn != ids))
    return made, replaced


def fit(
    model: GPT2LMHeadModel,
    texts: Sequence[Tokens],
    guide: Sequence[Tokens],
    tokenizer: Any,
    settings: MaskSettings,
    epochs: int,
    seed: int,
) -> TokenMaskTrainer:
    """Train ``model`` itself."""
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            scratch, per_device_train_batch_size=32, num_train_epochs=epochs, learning_rate=1e-3, seed=seed,
            save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
        )  # fmt: skip
        trainer = TokenMaskTrainer(texts, guide, tokenizer, settings, model=model, args=arguments)
        trainer.train()
    return trainer


def loss_of(model: GPT2LMHeadModel, texts: Sequence[Tokens], tokenizer: Any) -> float:
    """Mean loss of a token."""
    total, count = 0.0, 0
    model.eval()
    with torch.no_grad():
        for start in range(0, len(texts), 64):
            batch = next_token_batch([], collate(texts[start : start + 64], tokenizer))
            total += float(token_losses(model, {}, batch).sum())
            count += int((batch.labels != IGNORED).sum())
    return total / count
