"""Every architecture that transformers maps to a classifier of texts, tiny and with random weights."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from backend.errors import InputError
from backend.influence.gradients.trial_pass import trial_pass
from backend.model.tokenization import Tokens

NAMES = tuple(sorted(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES))
VOCABULARY, LABELS, PADDING = 80, 3, 0
SIDES = ("right", "left")
AGREES = "agrees"
NOT_HERE = {"layoutlmv2": "needs detectron2"}

# What makes a model small, by the names that configs give it; a config takes those that it has.
_WIDTH = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "embedding_dim", "d_embed"), 32),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "hidden_dim", "d_inner", "n_inner", "d_ff", "dff"), 64),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "ffn_hidden_size", "moe_intermediate_size"), 64),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "num_key_value_heads"), 4),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers"), 2),
    **dict.fromkeys(("decoder_layers", "num_decoder_layers"), 2),
    **dict.fromkeys(("head_dim", "d_kv", "d_head"), 8),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx"), 64),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_k"), 2),
    **dict.fromkeys(("kv_lora_rank", "q_lora_rank", "entity_emb_size"), 16),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"), 8),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), 8),
    **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads"), 4),
    **dict.fromkeys(("embedding_size", "pooler_hidden_size", "cross_attention_hidden_size"), 32),
    "rotary_dim": 4,
    "shared_expert_intermediate_size": 64,
    "vocab_size": VOCABULARY,
    **dict.fromkeys(("initializer_range", "init_std"), 0.2),
}
# What else some need to be this small.
_HEAD = {"head_dim": 8}
_ZAMBA = {"num_hidden_layers": 4, "layers_block_type": ["linear_attention", "hybrid"] * 2}
_MORE: dict[str, dict[str, Any]] = {
    "big_bird": {"block_size": 4, "num_random_blocks": 1, "attention_type": "block_sparse"},
    "bigbird_pegasus": {"block_size": 4, "num_random_blocks": 1},
    "axk1": {"n_group": 1, "topk_group": 1},
    "cohere_compass_text": {
        "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4}}
    },
    "deepseek_v2": {"n_group": 1, "topk_group": 1, "num_experts_per_tok": 2},
    "esm": {"vocab_size": VOCABULARY},
    "funnel": {"block_sizes": [1, 1]},
    "hunyuan_v1_dense": _HEAD,
    "hunyuan_v1_moe": _HEAD,
    "ibert": {"quant_mode": False},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "layoutlmv3": {"coordinate_size": 6, "shape_size": 4},
    "led": {"attention_window": 8},
    "lilt": {"hidden_size": 48},
    "longformer": {"attention_window": 8},
    "ministral": _HEAD,
    "nemotron": {**_HEAD, "num_key_value_heads": 4},
    "reformer": {"axial_pos_embds_dim": (16, 16), "axial_pos_shape": (8, 8)},
    "t5": {"decoder_start_token_id": PADDING},
    "xmod": {"default_language": "en_XX"},
    "zamba": {**_ZAMBA, "attention_head_dim": 16, "attention_hidden_size": 64},
    "zamba2": {
        **_ZAMBA,
        "attention_head_dim": 16,
        "attention_hidden_size": 64,
        "hybrid_layer_ids": [1, 3],
        "mamba_headdim": 8,
    },
    "roc_bert": {"pronunciation_vocab_size": 20, "shape_vocab_size": 20},
    "luke": {"entity_vocab_size": 10},
    "mistral4": {"head_dim": 16},
}


def tiny_classifier(name: str, **more: Any) -> PreTrainedModel:
    """The architecture of that model type in eval mode, fp32; the same weights at each call."""
    config = AutoConfig.for_model(name)
    for part in _parts(config):
        _shrink(part, _WIDTH)
    for key, value in {**_MORE.get(name, {}), **more}.items():
        setattr(config, key, value)
    config.num_labels = LABELS
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager")
    return model.eval().float()


def _parts(config: PreTrainedConfig) -> list[PreTrainedConfig]:
    """A config and those within it."""
    inner = [each for each in vars(config).values() if isinstance(each, PreTrainedConfig)]
    return [config, *(part for each in inner for part in _parts(each))]


def _shrink(config: PreTrainedConfig, sizes: dict[str, Any]) -> None:
    for key, value in sizes.items():
        if getattr(config, key, None) is not None:
            with suppress(AttributeError, NotImplementedError):  # of properties that follow from others
                setattr(config, key, value)
    for key in ("layer_types", "layers_block_type", "mlp_layer_types"):
        if kinds := getattr(config, key, None):  # one layer of each kind
            some = [*dict.fromkeys(kinds), *kinds]
            with suppress(AttributeError):
                setattr(config, key, some[: config.num_hidden_layers])
    for key in ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"):
        found = getattr(config, key, None)
        if isinstance(found, int) and not 0 <= found < VOCABULARY:
            setattr(config, key, PADDING if key == "pad_token_id" else 2)
    if getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = PADDING


class TinyTokenizer:
    """What collating needs of a tokenizer that pads as the model expects."""

    pad_token_type_id = 0

    def __init__(self, model: PreTrainedModel, padding_side: str = "right") -> None:
        self.padding_side, self.pad_token_id = padding_side, model.config.pad_token_id


def tiny_texts(model: PreTrainedModel, lengths: tuple[int, ...] = (5, 11, 14)) -> list[Tokens]:
    """Texts of these lengths, in which tokens repeat, with the token that ends one."""
    generator = np.random.default_rng(0)
    end = getattr(model.config.get_text_config(), "eos_token_id", None)
    texts = []
    for length in lengths:
        ids = generator.integers(5, 25, length).tolist()
        texts.append(Tokens([*ids[:-1], end if isinstance(end, int) else ids[-1]], None))
    return texts


def outcome(name: str, padding_side: str) -> str:
    """What the trial pass says of an architecture: "agrees", or why it is refused, in a line."""
    model = tiny_classifier(name)
    tokenizer: Any = TinyTokenizer(model, padding_side)
    try:
        trial_pass(model, tokenizer, tiny_texts(model), "this model")
    except InputError as error:
        return str(error).removeprefix("this model: ")
    return AGREES
