"""`all`: what is missing is said with a forecast, computed, and found done the next time."""

import json
import shutil

import pytest

from backend.errors import InputError
from backend.everything import compute_everything, plan
from backend.workspace import Workspace
from tests.conftest import without_model

STEPS = ["precompute", "embeddings", "influence", "scores", "words", "sources"]


@pytest.fixture(scope="module")
def whole(tiny_template, tmp_path_factory):
    """A workspace of which everything was computed, and what was said of it."""
    import shutil

    workspace = Workspace.open(shutil.copytree(tiny_template, tmp_path_factory.mktemp("all") / "ws"))
    seen: list[str] = []
    before = plan(workspace)
    after = compute_everything(workspace, progress=lambda stage, done, total: seen.append(stage))
    return workspace, before, after, seen


def test_all_steps_are_done_in_order(whole):
    workspace, before, after, seen = whole
    assert [step.name for step in before] == [step.name for step in after] == STEPS
    errors = int((~workspace.predictions("eval").correct).sum())
    of_words = "missing" if errors else "left out"
    assert [step.state for step in before] == ["current", *["missing"] * 3, of_words, "missing"]
    assert all((step.forecast or 0) > 0 and step.basis for step in before if step.is_due)
    done = {step.name: step.state for step in after}
    assert done.pop("precompute") == "current"
    assert done.pop("words") == ("done" if errors else "left out")
    assert set(done.values()) == {"done"}
    assert all(step.seconds is not None for step in after if step.state == "done")
    due = [step.name for step in before if step.is_due]
    assert {stage.split(":")[0] for stage in seen} >= {
        f"step {number} of {len(due)}, {name}" for number, name in enumerate(due[:3], start=1)
    }
    assert workspace.has_embeddings("train") and workspace.has_embeddings("eval")
    assert len(workspace.influence().train) == 60 and "pvi" in workspace.scores.table().names
    assert workspace.audit.sources().table.num_rows


def test_the_next_call_finds_it_done(whole, inside):
    workspace, *_ = whole
    assert not any(step.is_due for step in plan(workspace))
    shown = json.loads(inside("all", workspace.path, "--dry-run", "--json").stdout)
    assert [step["name"] for step in shown["steps"]] == STEPS
    assert all(step["forecast"] is None for step in shown["steps"] if step["state"] == "current")


def test_what_became_stale_is_done_again(whole, tmp_path):
    import shutil

    workspace = Workspace.open(shutil.copytree(whole[0].path, tmp_path / "ws"))
    workspace.folder.forget("influence")
    due = [step.name for step in plan(workspace) if step.is_due]
    assert due == ["influence", "scores"]  # a score is made from it


def test_a_workspace_without_a_model_is_refused_in_one_line(tmp_path, inside):
    workspace = without_model(tmp_path, 20)
    with pytest.raises(InputError, match="checkpoints missing"):
        plan(workspace)
    refused = inside("all", workspace.path, check=False)
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1


def test_nothing_is_begun_while_another_process_works(tiny_workspace):
    other = Workspace.open(tiny_workspace.path)
    with other.folder.lock(), pytest.raises(InputError, match="another process"):
        compute_everything(tiny_workspace)
    assert not tiny_workspace.has_embeddings("train")


def test_a_lost_index_is_missing_and_made_again(tiny_workspace):
    """Recorded as current, but without files: `all` had taken it for there."""
    shutil.rmtree(tiny_workspace.folder.index)
    (step,) = [each for each in plan(tiny_workspace) if each.name == "precompute"]
    assert step.state == "missing" and step.is_due
    tiny_workspace.precompute()
    (step,) = [each for each in plan(tiny_workspace) if each.name == "precompute"]
    assert step.state == "current"
