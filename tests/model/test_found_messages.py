"""Faults of real runs and models: each ends in one line that says what would be right, and writes nothing.

Numbers are those of the list of faults made with transformers 5.23; architectures (1 to 8, 10) are in
tests/influence/test_architectures.py, data given for another task (15) in tests/data/test_other_tasks.py.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import transformers as hf

from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.model.loading import load_classifier
from backend.model.source import check_source
from backend.workspace import Workspace
from tests.conftest import tiny_rows, without_model


@pytest.fixture(scope="module")
def waiting(tmp_path_factory) -> Workspace:
    return without_model(tmp_path_factory.mktemp("found"), 20)


@pytest.fixture
def run(tiny_model, tmp_path) -> Path:
    """A run of one checkpoint, with class names of the data."""
    folder = tmp_path / "run" / "checkpoint-5"
    shutil.copytree(tiny_model("bert"), folder)
    names = sorted({row["label"] for row in tiny_rows(20)})
    _configured(folder, id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)})
    return folder.parent


def _configured(folder: Path, **fields) -> None:
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))


def _files(workspace: Workspace) -> list[Path]:
    """All but the lock, which stays empty."""
    return sorted(each for each in workspace.folder.path.rglob("*") if each.name != ".lock")


def _python_tokenizer(checkpoint: Path) -> Path:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (checkpoint / name).unlink()
    hf.ByT5Tokenizer().save_pretrained(checkpoint)
    return checkpoint.parent


def _fsdp(checkpoint: Path) -> Path:
    for name in ("model.safetensors", "config.json"):
        (checkpoint / name).unlink()
    shards = checkpoint / "pytorch_model_fsdp_0"
    shards.mkdir()
    for name in (".metadata", "__0_0.distcp"):
        (shards / name).touch()
    return checkpoint.parent


def _zero(checkpoint: Path) -> Path:
    (checkpoint / "model.safetensors").unlink()
    (checkpoint / "global_step5").mkdir()
    (checkpoint / "global_step5" / "zero_pp_rank_0_mp_rank_00_model_states.pt").touch()
    return checkpoint.parent


def _search(checkpoint: Path) -> Path:
    shutil.copytree(checkpoint, checkpoint.parents[1] / "search" / "run-0" / "checkpoint-5")
    return checkpoint.parents[1] / "search"


def _within(checkpoint: Path) -> Path:
    (checkpoint / "inner").mkdir()
    return checkpoint / "inner"


def _file(checkpoint: Path) -> Path:
    return checkpoint / "model.safetensors"


def _label2id_of_three(checkpoint: Path) -> Path:
    _configured(checkpoint, id2label=None, label2id={"a": 0, "b": 1, "c": 2})
    return checkpoint.parent


@pytest.mark.parametrize(
    ("change", "line"),
    [
        pytest.param(_python_tokenizer, r"its tokenizer \(ByT5Tokenizer\) is a Python one", id="14"),
        pytest.param(_fsdp, r"merge them: accelerate merge-weights .*config\.json there", id="16, FSDP"),
        pytest.param(
            _zero, r"merge them: python .*zero_to_fp32\.py .* --safe_serialization", id="16, ZeRO-3"
        ),
        pytest.param(_search, r"no checkpoint-\* folders here, but in .*/run-0;", id="17, too high"),
        pytest.param(
            _within, r"lies within a run and is no checkpoint; the run is .*/run$", id="17, too low"
        ),
        pytest.param(_file, r"is a file; the run is .*/run$", id="17, a file"),
        pytest.param(_label2id_of_three, r"names no classes: .*\(3 names\)", id="19"),
    ],
)
def test_a_run_that_cannot_be_attached(
    waiting: Workspace, run: Path, change: Callable[[Path], Path], line: str
):
    before = _files(waiting)
    with pytest.raises(InputError, match=line) as caught:
        waiting.attach(change(run / "checkpoint-5"))
    assert "\n" not in str(caught.value)
    assert _files(waiting) == before


def test_the_run_as_it_was_is_attached(run, tmp_path):
    notes = without_model(tmp_path, 20).attach(run)
    assert any("influence" in note or "checkpoint" in note for note in notes)


def test_20_perceiver_is_refused_before_it_is_trained_and_loads_without_a_traceback(tmp_path):
    config = hf.PerceiverConfig(
        vocab_size=262, d_model=16, d_latents=16, num_latents=4, num_blocks=1, num_self_attends_per_block=1,
        num_self_attention_heads=2, num_cross_attention_heads=2, max_position_embeddings=32,
    )  # fmt: skip
    hf.PerceiverForSequenceClassification(config).save_pretrained(tmp_path / "perceiver")
    with pytest.raises(InputError, match="a model of type perceiver can't be explained"):
        check_source(str(tmp_path / "perceiver"), None)
    model = load_classifier(tmp_path / "perceiver", task=TaskInfo(classes=("a", "b")))
    assert model.config.num_labels == 2  # no traceback about a padding token, which its config lacks
