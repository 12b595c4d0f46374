"""The Retrain page: what is offered, what is started, the report as the backend wrote it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from backend.errors import InputError
from backend.files import write_json
from backend.jobs.process import job_path
from backend.trials.question import Asked
from backend.trials.run import RetrainSettings
from backend.workspace import Workspace
from pages.components import job_panel
from pages.components.numbers import typeset
from pages.components.retrain.followed import OWN, followed_options
from pages.components.retrain.forecast_panel import verdict
from pages.components.retrain.trial_beside import beside_rows
from pages.components.retrain.trial_figures import (
    arms_figure,
    curve_figure,
    family,
    parts_figure,
    query_figure,
)
from pages.components.retrain.trial_form import trial_args, trial_settings
from pages.components.retrain.trial_list import report_title
from pages.components.retrain.trial_recipes import masked_figure, mixture_figure, most_masked
from pages.components.retrain.trial_report import main_arm, verdict_words
from tests.jobs.test_listing import begun
from tests.pages.driver import opened, page, words


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """Commands that were started; none really is."""
    made: list[list[str]] = []
    monkeypatch.setattr(job_panel, "start_command", lambda args, logs: made.append(args))
    return made


def arm(name: str, accuracy: float, **more) -> dict:
    figures = {
        "accuracy": accuracy,
        "macro_f1": accuracy,
        "loss": 0.5,
        "f1/<b>good</b>": accuracy,
        "f1/bad": 0.5,
    }
    return {
        "name": name,
        "description": f"what {name} is",
        "x": None,
        "figures": {each: {"mean": value, "sd": 0.01} for each, value in figures.items()},
        "seconds": 3.0,
        "logs": [[{}], [{}]],
        **more,
    }


def change(mean: float, low: float, high: float) -> dict:
    return {"mean": mean, "low": low, "high": high, "seeds": [mean - 0.01, mean + 0.01],
            "beyond_noise": low > 0 or high < 0}  # fmt: skip


def made_report(row: str, **more) -> dict:
    changed = {
        each: change(0.05, 0.02, 0.08)
        for each in ("accuracy", "macro_f1", "loss", "f1/bad", "f1/<b>good</b>")
    }
    by_chance = {each: change(-0.01, -0.03, 0.02) for each in changed}
    return {
        "trial": "decisions",
        "reference": "untouched",
        "control": "random removal",
        "strategy": "decisions",
        "seeds": [0, 1],
        "eval_rows": 20,
        "notes": ["a note"],
        "at": "2026-11-24T18:00:00+00:00",
        "arms": [
            arm("untouched", 0.80),
            arm("cleaned", 0.85, change=changed, against_control=changed,
                verdict="accuracy +5.0 points: better",
                rows={"fixed": [row, "gone"], "broken": [], "by_chance": 2.0}),
            arm("random removal", 0.79, change=by_chance,
                verdict="accuracy -1.0 points: not more than chance",
                rows={"fixed": [], "broken": [], "by_chance": 2.0}),
        ],
        "queries": [{"label": "good", "row": 0, "id": row, "text": "a <img src=x> film", "probability": {
            name: {"mean": p, "sd": 0.1, "seeds": [p - 0.1, p + 0.1]}
            for name, p in (("untouched", 0.3), ("cleaned", 0.7), ("random removal", 0.35))}}],
        **more,
    }  # fmt: skip


def put_report(workspace: Workspace, name: str, report: dict) -> None:
    write_json(workspace.path / "retrains" / name / "report.json", report)
    (workspace.path / "retrains" / name / "report.md").write_text("## decisions\n")


NAMES = ("20261124-180000-000000-decisions", "20261124-190000-000000-dga")


def test_nothing_decided_leads_to_review(app):
    page(app, "retrain")
    assert not app.exception and not app.error
    assert len([each for each in app.info if "No training row is removed or relabelled" in each.value]) == 1
    assert not [each for each in app.button if each.label in ("Forecast", "Start the trial")]
    assert "No trial has been finished yet" in words(app)


def test_a_trial_is_started_with_what_was_chosen(app, tiny_workspace, started):
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    row = tiny_workspace.eval_split.ids[3]
    page(app, "retrain", follow=row)
    path = str(opened().path)
    next(each for each in app.button if each.label == "Forecast").click().run()
    next(each for each in app.button if each.label == "Start the trial").click().run()
    assert started == [["forecast", path, f"--row={row}"], ["retrain", path, "--seeds=3", f"--row={row}"]]
    app.segmented_control(key="strategy").set_value("dga").run()
    app.text_input(key="option-dga-every").set_value("7").run()
    app.text_input(key="guide").set_value("40 %").run()
    app.text_input(key="epochs").set_value("1,5").run()
    next(each for each in app.button if each.label == "Start the trial").click().run()
    assert not app.exception and not app.error
    assert started[-1] == [
        *("retrain", path, "--seeds=3", "--strategy=dga", "--guide=0.4", "--set=every=7", f"--row={row}"),
        "--epochs=1.5",
    ]


def test_what_a_trial_costs_is_said_before_it_starts(app, tiny_workspace):
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    page(app, "retrain", seeds="5")
    assert not app.exception and not app.error
    said = words(app).replace("\\", "")
    assert "4 arms × 5 seeds, a training about" in said and "removal by loss" in said
    app.segmented_control(key="strategy").set_value("dga").run()
    assert "Arms: proportional, uniform, aligned" in words(app).replace("\\", "")


def test_the_settings_of_a_trial_are_those_of_its_command():
    options = {"fractions": "0.5,0.25", "by": "domain"}
    args = trial_args("ws", "select", 4, 0.25, options, ["--row=a=b", "--epochs=1.5"])
    expected = RetrainSettings(seeds=4, strategy="select", options=options, guide=0.25, epochs=1.5)
    assert trial_settings(args) == expected
    assert trial_settings(trial_args("ws", "decisions", 3, 0.3, {})) == RetrainSettings()


def test_an_unknown_row_is_said_and_nothing_starts(app, tiny_workspace, started):
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    page(app, "retrain", follow="<b>nobody</b>")
    assert not app.exception and "no eval row with the id" in app.error[0].value
    assert not [each for each in app.button if each.label == "Start the trial"]


def test_pruning_waits_for_scores(app, tiny_workspace):
    page(app, "retrain", strategy="Prune")
    assert not app.exception
    assert any("No score has been computed yet" in each.value for each in app.info)


def test_a_running_trial_stands_in_place_of_the_form(app, tiny_workspace):
    """Whatever its settings were; also after a refresh, since it is read from its files."""
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        args = ["retrain", str(opened().path), "--seeds=9"]
        folder = job_path(args, job_panel.LOGS)
        write_json(folder / "job.json", {"args": args, "pid": process.pid, "created": begun(process)})
        progress = {"state": "running", "stage": "training", "done": 5, "total": 10}
        write_json(
            folder / "progress.json", {**progress, "within": ["trainings", 3, 36], "seconds_left": 600}
        )
        page(app, "retrain")
        assert not app.exception and not app.error
        assert "A trial is running" in words(app)
        assert not [each for each in app.button if each.label == "Start the trial"]
        shown = app.get("progress")[0].proto
        assert shown.value == int(100 * 3.5 / 36) and "3 of 36; training 5 of 10, 10 min left" in shown.text
        next(each for each in app.button if each.label == "Stop").click().run()
        process.wait(timeout=10)
    finally:
        process.kill()
        process.wait()
    app.run()
    assert next(each for each in app.button if each.label == "Go on with the stopped trial")


def test_a_report_says_what_the_backend_found(app, tiny_workspace):
    row = tiny_workspace.eval_split.ids[3]
    put_report(
        tiny_workspace, NAMES[0], made_report(row, decisions={"mark": "x", "removed": 7, "relabelled": 2})
    )
    page(app, "retrain")
    assert not app.exception and not app.error
    shown = words(app)
    assert "Cleaned: accuracy +5.0 points: better." in shown and "A note" in shown
    assert (
        "Your decisions have changed since" in app.warning[0].value
        and "7 rows removed" in app.warning[0].value
    )
    assert tiny_workspace.eval_split.texts[3] in shown and "no longer in the data" in shown
    app.button(key=f"inspect-fixed-{NAMES[0]}-{row}").click().run()
    assert (app.session_state["what"], app.session_state["row"]) == ("eval", row)


def test_the_same_decisions_are_not_called_changed(app, tiny_workspace):
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    put_report(tiny_workspace, NAMES[0], made_report("r", decisions=tiny_workspace.trials.decisions_record()))
    page(app, "retrain")
    assert not app.warning
    tiny_workspace.review.flag(tiny_workspace.train_split.ids[1])
    assert not app.run().warning
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[1])
    assert "then 1 row removed, 0 relabelled, now 2 rows removed" in app.run().warning[0].value


def test_the_address_names_a_report_and_a_new_one_shows_itself(app, tiny_workspace):
    for name in NAMES:
        put_report(tiny_workspace, name, made_report("r", notes=[f"note of {name}"]))
    page(app, "retrain", report=NAMES[0])
    assert app.selectbox(key="report").value == NAMES[0] and f"ote of {NAMES[0][:8]}" in words(app)
    newest = "20261124-200000-000000-mask"
    put_report(tiny_workspace, newest, made_report("r"))
    app.run()
    assert app.selectbox(key="report").value == newest


def test_an_address_with_an_unknown_report_is_said(app, tiny_workspace):
    put_report(tiny_workspace, NAMES[0], made_report("r"))
    page(app, "retrain", report="../../etc")
    assert not app.exception and "no report of the name" in app.warning[0].value
    assert app.selectbox(key="report").value == NAMES[0] and not app.run().warning


def test_a_damaged_report_is_one_line(app, tiny_workspace):
    put_report(tiny_workspace, NAMES[0], {"arms": []})
    page(app, "retrain")
    assert not app.exception and "damaged" in app.error[0].value


def test_a_real_trial_is_shown_whole(app, tiny_workspace):
    """All that the backend writes: decisions with forecast, and a strategy with its recipe's log."""
    ws = tiny_workspace
    ws.review.remove(*ws.train_split.ids[:5])
    asked = (Asked(row=ws.eval_split.ids[0]),)
    decisions = ws.trials.run(
        RetrainSettings(seeds=2, device="cpu", asked=asked, arms=("untouched", "cleaned"))
    )
    strategy = RetrainSettings(seeds=1, strategy="dga", device="cpu", guide=0.6, arms=("aligned",))
    mixture = ws.trials.run(strategy)
    forecast = ws.trials.forecast(asked, "cpu")
    page(app, "retrain")
    assert not app.exception and not app.error and "Mixture over time" in words(app)
    app.selectbox(key="report").set_value(Path(decisions["folder"]).name).run()
    assert not app.exception and not app.error and not app.warning
    shown = words(app)
    assert typeset(decisions["arms"][1]["verdict"]) in shown and "Forecast and measured" in shown
    assert verdict(forecast["forecast"]) in shown
    (log,) = mixture["arms"][1]["logs"][0]
    figure = mixture_figure([log])
    assert list(figure.data[0].y) == pytest.approx([each["weights"][0] for each in log["trajectory"]])


