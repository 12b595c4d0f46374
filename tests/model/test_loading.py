import json
import re
import shutil
from pathlib import Path

import pytest
import torch
import transformers as hf
from transformers.utils import logging

from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.model.embedded import EMBEDDED, embedded_model_path
from backend.model.loading import embedding_layer, load_classifier, load_tokenizer, max_input_length
from backend.model.source import REFUSED, check_source, resolve
from tests.factories import ARCHITECTURES, SENTENCES


def one_line(caught: pytest.ExceptionInfo[InputError]) -> str:
    message = str(caught.value)
    assert "\n" not in message
    return message


# -- names -----------------------------------------------------------------------------------------


def test_resolve(tmp_path):
    assert resolve(EMBEDDED) == str(embedded_model_path())
    assert resolve(str(tmp_path)) == str(tmp_path)
    assert resolve("prajjwal1/bert-tiny") == "prajjwal1/bert-tiny"


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "a/b/c", "", "~/no-such-folder-here"])
def test_resolve_refuses_paths_that_do_not_exist(name):
    with pytest.raises(InputError, match="no such folder"):
        resolve(name)


@pytest.mark.parametrize("name", ["minlm", "MiniLM", "minilm "])
def test_a_slip_in_the_embedded_models_name_is_named_at_once(name):
    with pytest.raises(InputError, match="did you mean `minilm`"):
        check_source(name, None)
    check_source("bert-base-uncased", None)


@pytest.mark.parametrize("kind", REFUSED)
def test_a_model_that_never_works_is_refused_by_its_config(kind, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(InputError, match=f"a model of type {kind} can't be explained: it"):
        check_source(str(tmp_path), None)


@pytest.mark.parametrize("config", ["[]", '"x"', "1"])
def test_a_config_that_is_no_object_is_said(config, tmp_path):
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(InputError, match="describes no model"):
        check_source(str(tmp_path), None)


# -- architectures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_loads_and_tells_texts_apart(architecture, tiny_model):
    tokenizer, model = load_tokenizer(tiny_model(architecture)), load_classifier(tiny_model(architecture))
    assert tokenizer.is_fast and tokenizer.pad_token_id is not None
    assert model.config.pad_token_id == tokenizer.pad_token_id
    assert not model.training and model.dtype == torch.float32
    layer = embedding_layer(model)
    narrow = architecture in ("electra", "albert", "deberta")
    assert layer.weight.shape == (len(tokenizer), 16 if narrow else 32)
    logits = [model(**tokenizer(text, return_tensors="pt")).logits for text in SENTENCES[:2]]
    assert (logits[0] - logits[1]).abs().max() > 0.01


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_max_input_length_is_what_the_model_can_read(architecture, tiny_model):
    tokenizer, model = load_tokenizer(tiny_model(architecture)), load_classifier(tiny_model(architecture))
    tokenizer.model_max_length = int(1e30)  # only the model's own limit counts
    limit = max_input_length(tokenizer, model)
    # T5's positions are relative: nothing says how many it reads
    assert limit == max_input_length(tokenizer, model.config) == (512 if architecture == "t5" else 64)
    ids = torch.tensor([[*[5] * (limit - 1), tokenizer.eos_token_id or 5]])
    model(input_ids=ids)
    if architecture in ("roberta", "gpt2"):  # the others tolerate or mask it in their own ways
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=torch.full((1, limit + 1), 5))


def test_max_input_length_without_any_limit(tiny_model):
    tokenizer = load_tokenizer(tiny_model("bert"))
    tokenizer.model_max_length = int(1e30)
    assert max_input_length(tokenizer, hf.T5Config()) == 512
    tokenizer.model_max_length = 40
    assert max_input_length(tokenizer, hf.T5Config()) == 40


@pytest.mark.parametrize("attention", ["eager", "sdpa", None])
@pytest.mark.parametrize("architecture", ["bert", "deberta"])
def test_attention(architecture, attention, tiny_model):
    model = load_classifier(tiny_model(architecture), attention=attention)
    if attention == "eager" or (attention == "sdpa" and architecture == "bert"):
        assert model.config._attn_implementation == attention


# -- preparing for training ------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_layers_and_classes(architecture, tiny_model):
    model = load_classifier(tiny_model(architecture), task=TaskInfo(classes=("a", "b", "c")), layers=1)
    assert model.config.num_hidden_layers == 1
    assert model.config.id2label == {0: "a", 1: "b", 2: "c"}
    assert model.config.label2id == {"a": 0, "b": 1, "c": 2}
    tokens = load_tokenizer(tiny_model(architecture))("bad movie", return_tensors="pt")
    assert model(**tokens).logits.shape == (1, 3)
    places = re.compile(r"\.(?:layers?|block|h)\.(\d+)\.")
    assert {found[1] for name, _ in model.named_parameters() if (found := places.search(name))} <= {"0"}


