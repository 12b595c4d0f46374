"""Counting tokens without loading a model; looking a model up without fetching it."""

import pytest

from backend.data.examples import Examples
from backend.errors import InputError
from backend.model.loading import load_tokenizer
from backend.model.quick_tokens import QuickTokens, check_hub
from tests.factories import ARCHITECTURES, SENTENCES, tiny


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_as_the_models_own_tokenizer_counts(tmp_path, architecture):
    folder = tiny(architecture, tmp_path / "m")
    tokens = QuickTokens.of(str(folder), 12)
    assert tokens is not None and tokens.limit == 12
    texts = [*SENTENCES, "", "!", "ab " * 30, "ü" * 9]
    lengths = [len(each) for each in load_tokenizer(folder)(texts)["input_ids"]]
    assert tokens.longer(Examples.of(texts)) == ([i for i, n in enumerate(lengths) if n > 12], 1.0)
    paired = [len(each) for each in load_tokenizer(folder)(texts, texts[::-1])["input_ids"]]
    assert tokens.longer(Examples.of(texts, texts[::-1])) == (
        [i for i, n in enumerate(paired) if n > 12],
        1.0,
    )


def test_of_very_many_texts_a_share_is_cut_up(tmp_path, monkeypatch):
    monkeypatch.setattr("backend.model.quick_tokens._MOST", 10)
    tokens = QuickTokens.of(str(tiny("bert", tmp_path / "m")), 12)
    assert tokens is not None
    found, share = tokens.longer(Examples.of(["movie " * (5 if i % 3 else 30) for i in range(38)]))
    assert share == 10 / 38 and found == [0, 12, 24, 36]


def test_texts_of_which_nothing_is_known(tmp_path):
    tokens = QuickTokens.of(str(tiny("bert", tmp_path / "m")), 12)
    assert tokens is not None
    assert tokens.without_own(["movie", "😀", "", "日本", "!"]) == [1, 2, 3]


def test_a_model_without_such_a_file(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert QuickTokens.of(str(tmp_path), 12) is None and QuickTokens.of("owner/name", 12) is None


def test_a_hub_model_that_cannot_be_had_is_one_line(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="model 'owner/no-such-model': not here, and the hub is not asked"):
        check_hub("owner/no-such-model")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(
        "huggingface_hub.HfApi.model_info", lambda *_, **__: (_ for _ in ()).throw(OSError("no route"))
    )
    with pytest.raises(InputError, match=r"the hub cannot be reached: offline\? \(OSError\)"):
        check_hub("owner/no-such-model")
    check_hub("minilm")
