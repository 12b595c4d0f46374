"""Every page of the app on workspaces of sets of labels and of numbers."""

import pytest

from backend.data.targets.label_sets import NONE
from backend.trials.question import Asked
from backend.trials.run import RetrainSettings
from backend.workspace import Workspace
from tests.pages.driver import new_app, page, words

PAGES = (
    *("overview", "inspect", "pair", "review", "explore", "words", "scores"),
    *("sources", "changes", "export", "retrain", "new", "jobs", "help"),
)


@pytest.fixture(params=["multilabel", "regression"])
def workspace(request, monkeypatch, tmp_path) -> Workspace:
    made = request.getfixturevalue(f"{request.param}_workspace")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(made.path))
    return made


def another_target(workspace: Workspace, row: str) -> str:
    given = workspace.train_split.labels[workspace.train_split.position(row)]
    choices = ["music; plot", "praise"] if workspace.space.task == "multilabel" else ["2.25", "4.75"]
    return next(each for each in choices if each != given)


def test_every_page_is_drawn(workspace):
    workspace.compute_influence()
    workspace.scores.compute()
    row = workspace.train_split.ids[0]
    workspace.review.relabel(row, another_target(workspace, row), reason="seen")
    workspace.review.flag(workspace.train_split.ids[1])
    queries = {"pair": {"test": workspace.eval_split.ids[0], "train": row}}
    app = new_app()
    for name in PAGES:
        app = page(app, name, **queries.get(name, {}))
        assert not app.exception, (name, app.exception)
        errors = [each.value for each in app.error]
        assert not [each for each in errors if "hardly learnt" not in each], name  # so small a model


def test_overview_shows_the_figures_of_the_task(workspace):
    said = words(page(new_app(), "overview"))
    assert "accuracy" not in said and "How good the model is" in said
    names = ("micro-f1", "mean average precision") if workspace.space.task == "multilabel" else ("spearman",)
    assert all(each in said.lower() for each in names)


def test_inspect_asks_what_can_be_asked(workspace):
    app = page(new_app(), "inspect", row=workspace.eval_split.ids[0])
    first = words(app)
    if workspace.space.task == "multilabel":
        question = next(each for each in app.selectbox if each.label == "Question")
        assert len(question.options) == 2 * len(workspace.space.names)
        app = question.select("not music").run()
        assert "made music less likely" in words(app)
    else:
        (question,) = (each for each in app.button_group if each.label == "Question")
        other = "low" if "raised the number" in first else "high"
        app = question.set_value(other).run()
        assert ("lowered the number" if other == "low" else "raised the number") in words(app)
    assert not app.exception


def test_a_target_is_corrected_on_the_page_of_a_pair(workspace):
    row = workspace.train_split.ids[3]
    app = page(new_app(), "pair", test=workspace.eval_split.ids[0], train=row)
    wanted = another_target(workspace, row)
    if workspace.space.task == "multilabel":
        field = next(each for each in app.multiselect if each.label == "Other labels")
        field.set_value(list(workspace.space.labels_of(wanted)))
    else:
        next(each for each in app.text_input if each.label == "Another number").set_value(wanted)
    next(each for each in app.button if each.label == "Store").click()
    app = app.run()
    assert not app.exception and workspace.review.states()[row].label == wanted


@pytest.mark.parametrize(
    ("typed", "said", "kept"), [("many", "is no number", None), ("70", "70 is beyond the numbers", "70")]
)
def test_a_typed_number_is_refused_or_remarked_on(
    regression_workspace, monkeypatch, tmp_path, typed, said, kept
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(regression_workspace.path))
    row = regression_workspace.train_split.ids[3]
    app = page(new_app(), "pair", test=regression_workspace.eval_split.ids[0], train=row)
    next(each for each in app.text_input if each.label == "Another number").set_value(typed)
    next(each for each in app.button if each.label == "Store").click()
    app = app.run()
    assert said in app.toast[0].value
    state = regression_workspace.review.states().get(row)
    assert (state.label if state else None) == kept


def test_a_trial_is_shown_with_the_figures_of_the_task(workspace):
    rows = workspace.train_split.ids[:6]
    for row in rows[:3]:
        workspace.review.relabel(row, another_target(workspace, row))
    workspace.review.remove(*rows[3:])
    followed = workspace.eval_split.ids[0]
    label = "music" if workspace.space.task == "multilabel" else None
    asked = (Asked(row=followed, label=label),)
    report = workspace.trials.run(RetrainSettings(seeds=1, epochs=1, asked=asked))
    app = page(new_app(), "retrain", report=report["folder"].rpartition("/")[2])
    assert not app.exception, app.exception
    said = words(app)
    figure = "micro-F1" if workspace.space.task == "multilabel" else "mean absolute error"
    assert "What was trained" in {each.label for each in app.expander} and figure in said
    assert "What was followed" in said and "Before and after" in said
    (choice,) = (each for each in app.button_group if each.label == "Figure")
    for each in choice.options:
        app = next(one for one in app.button_group if one.label == "Figure").set_value(each).run()
        assert not app.exception, each


@pytest.mark.parametrize("label", ["music", NONE])
def test_explore_filters_by_a_label_that_rows_hold(label, multilabel_workspace, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(multilabel_workspace.path))
    labels = multilabel_workspace.train_split.labels
    holding = sum(label in (each, *multilabel_workspace.space.labels_of(each)) for each in labels)
    app = page(new_app(), "explore", **{"of-class": label})
    assert f"{holding:,} of {len(labels):,} training rows" in words(app) and holding not in (0, len(labels))
