"""Runs that adapted the tables of words themselves: the model is that of PEFT, gradients of its tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from backend.influence.gradients.language_trial import LanguageTexts
from backend.model.loading import embedding_layer, load_classifier, load_tokenizer
from backend.model.tokenization import collate, encode
from tests.language_models import examples_of, questions, tiny_lm

_LAYERS = ["q_proj", "v_proj"]
CONFIGS: dict[str, dict[str, Any]] = {
    "head adapted": {"target_modules": [*_LAYERS, "lm_head"]},
    "words adapted": {"target_modules": [*_LAYERS, "embed_tokens"]},
    "both adapted": {"target_modules": [*_LAYERS, "embed_tokens", "lm_head"]},
    "head whole": {"target_modules": _LAYERS, "modules_to_save": ["lm_head"]},
    "words whole": {"target_modules": _LAYERS, "modules_to_save": ["embed_tokens"]},
    "both whole": {"target_modules": _LAYERS, "modules_to_save": ["embed_tokens", "lm_head"]},
    "one of each": {"target_modules": [*_LAYERS, "embed_tokens"], "modules_to_save": ["lm_head"]},
}


def saved(folder: Path, tied: bool, config: dict[str, Any]) -> tuple[Path, PreTrainedModel]:
    """A checkpoint of an adapter all of whose weights were trained, and the model as PEFT loads it."""
    base = tiny_lm(folder / "base", "llama", tied)
    model = AutoModelForCausalLM.from_pretrained(base)
    made: Any = peft.get_peft_model(
        model, peft.LoraConfig(task_type="CAUSAL_LM", r=2, lora_alpha=8, **config)
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for each in made.parameters():
            if each.requires_grad:
                each.add_(0.1 * torch.randn(each.shape, generator=generator))
    made.save_pretrained(folder / "adapter")
    model.config.save_pretrained(folder / "adapter")
    load_tokenizer(base).save_pretrained(folder / "adapter")
    fresh = AutoModelForCausalLM.from_pretrained(base)
    return folder / "adapter", peft.PeftModel.from_pretrained(fresh, folder / "adapter").eval()


@pytest.mark.filterwarnings("ignore:.*tie_word_embeddings.*", "ignore:.*tied.*")
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("name", CONFIGS)
def test_adapted_tables_are_those_of_peft_and_so_are_gradients(name: str, tied: bool, tmp_path: Path) -> None:
    adapter, expected = saved(tmp_path, tied, CONFIGS[name])
    found, tokenizer = load_classifier(adapter), load_tokenizer(adapter)
    encoded = encode(tokenizer, examples_of(questions(3)), 512)
    inputs = collate(encoded, tokenizer)
    with torch.no_grad():
        torch.testing.assert_close(found(**inputs).logits, expected(**inputs).logits, rtol=1e-4, atol=1e-4)
    assert isinstance(found.get_output_embeddings(), torch.nn.Linear)
    assert found.get_input_embeddings() is embedding_layer(found)
    found.requires_grad_(False)
    assert max(off for _, off in LanguageTexts(found, tokenizer, encoded).differences()) < 1e-4
