"""Every architecture that transformers maps to a classifier: right, or refused in one line."""

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

from backend.data.columns import Columns
from backend.errors import InputError
from backend.influence.gradients.capture import gradient_rows
from backend.influence.gradients.lookups import watched_lookups
from backend.influence.gradients.settings import TraceSettings
from backend.influence.gradients.token_rows import position_gradients
from backend.influence.gradients.trial_pass import trial_pass, trial_texts
from backend.model.batching import rope_borders
from backend.model.loading import embedding_layer, load_classifier, load_tokenizer
from backend.model.model_inputs import accepted_inputs
from backend.model.prediction import logits
from backend.model.source import REFUSED
from backend.model.tokenization import collate
from backend.workspace import Workspace
from benchmarks.architectures import TABLE, row
from tests.architectures import NAMES, TinyTokenizer, tiny_classifier, tiny_texts
from tests.conftest import write_rows
from tests.factories import LABELS, SENTENCES, tiny

PUBLISHED = {
    line.split(" ")[1]: line for line in TABLE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "
}


@pytest.mark.parametrize("name", NAMES)
def test_an_architecture_is_what_the_table_says(name):
    assert row(name) == PUBLISHED[name]


def test_the_table_knows_no_other_architecture():
    assert set(PUBLISHED) == {"model", *NAMES}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_by_name_is_refused_by_the_trial(name):
    assert "agrees" not in PUBLISHED[name]


def dense(model: PreTrainedModel, inputs: dict, label: int) -> np.ndarray:
    """By another way than the product's: ``loss.backward()`` of transformers' own loss."""
    model.requires_grad_(False)
    weight = embedding_layer(model).weight.requires_grad_(True)
    weight.grad = None
    model(**inputs, labels=torch.tensor([label])).loss.backward()
    return weight.grad.numpy()


@pytest.mark.parametrize("name", ["gemma", "ctrl", "xlnet", "longformer", "big_bird", "gemma3", "fnet"])
def test_rows_are_the_gradient_of_the_weight(name):
    model = tiny_classifier(name)
    tokenizer = TinyTokenizer(model, "left" if name == "xlnet" else "right")
    for text in tiny_texts(model, (6, 13)):
        inputs = collate([text], tokenizer)
        found = np.zeros((embedding_layer(model).num_embeddings, 32), dtype=np.float32)
        gradients = position_gradients(model, inputs, torch.tensor([1]))[1][0].numpy()
        np.add.at(found, text.input_ids, gradients)
        truth = dense(model, accepted_inputs(model, inputs), 1)
        padding = embedding_layer(model).padding_idx
        if padding is not None:
            found[padding] = 0
        assert np.abs(found - truth).max() <= 1e-4 * np.abs(truth).max()


def test_as_many_texts_as_tokens_are_told_apart():
    """XLNet looks words up by position first: a square batch can be read both ways."""
    model = tiny_classifier("xlnet")
    tokenizer, texts = TinyTokenizer(model, "left"), tiny_texts(model, (6,) * 6)
    mirrored = [type(texts[0])([5 + abs(i - j) for j in range(6)], None) for i in range(6)]
    for square in (texts, mirrored):
        together = position_gradients(model, collate(square, tokenizer), torch.arange(6) % 3)[1]
        for place, text in enumerate(square):
            alone = position_gradients(model, collate([text], tokenizer), torch.tensor([place % 3]))[1][0]
            torch.testing.assert_close(together[place], alone, rtol=1e-3, atol=1e-5)


def test_lookups_in_other_tables_are_left_alone():
    model = tiny_classifier("bert")
    with watched_lookups(model) as found:
        model(**collate(tiny_texts(model), TinyTokenizer(model)))
    assert [each.rows.shape for each in found] == [(3, 14, 32)]  # not those of positions and types


def test_the_trial_takes_a_short_a_long_and_a_middling_text():
    assert trial_texts([7, 0, 3, 9, 5]) == [2, 0, 3]
    assert trial_texts([0, 0]) == []
    assert trial_texts([4]) == [0]
    assert trial_texts([900, 0]) == [0]  # all are long: one is tried


def test_a_model_that_sees_its_padding_is_refused():
    model = tiny_classifier("olmo2")
    wrong = TinyTokenizer(model)
    wrong.pad_token_id = (
        7  # the model takes the last token that is none of its own padding for the text's end
    )
    with pytest.raises(
        InputError, match=r"depend on the padding of its batch \(off by .*influence would be wrong"
    ):
        trial_pass(model, wrong, tiny_texts(model), "x")


def test_a_model_that_is_sure_is_not_refused():
    """Its loss is flat to the last digits of fp32, where the same gradient differs by per cents."""
    model = tiny_classifier("bert")
    with torch.no_grad():
        model.classifier.weight *= 30
    trial_pass(model, TinyTokenizer(model), tiny_texts(model), "x")


