"""The Help page: plain words, and the noise self-test with the backend's own figures."""

from dataclasses import asdict

from typer.testing import CliRunner

from backend.cli import app as cli
from backend.evaluation.deletion import DeletionSettings
from backend.evaluation.detection import Detection
from backend.evaluation.noise_test import write_noise_test
from backend.evaluation.variants import parsed
from backend.influence.answers.registry import all_methods
from backend.jobs.process import job_path, job_state
from backend.scores.registry import all_scores
from backend.workspace import Workspace
from pages.components.help.deletion_test import deletion_args
from pages.components.job_panel import LOGS
from tests.pages.driver import new_app, opened, page, words
from tests.pages.factories import XSS


def test_every_part_is_there_also_without_a_workspace(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIRSTWORD_WORKSPACE", raising=False)
    app = page(new_app(), "help")
    assert not app.exception and not app.error
    assert [each.label for each in app.tabs][-2:] == ["Self-test", "Proof by deletion"]
    shown = words(app)
    assert all(
        each in shown for each in ("What it is not", "No proof of cause", "relabelled", "self-influence")
    )
    assert all(each.limits.split()[0] in shown for each in all_methods().values())
    assert shown.count("There is no workspace yet") == 2
    assert not [each for each in app.button if "self-test" in each.label]


def test_the_self_test_is_offered_and_its_result_is_a_sentence(app):
    page(app, "help")
    assert [each.label for each in app.button if each.label == "Run the self-test"]
    found = [
        Detection("suspicion", 0.9, 0.8, 0.734),
        Detection("aum", 0.7, 0.6, 0.5),
        Detection(XSS[0], 0.5, 0.1, 0.1),
    ]
    write_noise_test(opened().folder, 0.1, 0, found, [f"vog: {XSS[1]}"])
    page(app, "help")
    shown = words(app)
    sentence = "We planted wrong labels in 10 % of the rows: the queue&#x27;s first tenth holds 73 % of them."
    assert sentence in shown and "A random order would hold 10 %" in shown
    assert all_scores()["aum"].title in shown
    assert "<script>" not in shown and "<img" not in shown
    assert "The data have changed since" not in shown
    assert [each.label for each in app.button if each.label == "Run it again"]


def test_a_result_of_other_rows_is_said_to_be_one(app, monkeypatch):
    workspace = opened()
    write_noise_test(workspace.folder, 0.1, 0, [Detection("suspicion", 0.9, 0.8, 0.7)], [])
    workspace.folder.update(
        lambda m: m.model_copy(update={"data": m.data.model_copy(update={"fingerprint": "0" * 16})})
    )
    assert "The data have changed since" in words(page(app, "help"))


def test_a_running_test_is_watched(app, monkeypatch):
    started: list[list[str]] = []
    monkeypatch.setattr("pages.components.job_panel.start_command", lambda args, logs: started.append(args))
    page(app, "help")
    next(each for each in app.button if each.label == "Run the self-test").click().run()
    (args,) = started
    assert args[0] == "evaluate" and args[2:] == ["--protocol", "mislabel", "--share", "0.1", "--json"]
    assert job_state(job_path(args, LOGS)) is None


def test_the_proof_by_deletion_is_started_and_shown(app, monkeypatch, tiny_workspace):
    """With what the backend finds: 1 + 2 ends x 1 k x 2 orders x 2 rows trainings."""
    started: list[list[str]] = []
    monkeypatch.setattr("pages.components.job_panel.start_command", lambda args, logs: started.append(args))
    page(app, "help")
    app.text_input(key="queries").set_value(" 2 ").run()
    app.text_input(key="trainings").set_value("1.0").run()
    next(each for each in app.button if each.label == "Run the test").click().run()
    (args,) = started
    path = str(opened().path)
    assert args == deletion_args(path, [10], 2, 1, wrong=False)
    assert "trains the model up to 17 times" in words(app)

    curves, left_out = tiny_workspace.measure_deletion(
        parsed(["tfidf:residual"]), DeletionSettings(ks=(10,), queries=2, seeds=1)
    )
    found = {"curves": [asdict(each) for each in curves], "left_out": [*left_out, XSS[0]]}
    monkeypatch.setattr("pages.components.help.deletion_test.job_result", lambda folder: found)
    shown = words(page(app, "help"))
    assert not app.exception and not app.error
    assert "Without the most helpful rows" in shown and curves[-1].variant in shown
    area = next(
        each.area for each in curves if each.variant == curves[-1].variant and each.end == "proponents"
    )
    assert f"{area:+.3f}".replace("-", "−") in shown and "<script>" not in shown
    assert len(app.get("plotly_chart")) == 2

    monkeypatch.setattr("pages.components.help.deletion_test.job_result", lambda folder: {"curves": [{}]})
    assert "be read; run it again" in page(app, "help").error[0].value
    assert [each.label for each in app.button if each.label == "Run it again"]


def test_the_command_of_a_deletion_is_one_that_is_understood(tiny_workspace):
    args = deletion_args(str(tiny_workspace.path), [10, 1_000], 2, 1, wrong=False)
    result = CliRunner().invoke(cli, args)
    assert result.exit_code != 0 and "less than half of the 60 training rows" in str(
        result.exception or result.output
    )


def test_what_cannot_be_read_is_no_result(tiny_workspace):
    assert tiny_workspace.scores.noise_test() is None
    place = tiny_workspace.path / "evaluations" / "mislabel.json"
    place.parent.mkdir()
    for content in ("", "[]", "{}", '{"found": [1]}'):
        place.write_text(content)
        assert Workspace.open(tiny_workspace.path).scores.noise_test() is None
