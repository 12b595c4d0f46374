"""Gradients of language models against autograd of the input table and of the output table."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from backend.influence.gradients.language import LanguagePass, language_pass
from backend.influence.gradients.sides import READ, TEMPLATE_READ, TEMPLATE_WRITTEN, WRITTEN, has_row
from backend.model import lm_head
from backend.model.loading import embedding_layer
from backend.model.tokenization import LEARNT, TEMPLATE, Tokens
from backend.tasks.causal_lm import IGNORED, TASK

V = 50
_SHAPE = {
    **{"vocab_size": V, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2},
    **{"num_attention_heads": 4, "max_position_embeddings": 64, "attn_implementation": "eager"},
    **{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
}
_LLAMA = {**_SHAPE, "num_key_value_heads": 2}
_GPT2 = {"vocab_size": V, "n_embd": 32, "n_layer": 2, "n_head": 4, "bos_token_id": 1, "eos_token_id": 2}
_OPT = {key: value for key, value in _SHAPE.items() if key != "intermediate_size"}
MODELS: dict[str, Callable[[bool], PreTrainedModel]] = {
    "llama": lambda tied: LlamaForCausalLM(LlamaConfig(**_LLAMA, tie_word_embeddings=tied)),
    "qwen3": lambda tied: Qwen3ForCausalLM(Qwen3Config(**_LLAMA, head_dim=8, tie_word_embeddings=tied)),
    "soft cap": lambda tied: Gemma2ForCausalLM(
        Gemma2Config(**_LLAMA, head_dim=8, final_logit_softcapping=3.0, tie_word_embeddings=tied)
    ),
    "scales": lambda tied: GraniteForCausalLM(
        GraniteConfig(**_LLAMA, logits_scaling=4.0, embedding_multiplier=3.0, tie_word_embeddings=tied)
    ),
    "scale": lambda tied: CohereForCausalLM(
        CohereConfig(**_LLAMA, logit_scale=0.3, tie_word_embeddings=tied)
    ),
    "gpt2": lambda tied: GPT2LMHeadModel(GPT2Config(**_GPT2, tie_word_embeddings=tied)),
    "neox": lambda tied: GPTNeoXForCausalLM(GPTNeoXConfig(**_SHAPE, tie_word_embeddings=tied)),
    "passes its base model by": lambda tied: OPTForCausalLM(
        OPTConfig(**_OPT, ffn_dim=48, word_embed_proj_dim=32, tie_word_embeddings=tied)
    ),
}


def _model(name: str, tied: bool) -> PreTrainedModel:
    torch.manual_seed(0)
    model = MODELS[name](tied).eval().requires_grad_(False)
    for each in model.parameters():
        each.data += 0.2 * torch.randn_like(each)
    return model


def _batch() -> tuple[dict[str, Tensor], Tensor]:
    """Three texts of different lengths, with a token that stands at several places of the first."""
    ids = torch.randint(3, V, (3, 12), generator=torch.Generator().manual_seed(1))
    ids[0, 3] = ids[0, 7] = ids[0, 9]
    mask = torch.ones_like(ids)
    mask[1, 8:] = ids[1, 8:] = 0
    labels = ids.clone()
    labels[:, :4] = IGNORED
    labels[2, 6:8] = IGNORED
    labels[mask == 0] = IGNORED
    return {"input_ids": ids, "attention_mask": mask}, labels


def _dense(model: PreTrainedModel, ids: Tensor, labels: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The loss of one text, and its gradients at the input and the output table: one where they are tied."""
    tables = list({id(each): each for each in _tables(model)}.values())
    for each in tables:
        each.requires_grad_(True)
    loss = TASK.losses(model(input_ids=ids[None], use_cache=False).logits.float(), labels[None])[0]
    found = torch.autograd.grad(loss, tables)
    for each in tables:
        each.requires_grad_(False)
    return loss.detach(), list(found)


def _tables(model: PreTrainedModel) -> tuple[Tensor, Tensor]:
    return embedding_layer(model).weight, model.get_output_embeddings().weight


def _added(table: Tensor, ids: Tensor, rows: Tensor) -> Tensor:
    return torch.zeros_like(table).index_add_(0, ids, rows)


def _off(found: Tensor, truth: Tensor) -> float:
    return float((found - truth).norm() / truth.norm())


def _check(model: PreTrainedModel, found: LanguagePass, inputs: dict[str, Tensor], labels: Tensor) -> None:
    table, output = _tables(model)
    for row, mask in enumerate(inputs["attention_mask"].bool()):
        ids, own = inputs["input_ids"][row][mask], labels[row][mask]
        loss, dense = _dense(model, ids, own)
        assert float(found.losses[row].sum()) == pytest.approx(float(loss), rel=1e-5)
        read, written = (
            _added(table, ids, found.read[row][mask]),
            _added(output, ids, found.written[row][mask]),
        )
        taught = torch.unique(own[own != IGNORED])
        if table is output:
            assert _off((read + written)[taught], dense[0][taught]) < 1e-5
        else:
            trained = torch.arange(V) != (embedding_layer(model).padding_idx or 0)
            assert _off(read[trained], dense[0][trained]) < 1e-5
            assert _off(written[taught], dense[1][taught]) < 1e-5


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_rows_are_those_of_the_tables(name: str, tied: bool) -> None:
    model = _model(name, tied)
    inputs, labels = _batch()
    _check(model, language_pass(model, inputs, labels), inputs, labels)


@pytest.mark.parametrize("tied", [True, False])
def test_few_logits_at_a_time_are_the_same(tied: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lm_head, "_CHUNK_NUMBERS", 3 * V)
    model = _model("soft cap", tied)
    inputs, labels = _batch()
    _check(model, language_pass(model, inputs, labels), inputs, labels)


def test_a_text_without_a_token_in_the_loss_has_no_gradient() -> None:
    model = _model("llama", True)
    inputs, labels = _batch()
    labels[1] = IGNORED
    found = language_pass(model, inputs, labels)
    assert not found.read[1].any() and not found.written[1].any() and not found.losses[1].any()
    nothing = language_pass(model, inputs, torch.full_like(labels, IGNORED))
    assert not nothing.read.any() and not nothing.written.any()


def test_which_positions_have_rows() -> None:
    flags = [LEARNT | TEMPLATE, TEMPLATE, 0, 0, LEARNT, LEARNT, LEARNT | TEMPLATE, TEMPLATE]
    text = Tokens([9, 8, 7, 7, 6, 5, 2, 8], None, flags)
    assert has_row(READ, text).nonzero()[0].tolist() == [2, 3, 4, 5]
    assert has_row(READ, text, padding=7).nonzero()[0].tolist() == [4, 5]
    assert has_row(WRITTEN, text).nonzero()[0].tolist() == [4, 5]
    assert has_row(TEMPLATE_READ, text).nonzero()[0].tolist() == [0, 1]
    assert has_row(TEMPLATE_WRITTEN, text).nonzero()[0].tolist() == [6]
    unlearnt = Tokens([9, 8], None, [TEMPLATE, 0])
    assert not any(has_row(side, unlearnt).any() for side in (READ, WRITTEN, TEMPLATE_READ, TEMPLATE_WRITTEN))