def test_weights_and_random_numbers_stay_as_they_are():
    model = tiny_classifier("bert").requires_grad_(False)
    before = torch.random.get_rng_state()
    trial_pass(model, TinyTokenizer(model), tiny_texts(model), "x")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not any(each.requires_grad for each in model.parameters())


def longrope(border: int) -> dict:
    factors = {"short_factor": [1.0] * 4, "long_factor": [8.0] * 4, "rope_theta": 1e4}
    known = {"original_max_position_embeddings": border}
    return {"rope_parameters": {"rope_type": "longrope", **known, **factors}, **known}


DYNAMIC = {"rope_parameters": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4}}


@pytest.mark.parametrize(
    ("name", "config"),
    [("phi3", longrope(12)), ("llama", {**DYNAMIC, "max_position_embeddings": 16})],
    ids=["longrope", "dynamic"],
)
def test_a_longer_companion_changes_no_text(name, config):
    """LongRoPE embeds all positions of a batch in another way as soon as one text is long."""
    model = tiny_classifier(name, **config)
    tokenizer, texts = TinyTokenizer(model), tiny_texts(model, (5, 11, 16, 12, 13))
    together = logits(model, texts, tokenizer)
    alone = np.concatenate([logits(model, [each], tokenizer) for each in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5 * np.abs(alone).max())
    trial_pass(model, tokenizer, texts, "x")
    labels, settings = np.arange(5) % 3, TraceSettings(device="cpu")
    rows = gradient_rows(model, tokenizer, texts, labels, settings)[0]
    for place, text in enumerate(texts):
        own = gradient_rows(model, tokenizer, [text], labels[place : place + 1], settings)[0]
        found = rows.rows[rows.offsets[place] : rows.offsets[place + 1]]
        np.testing.assert_allclose(found, own.rows, atol=1e-4 * np.abs(own.rows).max())


def test_a_longer_companion_would_change_a_text():
    model = tiny_classifier("phi3", **longrope(12))
    short, long = tiny_texts(model, (5, 16))
    with torch.no_grad():
        both = model(**collate([short, long], TinyTokenizer(model))).logits
        alone = model(**collate([short], TinyTokenizer(model))).logits
    assert (both[0] - alone[0]).abs().max() > 1e-3
    assert rope_borders(model.config) == [12]


@pytest.mark.parametrize("name", ["big_bird", "bigbird_pegasus"])
def test_a_short_text_before_changes_no_long_one(name, tmp_path):
    """BigBird's sparse attention is switched off for good by the first text that is too short for it."""
    sparse = tiny_classifier(name)
    tokenizer, (short, long) = TinyTokenizer(sparse), tiny_texts(sparse, (6, 44))
    before, _, after = (logits(sparse, [each], tokenizer) for each in (long, short, long))
    assert np.abs(before - after).max() > 1e-4 * np.abs(before).max()
    sparse.save_pretrained(tmp_path)
    model = load_classifier(tmp_path)
    before, _, after = (logits(model, [each], tokenizer) for each in (long, short, long))
    np.testing.assert_allclose(before, after, atol=1e-6)


@pytest.fixture
def two_tables(tmp_path):
    """A tiny T5Gemma with a tokenizer, ready to be trained."""
    config, folder = tiny_classifier("t5gemma").config, tmp_path / "t5gemma"
    config.vocab_size = config.encoder.vocab_size = config.decoder.vocab_size = 300
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    load_tokenizer(tiny("bert", tmp_path / "bert", SENTENCES)).save_pretrained(folder)
    return folder


def test_training_is_refused_before_it_begins(two_tables, tmp_path, inside):
    rows = [{"text": text, "label": "ab"[label]} for text, label in zip(SENTENCES, LABELS, strict=True)]
    train, evaluation = (write_rows(tmp_path / f"{name}.jsonl", rows) for name in ("train", "eval"))
    workspace, _ = Workspace.create(
        tmp_path / "ws",
        train=str(train),
        eval=str(evaluation),
        columns=Columns(text="text", label="label"),
        model=str(two_tables),
    )
    said = inside("train", workspace.path, "--epochs", 1, check=False)
    assert said.returncode == 2
    assert "its decoder has a word table of its own" in said.stderr.strip().splitlines()[-1]
    assert not Workspace.open(workspace.path).folder.checkpoints.exists()


def test_a_config_without_a_padding_token_is_given_one(tmp_path):
    model = tiny_classifier("gemma3", vocab_size=300)
    model.save_pretrained(tmp_path / "model")
    load_tokenizer(tiny("bert", tmp_path / "bert", SENTENCES)).save_pretrained(tmp_path / "model")
    config = AutoConfig.from_pretrained(tmp_path / "model")
    loaded = load_classifier(tmp_path / "model", pad_token_id=0)
    assert loaded.config.pad_token_id == loaded.config.get_text_config().pad_token_id
    assert type(config).__name__ == "Gemma3Config"
