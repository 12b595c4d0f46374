"""`build`: init, train or attach, precompute in one command that continues where it was stopped."""

import json

import pytest

from backend.build import Recipe, build_workspace
from backend.data.columns import Columns
from backend.errors import InputError
from backend.model import runs
from backend.workspace import Workspace
from tests.conftest import tiny_rows, write_rows
from tests.factories import tiny

COLUMNS = Columns("text", "label", id="id")


@pytest.fixture
def recipe(tmp_path) -> Recipe:
    train = write_rows(tmp_path / "train.jsonl", tiny_rows(40))
    model = tiny("bert", tmp_path / "model", [row["text"] for row in tiny_rows(40)])
    return Recipe(str(train), "0.2", COLUMNS, str(model), epochs=1, max_length=32)


def test_a_stopped_build_goes_on(recipe, tmp_path, monkeypatch):
    seen: list[str] = []
    real = runs._fit

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "_fit", killed)
    with pytest.raises(KeyboardInterrupt):
        build_workspace(tmp_path / "ws", recipe)
    data = Workspace.open(tmp_path / "ws").manifest.data.fingerprint
    monkeypatch.setattr(runs, "_fit", real)
    built = build_workspace(tmp_path / "ws", recipe, lambda stage, done, total: seen.append(stage))
    assert built.status()["next"] is None and built.manifest.data.fingerprint == data
    assert built.manifest.max_length == 32
    assert {stage[:11] for stage in seen} == {"step 2 of 3", "step 3 of 3"}
    index = built.manifest.artifacts["index"].id
    assert build_workspace(tmp_path / "ws", recipe).manifest.artifacts["index"].id == index


def test_a_workspace_of_something_else_is_left_alone(recipe, tmp_path):
    Workspace.create(tmp_path / "ws", train=recipe.train, eval="0.5", columns=COLUMNS, model=recipe.model)
    with pytest.raises(InputError, match="other data or columns"):
        build_workspace(tmp_path / "ws", recipe)
    assert Workspace.open(tmp_path / "ws").status()["artifacts"]["checkpoints"]["state"] == "missing"


def test_a_run_is_attached(recipe, tiny_template, tmp_path):
    run = Workspace.open(tiny_template).folder.checkpoints
    attached = Recipe(recipe.train, "0.2", COLUMNS, run=run)
    built = build_workspace(tmp_path / "ws", attached)
    assert built.status()["next"] is None
    assert built.status()["artifacts"]["checkpoints"]["made_by"] == "attach"
    with pytest.raises(InputError, match="no such folder"):
        build_workspace(tmp_path / "other", Recipe(recipe.train, "0.2", COLUMNS, run=tmp_path / "gone"))
    assert not (tmp_path / "other").exists()


def test_the_noise_test_is_kept(inside, tiny_workspace):
    shown = json.loads(
        inside("evaluate", tiny_workspace.path, "--protocol", "mislabel", "--share", 0.1, "--json").stdout
    )
    kept = tiny_workspace.scores.noise_test()
    assert kept is not None and (kept.share, kept.n_train) == (0.1, 60)
    assert [each.name for each in kept.found] == [each["name"] for each in shown]
    assert kept.of("suspicion").recall == next(
        each["recall"] for each in shown if each["name"] == "suspicion"
    )
