"""A run given one level too high or too low: the line says where it is."""

import shutil
from pathlib import Path

import pytest

from backend.errors import InputError
from backend.model.checkpoints import find_run
from backend.model.run_folder import checkpoint_folders, require_run


def run_in(folder: Path, *steps: int) -> Path:
    for step in steps:
        (folder / f"checkpoint-{step}").mkdir(parents=True)
        (folder / f"checkpoint-{step}" / "trainer_state.json").write_text("{}")
    return folder


def refused(run: Path) -> str:
    with pytest.raises(InputError) as caught:
        require_run(run)
    assert str(caught.value).startswith(f"{run}: ") and "\n" not in str(caught.value)
    return str(caught.value)


def test_steps_in_numeric_order_and_folders_only(tmp_path):
    run_in(tmp_path, 100, 20)
    (tmp_path / "checkpoint-7").touch()
    (tmp_path / "checkpoint-last").mkdir()
    assert list(checkpoint_folders(tmp_path)) == [20, 100]
    require_run(tmp_path)


def test_one_level_too_high_names_the_runs(tmp_path):
    for number in range(2):
        run_in(tmp_path / f"run-{number}", 5)
    said = refused(tmp_path)
    assert f"but in {tmp_path}/run-0, {tmp_path}/run-1; give the one you mean" in said
    for number in range(2, 5):
        run_in(tmp_path / f"run-{number}", 5)
    assert f"{tmp_path}/run-2 and others;" in refused(tmp_path)


def test_two_levels_too_high(tmp_path):
    run_in(tmp_path / "sweep" / "run-0", 5)
    assert f"but in {tmp_path}/sweep/run-0;" in refused(tmp_path)


@pytest.mark.parametrize("inner", ["checkpoint-5/pytorch_model_fsdp_0", "logs", "logs/today"])
def test_one_level_too_low_names_the_run(inner, tmp_path):
    run = run_in(tmp_path / "run", 5, 10)
    (run / inner).mkdir(parents=True)
    assert refused(run / inner).endswith(f"lies within a run and is no checkpoint; the run is {run}")


@pytest.mark.parametrize("name", ["trainer_state.json", "checkpoint-5/trainer_state.json"])
def test_a_file_of_the_run(name, tmp_path):
    run = run_in(tmp_path / "run", 5)
    (run / name).touch()
    assert refused(run / name).endswith(f"is a file; the run is {run}")


def test_a_file_that_belongs_to_no_run(tmp_path):
    (tmp_path / "model.bin").touch()
    assert refused(tmp_path / "model.bin").endswith("is a file; give the output folder of a Trainer run")


def test_nothing_near(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert "no checkpoint-* folders here; give the output folder" in refused(tmp_path / "a")
    assert "no such folder" in refused(tmp_path / "none")


def test_names_of_folders_are_one_line(tmp_path):
    run_in(tmp_path / "a\nb", 5)
    assert r"a\nb" in refused(tmp_path)


def test_one_checkpoint_of_several_is_said(tiny_model, tmp_path):
    for step in (5, 10, 15):
        shutil.copytree(tiny_model("bert"), tmp_path / f"checkpoint-{step}")
    found = find_run(tmp_path / "checkpoint-10")
    assert found.all_steps == [10]
    assert f"is one of the 3 checkpoints in {tmp_path}:" in found.notes[0]
    assert "give the folder above" in found.notes[0]


def test_a_final_model_alone_is_said_and_where_checkpoints_lie(tiny_model, tmp_path):
    run = Path(shutil.copytree(tiny_model("bert"), tmp_path / "run"))
    assert "holds a final model, no checkpoint-*: influence" in find_run(run).notes[0]
    run_in(run / "trial", 5)
    assert find_run(run).notes[0].endswith(f"; checkpoints lie in {run}/trial.")
