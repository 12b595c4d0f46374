"""Etas of real runs against the learning rates that a callback saw."""

import json
import shutil

import pytest

from backend import FirstwordCallback
from backend.model.checkpoints import find_run
from tests.eta_runs import RUNS, MadeRun, make


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    runs: dict[str, MadeRun] = {}

    def of(kind: str) -> MadeRun:
        if kind not in runs:
            runs[kind] = make(kind, tmp_path_factory.mktemp("run") / "run")
        return runs[kind]

    return of


@pytest.mark.parametrize("count", [2, 9])
@pytest.mark.parametrize("kind", RUNS)
def test_etas_are_the_rates_that_the_embeddings_were_trained_with(kind, count, made):
    run, expected = made(kind), RUNS[kind]
    found = find_run(run.folder, count, expected.given)
    steps = [each.step for each in found.checkpoints]
    true = [run.true(*interval) for interval in zip([0, *steps], steps, strict=False)]
    near = pytest.approx(true, rel=1e-5, abs=expected.within * max(run.rates.values()))
    assert [each.weight for each in found.checkpoints] == near, found.notes
    assert {each.derived for each in found.checkpoints} == {expected.derived}
    said = " ".join(found.notes)
    if expected.within > 1e-6:  # what may be off is said
        assert any(each in said for each in ("interpolated", "changes in steps", "The run was resumed"))
    assert (expected.derived == "interpolated") == ("a peak or a corner between two known rates" in said)


def test_what_is_out_of_the_ordinary_is_said(made):
    said = {kind: " ".join(find_run(made(kind).folder, 4, RUNS[kind].given).notes) for kind in RUNS}
    assert "(group 2 of 2 in optimizer.pt) were trained with 0.01 times" in said["embeddings' group last"]
    assert "has a schedule of its own" in said["group of its own schedule (rises for 20 steps)"]
    assert "logs the learning rate of the next update" in said["log of transformers 4.46"]
    assert "The run was resumed after step 20" in said["resumed, no states left"]
    assert "the linear schedule through them" in said["logging_steps 500"]
    for kind in ("linear, logged every 5 steps", "constant", "embeddings' group first (1e-5, rest 1e-3)"):
        assert "rate" not in said[kind]


def test_a_damaged_state_is_a_note_and_the_log_is_used(made, tmp_path):
    run = shutil.copytree(made("embeddings' group last").folder, tmp_path / "run")
    for path in [*run.rglob("optimizer.pt"), *run.rglob("scheduler.pt")]:
        path.write_bytes(path.read_bytes()[:-100])
    found = find_run(run, 4)
    assert {each.derived for each in found.checkpoints} == {"logged"}
    (said,) = [note for note in found.notes if note.startswith("checkpoint-10: optimizer.pt can't be read (")]
    assert "7 more such files can't be read." in found.notes and "trust" not in said


@pytest.mark.parametrize(
    "kind",
    [
        "cosine, warm-up of 15, no states",
        "reduce_lr_on_plateau, no states",
        "embeddings' group last",
        "resumed, no states left",
        "logging_steps 500, no states, rate and schedule given",
    ],
)
def test_etas_of_a_run_with_the_callback_are_exact(kind, tmp_path):
    run = make(kind, tmp_path, lambda: [FirstwordCallback()])
    found = find_run(run.folder, 4)
    steps = [each.step for each in found.checkpoints]
    true = [run.true(*interval) for interval in zip([0, *steps], steps, strict=False)]
    assert [each.weight for each in found.checkpoints] == pytest.approx(true, rel=1e-12)
    assert {each.derived for each in found.checkpoints} == {"callback"}
    assert not any("rate" in note for note in found.notes)


def test_a_record_that_is_not_of_the_whole_run_is_not_used(tmp_path):
    run = make("linear, logged every step", tmp_path, lambda: [FirstwordCallback()])
    path = tmp_path / "firstword/steps.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if json.loads(line)["step"] != 7))
    assert {each.derived for each in find_run(run.folder).checkpoints} == {"logged"}


def test_a_record_of_an_earlier_training_in_the_folder_is_not_used(tmp_path):
    make("constant", tmp_path, lambda: [FirstwordCallback()])
    run = make("linear, logged every step", tmp_path)
    found = find_run(run.folder)
    steps = [each.step for each in found.checkpoints]
    true = [run.true(*interval) for interval in zip([0, *steps], steps, strict=False)]
    assert [each.weight for each in found.checkpoints] == pytest.approx(true, rel=1e-5)