@pytest.mark.parametrize("layers", [0, 3, -1])
def test_layers_out_of_range(layers, tiny_model):
    with pytest.raises(InputError, match=f"cannot keep {layers} layers; it has 2"):
        load_classifier(tiny_model("bert"), task=TaskInfo(classes=("a", "b")), layers=layers)


def test_embedded_model_keeps_its_first_layers():
    model = load_classifier(embedded_model_path(), task=TaskInfo(classes=("a", "b")), layers=2)
    whole = load_classifier(embedded_model_path(), task=TaskInfo(classes=("a", "b")))
    assert len(model.bert.encoder.layer) == 2
    ours, theirs = (each.bert.encoder.layer[1].output.dense.weight for each in (model, whole))
    assert torch.equal(ours, theirs)


def test_half_precision_weights_are_loaded_as_fp32(tiny_model, tmp_path):
    model = load_classifier(tiny_model("bert")).to(torch.bfloat16)
    model.save_pretrained(tmp_path / "half")
    load_tokenizer(tiny_model("bert")).save_pretrained(tmp_path / "half")
    assert load_classifier(tmp_path / "half").dtype == torch.float32


def test_transformers_is_as_loud_as_before(tiny_model):
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    load_classifier(tiny_model("bert"))
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


# -- faults ----------------------------------------------------------------------------------------


@pytest.fixture
def copy(tiny_model, tmp_path) -> Path:
    return Path(shutil.copytree(tiny_model("bert"), tmp_path / "copy"))


def test_pickled_weights_are_never_read(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(InputError, match="safetensors") as caught:
        load_classifier(copy)
    one_line(caught)


@pytest.mark.parametrize("damage", ["truncated", "empty", "gone"])
def test_damaged_weights(copy, damage):
    weights = copy / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes({"truncated": content[: len(content) // 2]}.get(damage, b""))
    if damage == "gone":
        weights.unlink()
    with pytest.raises(InputError) as caught:
        load_classifier(copy)
    assert str(copy) in one_line(caught)


@pytest.mark.parametrize("text", ["{", "[]", '{"model_type": "no-such-model"}', "{}"])
def test_damaged_config(copy, text):
    (copy / "config.json").write_text(text)
    with pytest.raises(InputError) as caught:
        load_classifier(copy)
    assert str(copy) in one_line(caught)


def test_a_model_that_was_never_a_classifier_needs_training_first(copy):
    hf.AutoModel.from_pretrained(copy).save_pretrained(copy)
    with pytest.raises(InputError, match="not a trained classifier"):
        load_classifier(copy)
    assert load_classifier(copy, task=TaskInfo(classes=("a", "b"))).config.num_labels == 2


def test_remote_code_is_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "evil.py").write_text("raise SystemExit('code from the model folder ran')")
    with pytest.raises(InputError) as caught:
        load_classifier(copy)
    one_line(caught)


def test_missing_tokenizer(copy):
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer_config.json").unlink()
    with pytest.raises(InputError) as caught:
        load_tokenizer(copy)
    assert str(copy) in one_line(caught)


@pytest.mark.parametrize("given", [None, 3])
def test_a_checkpoint_without_tokenizer_or_padding(tiny_model, tmp_path, given):
    gpt2 = Path(shutil.copytree(tiny_model("gpt2"), tmp_path / "copy"))
    assert load_classifier(gpt2).config.pad_token_id == load_tokenizer(gpt2).pad_token_id
    for file in gpt2.glob("tokenizer*"):
        file.unlink()
    model = load_classifier(gpt2, pad_token_id=given)
    assert model.config.pad_token_id == given
    assert model(torch.tensor([[5, 6]])).logits.shape == (1, 2)


def test_the_config_s_own_padding_wins(copy):
    own = load_tokenizer(copy).pad_token_id
    assert load_classifier(copy, pad_token_id=own + 1).config.pad_token_id == own


def test_unreachable_hub_id(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for load in (load_tokenizer, load_classifier):
        with pytest.raises(InputError, match="firstword/no-such-model: cannot be loaded") as caught:
            load("firstword/no-such-model")
        one_line(caught)


def test_embedding_layer_of_a_model_without_one():
    config = hf.ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    with pytest.raises(InputError, match="no word-embedding layer"):
        embedding_layer(hf.ViTForImageClassification(config))
