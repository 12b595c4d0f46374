"""A language model is tried before anybody waits: what does not agree with its tables is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from backend.errors import InputError
from backend.influence.gradients import language
from backend.influence.gradients.trial_pass import trial_pass
from backend.model.loading import load_tokenizer
from backend.model.tokenization import TokenIds, encode
from tests.language_models import ARCHITECTURES, chat, examples_of, plain, questions, tiny_lm


def _given(folder: Path, architecture: str, tied: bool) -> tuple[PreTrainedModel, Any, Sequence[TokenIds]]:
    source = tiny_lm(folder / "model", architecture, tied)
    tokenizer = load_tokenizer(source)
    rows = [
        *questions(),
        chat(("user", "Hi"), ("assistant", "Hi."), ("user", "Bye"), ("assistant", "So long")),
    ]
    model = AutoModelForCausalLM.from_pretrained(source, attn_implementation="eager").eval()
    return model, tokenizer, encode(tokenizer, examples_of(rows), 128)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_tiny_models_pass(tmp_path: Path, architecture: str, tied: bool) -> None:
    model, tokenizer, examples = _given(tmp_path, architecture, tied)
    output = model.get_output_embeddings().weight
    trial_pass(model, tokenizer, examples, "it")
    assert model.get_output_embeddings().weight is output
    assert (output is model.get_input_embeddings().weight) == tied


def test_texts_of_which_all_is_learnt_pass(tmp_path: Path) -> None:
    model, tokenizer, _ = _given(tmp_path, "gpt2", False)
    texts = encode(tokenizer, examples_of([plain("Ada Morel."), plain("Ben Ota was born in Oslo.")]), 128)
    trial_pass(model, tokenizer, texts, "it")


@pytest.mark.parametrize("side", ["read", "written"])
def test_other_gradients_are_refused(tmp_path: Path, side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer, examples = _given(tmp_path, "llama", True)
    right = language.language_pass

    def wrong(model: PreTrainedModel, inputs: dict[str, Tensor], labels: Tensor) -> language.LanguagePass:
        found = right(model, inputs, labels)
        getattr(found, side).mul_(1.01)
        return found

    monkeypatch.setattr("backend.influence.gradients.language_trial.language_pass", wrong)
    with pytest.raises(InputError, match=r"its gradients at the words .*table"):
        trial_pass(model, tokenizer, examples, "it")


def test_a_model_that_sees_its_padding_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer, examples = _given(tmp_path, "llama", True)
    plain_forward = model.model.forward

    def mixed(*args: Any, **kwargs: Any) -> Any:
        found = plain_forward(*args, **kwargs)
        length = torch.tensor(found.last_hidden_state.shape[1])
        found.last_hidden_state = found.last_hidden_state * (1 + 0.05 * torch.log(length))
        return found

    monkeypatch.setattr(model.model, "forward", mixed)
    with pytest.raises(InputError, match="padding of its batch"):
        trial_pass(model, tokenizer, examples, "it")
