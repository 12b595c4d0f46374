"""The rest of the demo: every page has something to show, and no decision claims a reader."""

from backend.demo import REVIEWER, complete_demo, is_complete
from backend.everything import plan


def test_the_rest_fills_every_page_and_is_done_once(tiny_workspace):
    assert not is_complete(tiny_workspace)
    complete_demo(tiny_workspace)
    assert {step.state for step in plan(tiny_workspace) if step.name != "words"} == {"current"}
    log = tiny_workspace.log()
    assert log and {entry.author for entry in log} == {REVIEWER}
    decided = [entry for entry in log if entry.row_id]
    assert all("unread" in entry.reason and "rank" in entry.reason for entry in decided)
    changed = [s for s in tiny_workspace.states().values() if s.action in ("remove", "relabel")]
    assert len(tiny_workspace.reports()) == bool(changed) == is_complete(tiny_workspace)
    for name in tiny_workspace.reports():
        report = tiny_workspace.report(name)
        assert [arm["name"] for arm in report["arms"]] == ["untouched", "cleaned", "random decisions"]
        assert any("compare the arms with each other only" in note for note in report["notes"])
    complete_demo(tiny_workspace)
    assert tiny_workspace.log() == log and len(tiny_workspace.reports()) == bool(changed)
