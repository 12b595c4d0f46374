"""Tokenizers without offsets are named as such, wherever a model or a run is given."""

import json
import re
import shutil
from pathlib import Path

import pytest
import transformers as hf
import transformers.models

from backend.errors import InputError
from backend.model.checkpoints import find_run
from backend.model.loading import load_tokenizer
from backend.model.python_tokenizers import PYTHON_TOKENIZERS, python_tokenizer
from backend.model.source import check_source
from tests.factories import SENTENCES


def _byt5(folder: Path) -> None:
    hf.ByT5Tokenizer().save_pretrained(folder)


def _canine(folder: Path) -> None:
    hf.CanineTokenizer().save_pretrained(folder)


def _perceiver(folder: Path) -> None:
    hf.PerceiverTokenizer().save_pretrained(folder)


def _bert_japanese(folder: Path) -> None:
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n映\n画\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertJapaneseTokenizer"}))


def _mistral(folder: Path) -> None:
    (folder / "tekken.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "MistralCommonBackend"}))


KINDS = {
    "ByT5Tokenizer": _byt5,
    "CanineTokenizer": _canine,
    "PerceiverTokenizer": _perceiver,
    "BertJapaneseTokenizer": _bert_japanese,
    "MistralCommonBackend": _mistral,
}


@pytest.fixture(params=KINDS)
def checkpoint(request, tiny_model, tmp_path) -> tuple[Path, str]:
    """A checkpoint with such a tokenizer, and its class."""
    folder = Path(shutil.copytree(tiny_model("bert"), tmp_path / "run" / "checkpoint-5"))
    for each in ("tokenizer.json", "tokenizer_config.json"):
        (folder / each).unlink()
    KINDS[request.param](folder)
    return folder, request.param


def test_named_by_what_reads_a_tokenizer_a_model_or_a_run(checkpoint):
    folder, name = checkpoint
    assert python_tokenizer(folder) == name
    said = f"its tokenizer ({name}) is a Python one, which gives no offsets"
    found = find_run(folder.parent)
    assert found.tokenizer_source == folder  # it has one, so that attach says what is the matter with it
    for call in (lambda: load_tokenizer(folder), lambda: check_source(str(folder), None)):
        with pytest.raises(InputError) as caught:
            call()
        assert said in str(caught.value) and "\n" not in str(caught.value)


def test_one_that_no_file_names_is_named_once_it_is_loaded(monkeypatch):
    monkeypatch.setattr(hf.AutoTokenizer, "from_pretrained", lambda *_, **__: hf.ByT5Tokenizer())
    with pytest.raises(InputError, match=r"^org/name: its tokenizer \(ByT5Tokenizer\) is a Python one"):
        load_tokenizer("org/name")


def test_a_fast_one_beside_the_name_counts(tiny_model, tmp_path):
    folder = Path(shutil.copytree(tiny_model("bert"), tmp_path / "model"))
    config = folder / "tokenizer_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "tokenizer_class": "EsmTokenizer"}))
    assert python_tokenizer(folder) is None


def test_the_list_is_that_of_transformers():
    """Every tokenizer class of transformers' models that derives from a Python one, texts' ones at least."""
    derived = re.compile(
        r"^class (\w+Tokenizer)\((?:PreTrainedTokenizer|SentencePieceBackend)\)", re.MULTILINE
    )
    sources = Path(transformers.models.__path__[0]).glob("*/tokenization_*.py")
    found = {name for path in sources for name in derived.findall(path.read_text())} - {"Pop2PianoTokenizer"}
    assert found <= PYTHON_TOKENIZERS
    assert PYTHON_TOKENIZERS - found == {"MistralCommonBackend", "MistralCommonTokenizer"}


def test_offsets_are_asked_for_and_given_by_the_fast_ones(tiny_model):
    encoded = load_tokenizer(tiny_model("bert"))(SENTENCES[0], return_offsets_mapping=True)
    assert "offset_mapping" in encoded
