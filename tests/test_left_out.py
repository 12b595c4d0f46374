"""What can't be had for these rows is left out by `all`, says why, and is not asked for again."""

import json

import numpy as np
import pyarrow as pa
import pytest

from backend.data.columns import LABEL
from backend.data.dataset import Split
from backend.data.equal_texts import equal_text_groups
from backend.data.examples import Examples
from backend.errors import InputError
from backend.everything import compute_everything, plan
from backend.manifest import DataInfo
from backend.scores.folds import no_folds, stratified_folds
from backend.workspace import Workspace
from pages.components.missing import due_steps
from tests.conftest import build_tiny


def steps_of(workspace: Workspace) -> dict:
    return {step.name: step for step in plan(workspace)}


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Workspace:
    """A workspace with four eval rows: too few for a clean set, and for folds."""
    return build_tiny(tmp_path_factory.mktemp("few"), n_eval=4)


def test_too_few_eval_rows_are_said_before_and_after(few, inside):
    before = steps_of(few)
    assert before["sources"].state == "left out" and "has 4 eval rows" in before["sources"].why
    assert before["sources"].forecast is None and not before["sources"].is_due
    assert before["scores"].state == "missing" and "domain: --target eval" in before["scores"].why
    after = {step.name: step for step in compute_everything(few)}
    assert after["scores"].state == "done" and "domain" in after["scores"].why
    again = steps_of(few)
    assert not any(step.is_due for step in again.values()) and not due_steps(few)
    assert again["scores"].state == "current" and "4 different texts" in again["scores"].why
    assert all(step.state == "current" for name, step in again.items() if name not in ("words", "sources"))
    shown = json.loads(inside("all", few.path, "--json").stdout)["steps"]
    assert {each["name"]: (each["state"], each["why"]) for each in shown} == {
        name: (step.state, step.why) for name, step in again.items()
    }
    assert "nothing is missing" in inside("all", few.path).stderr


def test_without_errors_no_words_are_asked_for(tiny_workspace, inside):
    assert tiny_workspace.predictions("eval").correct.all()
    words = steps_of(tiny_workspace)["words"]
    assert words.state == "left out" and "gets no eval row wrong" in words.why
    assert "words" not in {step.name for step in due_steps(tiny_workspace)}
    refused = inside("words", tiny_workspace.path, check=False)
    assert refused.returncode == 2 and "gets no eval row wrong" in refused.stderr


def test_whether_there_are_errors_is_not_known_without_predictions(tiny_workspace):
    tiny_workspace.folder.forget("predictions")
    assert steps_of(tiny_workspace)["words"].state == "missing"


@pytest.mark.parametrize(
    ("texts", "labels", "most", "found"),
    [
        (["a", "A ", "b"], ["x", "x", "y"], 5, None),
        (["a", "A ", "a"], ["x", "x", "y"], 5, "3 rows with 1 different texts"),
        (["a", "b"], ["x", "y"], 5, "2 rows with 2 different texts"),
    ],
)
def test_what_folds_need_is_what_folds_are_refused_for(texts, labels, most, found):
    split = Split("train", pa.table({"text": texts, LABEL: labels}), DataInfo.model_construct(text="text"))
    assert (no_folds(split) or "").startswith(found or "") and (no_folds(split) is None) == (found is None)
    places, groups = np.unique(labels, return_inverse=True)[1], equal_text_groups(Examples.of(texts))
    if found is None:
        assert len(set(stratified_folds(places, groups, most, 0).tolist())) >= 2
    else:
        with pytest.raises(InputError, match=found):
            stratified_folds(places, groups, most, 0)