def test_plots_show_the_reports_figures_and_escape_names():
    report = made_report("r")
    figure = arms_figure(report, "accuracy")
    means = [trace for trace in figure.data if trace.xaxis == "x"]
    assert [trace.x[0] for trace in means] == [0.80, 0.85, 0.79]
    interval = next(t for t in figure.data if t.xaxis == "x2" and t.error_x.array and t.y[0] == 1)
    assert interval.x[0] == 0.05
    assert interval.error_x.array[0] == pytest.approx(0.03) == interval.error_x.arrayminus[0]
    parts = parts_figure(report, ["f1/<b>good</b>", "f1/bad"], ["cleaned", "random removal"])
    assert "&lt;b&gt;good" in parts.layout.yaxis.ticktext[0] and len(parts.data) == 4
    assert [t.x[0] for t in query_figure(report, report["queries"][0]).data[1::2]] == [0.3, 0.7, 0.35]


def test_curves_join_the_arms_of_one_way():
    report = made_report("r")
    names = {"all": 1.0, "easy 90%": 0.9, "random 90%": 0.9, "easy 50%": 0.5, "random 50%": 0.5}
    report["arms"] = [arm(name, 0.5 + x / 10, x=x) for name, x in names.items()]
    figure = curve_figure(report, "accuracy")
    assert {trace.name: list(trace.x) for trace in figure.data} == {
        "all": [1.0], "easy": [0.5, 0.9], "random": [0.5, 0.9]
    }  # fmt: skip
    assert family("removal by loss") == "removal by loss"


