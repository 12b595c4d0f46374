"""What an engine keeps: made once, whoever asks, and without holding up who asks for something else."""

import shutil
import threading

import numpy as np
import pytest

from backend.data.labels import class_places
from backend.influence.answers.culprits import misclassified
from backend.influence.answers.registry import method_named
from backend.workspace import Workspace


@pytest.fixture
def engine(tiny_workspace: Workspace):
    return tiny_workspace.explainer("cpu")


def test_who_asks_for_another_thing_does_not_wait(engine):
    begun, release, found = threading.Event(), threading.Event(), []

    def slow():
        begun.set()
        assert release.wait(20)
        return "slow"

    worker = threading.Thread(target=lambda: found.append(engine.keep("slow", slow)))
    worker.start()
    assert begun.wait(20)
    assert engine.keep("quick", lambda: "quick") == "quick"
    again = threading.Thread(target=lambda: found.append(engine.keep("slow", lambda: "twice")))
    again.start()
    release.set()
    worker.join()
    again.join()
    assert found == ["slow", "slow"]


def test_what_failed_is_made_again(engine):
    with pytest.raises(ZeroDivisionError):
        engine.keep("value", lambda: 1 / 0)
    assert engine.keep("value", lambda: engine.keep("other", lambda: 2) + 1) == 3


def test_a_listener_hears_its_own_work_only(tiny_workspace):
    """The engine is shared by all sessions: each listener is handed to its own work."""
    shutil.rmtree(tiny_workspace.folder.features, ignore_errors=True)  # another test may have left some
    engine, first, second = tiny_workspace.explainer("cpu"), set(), set()
    method_named("last-layer").prepare(engine, lambda stage, done, total: first.add(stage))
    tiny_workspace.prepare_method("second-layer", "cpu", lambda stage, done, total: second.add(stage))
    assert any("last-layer" in stage for stage in first) and not any("second" in stage for stage in first)
    assert any("second-layer" in stage for stage in second) and not any("last" in stage for stage in second)
    assert not hasattr(engine, "progress")


def test_one_notion_of_a_wrong_answer(tiny_workspace):
    """Whatever says "misclassified" goes by the stored table, even where the model would say otherwise."""
    table = tiny_workspace.predictions("eval")
    wrong = np.zeros(len(table.correct), dtype=bool)
    wrong[[2, 5]] = True
    classes = list(tiny_workspace.manifest.classes)
    own = [classes.index(each) for each in tiny_workspace.eval_split.labels]
    said = [classes[1 - label] if odd else classes[label] for label, odd in zip(own, wrong, strict=True)]
    engine = tiny_workspace.explainer("cpu")
    changed = table.table.set_column(2, "predicted", [said]).set_column(3, "correct", [~wrong])
    engine.keep("predictions eval", lambda: type(table)(changed))
    assert misclassified(engine).positions == [2, 5]
    assert np.flatnonzero(
        class_places(engine.predictions("eval").predicted, engine.classes) != own
    ).tolist() == [2, 5]
    tiny_workspace.compute_influence(k=2, device="cpu")
    top = tiny_workspace.influence().top.to_pylist()
    ids = tiny_workspace.eval_split.ids
    assert {each["query_id"] for each in top if each["predicted"] != each["query_label"]} == {ids[2], ids[5]}
