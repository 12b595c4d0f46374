"""What config.json says of classes and code, said to the user."""

import json
import shutil
from pathlib import Path

import pytest
import transformers as hf

from backend.errors import InputError
from backend.model.checkpoints import find_run
from backend.model.config_notes import config_notes
from backend.model.loading import load_classifier


@pytest.fixture
def run(tiny_model, tmp_path) -> Path:
    shutil.copytree(tiny_model("bert"), tmp_path / "run" / "checkpoint-5")
    return tmp_path / "run"


def configured(run: Path, **fields) -> Path:
    """The run, with fields of its config set, or removed where they are None."""
    path = run / "checkpoint-5" / "config.json"
    config = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))
    return run


def test_names_that_disagree_are_said_and_id2label_wins(run):
    found = find_run(configured(run, id2label={"0": "neg", "1": "pos"}, label2id={"pos": 0, "neg": 1}))
    assert found.classes == ["neg", "pos"]
    assert any("output 0 is 'neg' in id2label and 'pos' in label2id" in each for each in found.notes)
    assert load_classifier(run / "checkpoint-5").config.id2label == {0: "neg", 1: "pos"}


@pytest.mark.parametrize(
    "label2id", [{"neg": 0, "pos": 1}, {"LABEL_0": 0, "LABEL_1": 1}, None, [], {"neg": "0"}]
)
def test_names_that_agree_or_were_never_given_are_not_worth_a_word(run, label2id):
    found = find_run(configured(run, id2label={"0": "neg", "1": "pos"}, label2id=label2id))
    assert not any("label2id" in each for each in found.notes)


def test_label2id_alone(run):
    two = find_run(configured(run, id2label=None, label2id={"pos": 1, "neg": 0}))
    assert (two.classes, two.num_labels) == (["neg", "pos"], 2)
    configured(run, label2id={"a": 0, "b": 1, "c": 2})
    assert hf.AutoConfig.from_pretrained(run / "checkpoint-5").num_labels == 2  # why it is refused
    with pytest.raises(InputError, match=r"config.json: names no classes: .*\(3 names\).*; add id2label$"):
        find_run(run)


def test_code_of_its_own_is_never_run_and_that_is_said(run):
    found = find_run(configured(run, auto_map={"AutoModelForSequenceClassification": "mine.Model"}))
    (note,) = [each for each in found.notes if "auto_map" in each]
    assert "never run" in note and "transformers' own 'bert'" in note
    assert load_classifier(run / "checkpoint-5").config.model_type == "bert"


def test_nothing_to_say_of_a_plain_config():
    assert config_notes({"model_type": "bert"}) == []


def test_sparse_attention_is_said_to_be_full_here():
    (note,) = config_notes({"model_type": "big_bird", "attention_type": "block_sparse"})
    assert "full attention" in note
    assert config_notes({"model_type": "big_bird", "attention_type": "original_full"}) == []