def test_masked_shares_are_means_over_seeds():
    logs = [
        {"masked_by_class": {"a": 0.1, "b": 0.4}, "masked_share": {"3": 1.0, "5": 0.5}},
        {"masked_by_class": {"a": 0.3, "b": 0.6}, "masked_share": {"3": 0.0, "5": 0.6}},
    ]
    assert most_masked(logs) == [(5, pytest.approx(0.55)), (3, 0.5)]
    assert [list(trace.x) for trace in masked_figure(logs).data] == [[0.4, 0.1], [0.6, 0.3]]


def test_the_verdict_needs_the_control_to_do_worse():
    report = made_report("r")
    main = main_arm(report)
    assert main["name"] == "cleaned" and verdict_words(report, main) == ("better", "good")
    main["against_control"] = {"accuracy": change(0.01, -0.02, 0.03)}
    assert verdict_words(report, main)[0] == "like the control"
    main["change"] = {"accuracy": change(0.01, -0.02, 0.03)}
    assert verdict_words(report, main)[0] == "not more than chance"
    main["change"]["accuracy"]["seeds"] = [0.01]
    assert verdict_words(report, main)[0] == "one seed: chance not known"


def test_forecast_and_measured_agree_by_their_signs():
    unlearning = {"before": 0.8, "after": 0.84, "random": 0.81}
    each = {"loss_change": -0.1, "unlearning": unlearning}
    report = made_report("r", forecast={"eval": each, "queries": [each], "steps": 10})
    report["arms"][1]["change"]["loss"] = change(-0.02, -0.03, -0.01)
    first, second = beside_rows(report)
    assert "+3.0 points" in first[2] and "+5.0 points" in first[3] and "as forecast" in first[4]
    assert "+40.0 points" in second[3] and "as forecast" in second[4]
    report["arms"][1]["change"]["loss"] = change(0.02, 0.01, 0.03)
    assert "the other way" in beside_rows(report)[0][4]
    assert beside_rows(made_report("r")) == []


