import json

from backend.model.trainer_log import STATE_FILE
from pages.components.home import training_curve
from pages.components.home.training_curve import curve
from tests.pages.driver import page


def figures(app) -> list[dict]:
    """The plots of losses; that of confusions stands beside them."""
    drawn = [json.loads(each.proto.spec) for each in app.get("plotly_chart")]
    return [each for each in drawn if each["data"][0].get("type") != "heatmap"]


def test_the_overview_draws_what_the_run_has_logged(tiny_workspace, app):
    page(app, "overview")
    assert not app.exception
    (figure,) = figures(app)
    steps = [each.step for each in tiny_workspace.manifest.checkpoints]
    assert [line["x0"] for line in figure["layout"]["shapes"]] == steps
    assert figure["layout"]["yaxis"]["title"]["text"] == "training loss"


def test_a_run_without_a_log_has_no_curve(tiny_workspace, app):
    last = tiny_workspace.manifest.checkpoints[-1]
    log = tiny_workspace.folder.checkpoint_path(last) / STATE_FILE
    log.unlink()
    page(app, "overview")
    assert not app.exception and not figures(app)


def test_of_a_very_long_log_an_even_choice_is_drawn(tiny_workspace, monkeypatch):
    monkeypatch.setattr(training_curve, "MOST_POINTS", 4)
    last = tiny_workspace.manifest.checkpoints[-1]
    log = tiny_workspace.folder.checkpoint_path(last) / STATE_FILE
    history = [{"step": step, "loss": 1 / step} for step in range(1, 10)]
    log.write_text(json.dumps({"log_history": history}), encoding="utf-8")
    losses = training_curve._losses.__wrapped__(str(tiny_workspace.path), "")
    assert [step for step, _ in losses] == [1, 4, 7]
    assert list(curve(losses, [3]).data[0].x) == [1, 4, 7]
