"""Language models: how they are loaded, what they say of rows, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf

from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.model import lm_head
from backend.model.embedded import EMBEDDED
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.prediction import logits, predict
from backend.model.source import check_source, resolve
from backend.model.token_labels import token_labels
from backend.model.token_losses import token_losses
from backend.model.tokenization import encode
from backend.tasks.registry import task_of
from tests.factories import tiny
from tests.language_models import ARCHITECTURES, chat, examples_of, plain, questions, tiny_lm

LANGUAGE = TaskInfo(name="causal-lm", loss="answers")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("tied", [True, False])
def test_losses_are_those_of_transformers(architecture, tied, tmp_path, monkeypatch):
    monkeypatch.setattr(lm_head, "_CHUNK_NUMBERS", 3 * 500)  # a few positions at a time
    source = tiny_lm(tmp_path / "lm", architecture, tied)
    model, tokenizer = load_classifier(source), load_tokenizer(source)
    rows = [*questions(), plain("Ada"), chat(("user", "no answer"))]
    encoded = encode(tokenizer, examples_of(rows), 64)
    found, outputs = token_losses(model, encoded, tokenizer), predict(model, encoded, tokenizer)
    other = hf.AutoModelForCausalLM.from_pretrained(source).eval()
    for row, each in enumerate(encoded):
        labels = token_labels([each])
        count = int((labels != -100).sum())
        assert len(found[row]) == count == outputs[row, 1]
        if count:
            loss = other(input_ids=torch.tensor([each.input_ids]), labels=labels).loss.item()
            assert found[row].mean() == pytest.approx(loss, rel=1e-5)
            assert outputs[row, 0] == pytest.approx(loss * count, rel=1e-5)
    assert outputs.dtype == np.float32 and (outputs == logits(model, encoded, tokenizer)).all()
    assert task_of(model).name == "causal-lm"


def test_a_folder_is_loaded_as_what_it_is(tmp_path):
    source = tiny_lm(tmp_path / "lm")
    assert type(load_classifier(source)).__name__ == "LlamaForCausalLM"
    assert type(load_classifier(source, task=LANGUAGE)).__name__ == "LlamaForCausalLM"
    two = TaskInfo(classes=("a", "b"))
    classifier = load_classifier(source, task=two)
    assert type(classifier).__name__ == "LlamaForSequenceClassification"
    classifier.save_pretrained(tmp_path / "classifier")
    assert task_of(load_classifier(tmp_path / "classifier")).name == "classification"
    assert load_classifier(source, layers=1).config.num_hidden_layers == 1


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("bert", r"a BertForSequenceClassification, which writes no text; task causal-lm needs one"),
        ("t5", r"a T5ForSequenceClassification, which reads one text and writes another; task"),
    ],
)
def test_models_that_cannot_write_are_refused(kind, said, tmp_path):
    source = tiny(kind, tmp_path / kind)
    for load in (
        lambda: load_classifier(source, task=LANGUAGE),
        lambda: check_source(str(source), None, "causal-lm"),
    ):
        with pytest.raises(InputError, match=said) as error:
            load()
        assert "\n" not in str(error.value)


def test_an_encoder_with_a_head_that_writes_is_refused(tmp_path):
    config = hf.BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    hf.BertLMHeadModel(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="a BertLMHeadModel, which writes no text"):
        load_classifier(tmp_path, task=LANGUAGE)


def test_a_model_without_its_output_table_is_refused(tmp_path):
    source = tiny_lm(tmp_path / "lm", tied=False)
    hf.AutoModel.from_pretrained(source).save_pretrained(tmp_path / "body")
    config = json.loads((tmp_path / "body" / "config.json").read_text())
    (tmp_path / "body" / "config.json").write_text(
        json.dumps({**config, "architectures": ["LlamaForCausalLM"]})
    )
    with pytest.raises(InputError, match=r"not a trained language model \(no weights for lm_head.weight\)"):
        load_classifier(tmp_path / "body", task=LANGUAGE)


def test_minilm_is_refused_before_anything_is_read():
    with pytest.raises(InputError, match="which writes no text"):
        check_source(EMBEDDED, None, "causal-lm")


def test_a_slip_in_the_name_of_the_embedded_language_model():
    with pytest.raises(InputError, match="did you mean `smollm2`"):
        check_source("smolm2", None)
    with pytest.raises(InputError, match="cannot keep 31 layers; it has 30"):
        check_source("smollm2", 31)


@pytest.mark.slow
def test_the_embedded_language_model_answers():
    """The capital of France, word by word: the weights are those of the package."""
    folder = Path(resolve("smollm2"))
    model, tokenizer = load_classifier(folder, task=LANGUAGE), load_tokenizer(folder)
    asked = [
        chat(("user", "What is the capital of France?"), ("assistant", said))
        for said in ("The capital of France is Paris.", "The capital of France is Rome.")
    ]
    right, wrong = predict(model, encode(tokenizer, examples_of(asked), 512), tokenizer)
    assert right[1] == wrong[1] == 8 and right[0] < 3 < wrong[0]
