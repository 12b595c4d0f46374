"""The demos of label sets and of numbers, with a small model: what is decided in them is said unread."""

from dataclasses import replace

import pytest

from backend.demos import build
from backend.demos.build import REQUESTS, REVIEWS, build_demo, complete_demo, demo_at, is_complete, rest_of
from backend.demos.kind import REVIEWER
from backend.errors import InputError
from tests.factories import tiny

OUTPUTS = {"multilabel": 5, "regression": 1}


@pytest.fixture(scope="module", params=[REQUESTS, REVIEWS], ids=lambda demo: demo.task)
def built(request, tmp_path_factory):
    """The whole demo with a tiny model and one epoch."""
    folder = tmp_path_factory.mktemp(request.param.task)
    texts = [row["text"] for row in request.param.rows().train]
    tiny("bert", folder / "model", texts, num_labels=OUTPUTS[request.param.task])
    demo = type(request.param)(str(folder / "model"))
    demo.path = folder / "ws"
    plain = demo.training()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(build.DEMOS, demo.task, demo)
        patch.setattr(demo, "training", lambda: replace(plain, epochs=1.0), raising=False)
        workspace = build_demo(task=demo.task)
        before = rest_of(workspace)
        complete_demo(workspace)
        yield demo, workspace, before


def test_two_of_three_wrong_rows_are_put_right_in_the_demos_name(built):
    demo, workspace, _ = built
    right, states = demo.rows().right, workspace.review.states()
    assert set(states) < set(right) and len(states) == pytest.approx(2 * len(right) / 3, abs=1)
    train = workspace.train_split
    for row, state in states.items():
        typed = workspace.space.read(state.label)
        assert typed == workspace.space.read(_spelt(right[row])), row
        assert typed != workspace.space.read(train.labels[train.position(row)]), row
    log = workspace.review.log()
    assert {each.author for each in log} == {REVIEWER} and len(workspace.review.versions()) == 1
    assert all("unread" in each.reason for each in log if each.action == "relabel")


def test_its_trial_is_made_and_nothing_is_left_to_do(built):
    _, workspace, before = built
    assert "relabelled in the name of" in before and "scores" in before
    assert is_complete(workspace) and rest_of(workspace) == ""
    report = workspace.trials.report(workspace.trials.reports()[0])
    assert [arm["name"] for arm in report["arms"]] == ["untouched", "cleaned"]


def test_the_demo_of_another_task_is_not_taken_for_it(built):
    demo, workspace, _ = built
    other = next(each for each in (REQUESTS, REVIEWS) if each.task != demo.task)
    with pytest.raises(InputError, match="workspace of other data"):
        build_demo(workspace.path, task=other.task)
    assert demo_at(other.path) is other and demo_at(demo.path) is demo


def _spelt(target: list[str] | int) -> str:
    from backend.data.targets.typed import as_typed

    return as_typed(target)