def test_equal_trials_are_one_job():
    assert trial_args("ws", "decisions", 3, 0.9, {}) == ["retrain", "ws", "--seeds=3"]
    assert trial_args("ws", "mask", 2, 0.3, {}) == ["retrain", "ws", "--seeds=2", "--strategy=mask"]
    assert trial_args("ws", "prune", 1, 0.5, {"way": "hard"}, ["--row=-x"]) == [
        *("retrain", "ws", "--seeds=1", "--strategy=prune", "--set=way=hard", "--row=-x")
    ]


def test_what_is_followed_is_checked(tiny_workspace):
    row = tiny_workspace.eval_split.ids[0]
    assert followed_options(tiny_workspace, row, "", "", OWN) == [f"--row={row}"]
    assert followed_options(tiny_workspace, "", "-a film", "", "good") == ["--text=-a film", "--label=good"]
    with pytest.raises(InputError, match="no class of its own"):
        followed_options(tiny_workspace, "", "a film", "", OWN)
    with pytest.raises(InputError, match="no eval row"):
        followed_options(tiny_workspace, "other", "", "", OWN)


def test_titles_of_reports():
    assert report_title(NAMES[1]) == "2026-11-24 19:00:00 UTC, dga"
    assert report_title("by-hand") == "by-hand"
    assert json.dumps(report_title("")) == '""'
