"""Weights in parts that only a pickle holds together: one line, and the command in it works."""

import shlex
import shutil
from pathlib import Path

import pytest
import torch
import transformers as hf
from accelerate.commands.merge import merge_command, merge_command_parser
from torch.distributed.checkpoint import FileSystemWriter, save

from backend.errors import InputError
from backend.model.adapter_files import Adapter
from backend.model.adapters import find_base
from backend.model.checkpoints import find_run
from backend.model.loading import load_classifier, load_encoder
from backend.model.run_folder import require_run
from backend.model.sharded_weights import how_to_merge
from backend.model.source import check_source

pytestmark = pytest.mark.filterwarnings("ignore:torch.distributed is disabled")


@pytest.fixture
def model(tiny_model, tmp_path) -> Path:
    """A copy to damage, in a folder with a blank in its name."""
    return Path(shutil.copytree(tiny_model("bert"), tmp_path / "my run" / "checkpoint-5"))


def to_fsdp(folder: Path) -> None:
    """As accelerate's `save_fsdp_model` writes sharded states."""
    state = hf.AutoModelForSequenceClassification.from_pretrained(folder).state_dict()
    (folder / "model.safetensors").unlink()
    save({"model": state}, storage_writer=FileSystemWriter(folder / "pytorch_model_fsdp_0"), no_dist=True)


def to_zero(folder: Path) -> None:
    """The files that DeepSpeed ZeRO-3 leaves without gathered weights, empty."""
    (folder / "model.safetensors").unlink()
    (folder / "global_step5").mkdir()
    (folder / "latest").write_text("global_step5")
    for name in ("zero_to_fp32.py", "global_step5/zero_pp_rank_0_mp_rank_00_model_states.pt"):
        (folder / name).touch()


def refused(call, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        load_classifier,
        load_encoder,
        find_run,
        lambda folder: find_run(folder.parent),
        lambda folder: require_run(folder.parent),
        lambda folder: check_source(str(folder), None),
    ],
    ids=["classifier", "encoder", "checkpoint", "run", "before the data", "init"],
)
@pytest.mark.parametrize(
    ("damage", "tool"), [(to_fsdp, "accelerate merge-weights "), (to_zero, "zero_to_fp32.py' ")]
)
def test_the_line_names_the_tool_wherever_the_folder_is_given(model, damage, tool, call):
    damage(model)
    said = refused(call, model)
    assert tool in said and "config.json" not in said
    (model / "config.json").unlink()
    assert "put the model's config.json there, too" in refused(call, model)


def test_the_command_for_fsdp_makes_a_checkpoint_that_is_used(model):
    whole = load_classifier(model).state_dict()
    to_fsdp(model)
    said = how_to_merge(model)
    assert said is not None
    command = shlex.split(said[said.index("accelerate ") :])
    assert command[:2] == ["accelerate", "merge-weights"]
    merge_command(merge_command_parser().parse_args(command[2:]))
    assert how_to_merge(model) is None
    assert [each.step for each in find_run(model.parent).checkpoints] == [5]
    merged = load_classifier(model).state_dict()
    assert merged.keys() == whole.keys()
    assert all(torch.equal(merged[name], value) for name, value in whole.items())


def test_the_command_for_zero_is_that_of_its_own_script(model):
    to_zero(model)
    said = how_to_merge(model) or ""
    command = shlex.split(said[said.index("python ") :])
    assert command == ["python", f"{model}/zero_to_fp32.py", str(model), str(model), "--safe_serialization"]


@pytest.mark.parametrize("damage", [to_fsdp, to_zero])
def test_parts_beside_safetensors_are_of_no_concern(model, damage):
    weights = (model / "model.safetensors").read_bytes()
    damage(model)
    (model / "model.safetensors").write_bytes(weights)
    assert how_to_merge(model) is None
    assert load_classifier(model).config.num_labels == 2


def test_an_adapter_is_whole_beside_the_parts_that_trained_it(model):
    to_zero(model)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (model / name).write_text("{}")
    assert how_to_merge(model) is None


def test_the_base_of_an_adapter(model):
    to_zero(model)
    adapter = Adapter(model.parent, "LORA", str(model), {})
    assert "the base of an adapter: its weights are parts of DeepSpeed" in refused(find_base, adapter, None)
    assert "zero_to_fp32.py" in refused(find_base, adapter, str(model))


def test_a_run_of_which_some_checkpoints_are_whole_goes_on_with_them(model):
    shutil.copytree(model, model.parent / "checkpoint-9")
    to_fsdp(model)
    found = find_run(model.parent)
    assert found.all_steps == [9]
    assert any("checkpoint-5 is left out: its weights are FSDP shards" in note for note in found.notes)
