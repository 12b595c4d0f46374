from backend.workspace import Workspace
from pages.components.history import batches, redo_target, undo_target


def test_targets_are_what_the_ledger_does(tiny_workspace: Workspace):
    def log():
        return batches(tiny_workspace.log())

    assert undo_target(log()) is None and redo_target(log()) is None
    first = tiny_workspace.remove("r1", "r2")
    second = tiny_workspace.relabel("r3", "bad" if tiny_workspace.train_split.labels[3] == "good" else "good")
    assert undo_target(log()).number == second
    assert undo_target(log()).name.startswith("relabel r3 as ")
    tiny_workspace.undo()
    assert (undo_target(log()).number, redo_target(log()).number) == (first, second)
    assert undo_target(log()).name == "remove 2 rows"
    tiny_workspace.undo()
    assert (undo_target(log()), redo_target(log()).number) == (None, first)
    assert tiny_workspace.redo()[0].batch == first
    assert (undo_target(log()).number, redo_target(log()).number) == (first, second)
