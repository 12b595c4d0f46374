"""The small workspaces of the other tasks are what tests need them to be."""

from backend.workspace import Workspace


def test_label_sets_of_every_size_are_there(multilabel_template):
    workspace = Workspace.open(multilabel_template)
    sizes = {len(workspace.space.labels_of(each)) for each in workspace.train_split.labels}
    assert workspace.manifest.task.name == "multilabel" and sizes == {0, 1, 2, 3, 4}
    assert set(workspace.train_split.groups) == {"a", "b"}


def test_numbers_vary(regression_template):
    workspace = Workspace.open(regression_template)
    assert workspace.manifest.task.name == "regression" and len(set(workspace.train_split.labels)) > 4
    assert workspace.predictions("eval").outputs.shape == (20, 1)
