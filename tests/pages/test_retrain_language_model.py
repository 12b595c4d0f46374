"""The Retrain page of a language model: what is asked of every model, and what the report shows of it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.cli import app as command_line
from backend.handles.trials import Trials
from backend.influence.answers.about_answer import AboutAnswer
from backend.trials.question import Asked
from backend.trials.run import RetrainSettings
from backend.trials.strategies.registry import DECISIONS, all_strategies, strategies_for
from backend.workspace import Workspace
from pages.components import job_panel
from pages.components.retrain.asked_answers import Questions
from pages.components.retrain.trial_answers import answer_card, differs, words_moved
from pages.components.retrain.trial_figures import name_of, query_figure, said_of
from tests.language_workspace import created
from tests.pages.driver import new_app, opened, page, words
from tests.pages.factories import XSS
from tests.trials.test_language_trials import BIRTH, SETTINGS

EVIL = XSS[0].replace("\x00", "")


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    made = created(tmp_path_factory.mktemp("language"))
    made.train(replace(SETTINGS, epochs=2))
    made.review.correct("wrong", "Ada Morel was born in Lisbon.")
    return made.path


@pytest.fixture
def workspace(template, tmp_path, monkeypatch) -> Workspace:
    made = Workspace.open(shutil.copytree(template, tmp_path / "ws"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(made.path))
    return made


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """Commands that were started; none really is."""
    made: list[list[str]] = []
    monkeypatch.setattr(job_panel, "start_command", lambda args, logs: made.append(args))
    return made


def field(app, label: str):
    return next(each for each in (*app.text_area, *app.text_input) if each.label == label)


def bodies(app, part: str) -> list[str]:
    return [each.proto.body for each in app.get("html") if part in each.proto.body]


def start(app):
    (found,) = (each for each in app.button if each.label == "Start the trial")
    return found.click().run()


def test_the_strategies_are_those_that_declare_themselves_for_the_task(workspace):
    app = page(new_app(), "retrain", strategy="Mask")  # of an address of another task
    assert not app.exception and not app.error
    served = [all_strategies()[name].title for name in strategies_for("causal-lm")]
    control = app.segmented_control(key="strategy")
    assert control.options == ["Your decisions", *served] and control.value == DECISIONS
    assert 0 < len(served) < len(all_strategies())


def test_a_trial_is_started_with_a_prompt_words_of_an_answer_and_further_prompts(workspace, started):
    app = page(new_app(), "retrain")
    field(app, "Prompt").set_value(BIRTH.prompt)
    app = field(app, "Answer").set_value(BIRTH.answer).run()
    marking = next(each for each in app.multiselect if each.label == "Marked words")
    app = marking.set_value([5]).run()
    field(app, "Rather than").set_value("Delhi")
    field(app, "Further prompts, one a line").set_value(
        "Who is Ben Ota?\n\n Where is Quito? \nWho is Ben Ota?"
    )
    app = start(field(app, "Eval rows answered").set_value("2").run())
    assert not app.exception and not app.error
    assert started == [
        [
            *("retrain", str(opened().path), "--seeds=3", f"--prompt={BIRTH.prompt}"),
            *("--prompt=Who is Ben Ota?", "--prompt=Where is Quito?", f"--answer={BIRTH.answer}"),
            *("--mark=22:28", "--instead=Delhi", "--answers=2"),
        ]
    ]


def test_an_eval_row_and_words_of_its_answer_are_asked_about(workspace, started):
    app = page(new_app(), "retrain", follow="e2", **{"asked-of": "An eval row"})
    assert not app.exception and "Where is Ben Ota from?" in words(app)
    app = start(app)
    marking = next(each for each in app.multiselect if each.label == "Marked words")
    app = start(marking.set_value([5]).run())
    path = str(opened().path)
    assert started == [
        ["retrain", path, "--seeds=3", "--row=e2"],
        ["retrain", path, "--seeds=3", "--row=e2", "--turn=1", "--mark=20:24"],
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"Answer": "In Oslo."}, "The answer has no prompt"),
        ({"Prompt": "Where?", "Answer": "x " * 600}, "has"),
        ({"Eval rows answered": "many"}, "number"),
        ({"Eval rows answered": "-1"}, "0"),
    ],
)
def test_a_wrong_question_is_one_line_and_starts_nothing(workspace, typed, said):
    app = page(new_app(), "retrain")
    for label, value in typed.items():
        field(app, label).set_value(value)
    app = app.run()
    if len(typed) == 2:  # a mark behind what the model reads
        marking = next(each for each in app.multiselect if each.label == "Marked words")
        app = marking.set_value([599]).run()
        said = "the model reads no token of"
    assert not app.exception
    lines = [each.value for each in app.error] + bodies(app, 'class="fw-wrong"')
    assert len(lines) == 1 and said in lines[0].replace("\\", "")
    assert not [each for each in app.button if each.label == "Start the trial"]


def test_an_unknown_eval_row_is_said(workspace):
    app = page(new_app(), "retrain", follow=EVIL, **{"asked-of": "An eval row"})
    assert not app.exception and "no eval row with the id" in app.error[0].value
    assert not [each for each in app.button if each.label == "Start the trial"]


QUESTIONS = [
    Questions(prompt="Where?\nWhere?"),
    Questions(further=("-a", "b=c")),
    Questions(prompt="-a", answer="--b=c d", marks=((0, 3), (4, 6)), further=("x",), answers=0),
    Questions(prompt="p", answer="in Oslo", marks=((3, 7),), instead="=Delhi"),
    Questions(row="e2", turn=1, marks=((20, 24),), instead="Rome", further=("x", "y")),
    Questions(row="e2"),
    Questions(),
]


@pytest.mark.parametrize("questions", QUESTIONS)
def test_the_command_asks_what_the_page_has_checked(workspace, monkeypatch, questions):
    seen: list[RetrainSettings] = []
    monkeypatch.setattr(Trials, "plan", lambda self, settings: seen.append(settings) or made(self, settings))
    told = CliRunner().invoke(command_line, ["retrain", str(workspace.path), *questions.options(), "--plan"])
    assert told.exit_code == 0, told.output
    (settings,) = seen
    plain = [
        replace(each, about=None) if each.row is not None and each.about == AboutAnswer() else each
        for each in questions.asked()
    ]
    assert list(settings.asked) == plain and settings.answers == questions.answers
    workspace.trials.check_asked(settings.asked, settings.answers)


made = Trials.plan


# -- the report ------------------------------------------------------------------------------------------


def test_a_real_trial_is_shown_with_its_answers_side_by_side(workspace):
    asked = (Asked(about=BIRTH), Asked(about=AboutAnswer(prompt=f"Who is {EVIL}?")))
    settings = RetrainSettings(seeds=1, asked=asked, answers=2, epochs=8, device="cpu", arms=("cleaned",))
    report = workspace.trials.run(settings)
    assert [each["label"] for each in report["queries"]] == ["Lisbon", "Delhi"]
    app = page(new_app(), "retrain")
    shown = words(app)
    assert not app.exception and not app.error and not app.warning
    assert "Answers side by side" in shown and "What was followed" in shown and EVIL not in shown
    assert "0 rows removed, 1 corrected" in shown and "relabelled" not in shown
    cards = bodies(app, 'class="fw-beside"')
    assert len(cards) == 4 and all(each.count('class="fw-answer"') == 2 for each in cards)
    assert BIRTH.prompt in cards[0] and "expected" not in cards[0] and "expected" in cards[3]
    (figure,) = (each for each in app.segmented_control if each.label == "Figure")
    assert figure.options == ["Loss per token", "Perplexity", "Exact answers", "ChrF of answers"]
    for name in ("perplexity", "exact", "chrf"):
        app = figure.set_value(name).run()
        assert not app.exception
    differing = sum(differs(each, report) for each in report["answers"])
    (only,) = (each for each in app.toggle if each.label == "Only where answers differ")
    app = only.set_value(True).run()
    assert not app.exception
    assert len(bodies(app, 'class="fw-beside"')) == differing


def answers(**more) -> tuple[dict, dict]:
    record = {
        "id": "e1",
        "prompt": EVIL,
        "expected": "born in Oslo",
        "written": {"untouched": ["born in Rome"] * 2, "cleaned": ["born in Oslo", "born in Rome"]},
        "exact": {"untouched": 0.0, "cleaned": 0.5},
        "chrf": {"untouched": 0.4, "cleaned": 0.7},
        **more,
    }
    return record, {"reference": "untouched", "arms": [{"name": "untouched"}, {"name": "cleaned"}]}


def test_words_that_differ_from_the_reference_are_marked_and_nothing_is_markup():
    card = str(answer_card(*answers()))
    assert (
        EVIL not in card
        and "<del" not in card
        and 'title="instead of: Rome"' in card
        and "Oslo</ins>" in card
    )
    assert card.count("1 of 2 seeds") == 2 and "chrF 70 %" in card and ">exact<" not in card
    exact = str(answer_card(*answers(exact={"untouched": 0.0, "cleaned": 1.0})))
    assert exact.count(">exact<") == 1


def test_answers_that_are_empty_or_had_no_room_are_said():
    written = {"untouched": [None, None], "cleaned": ["", ""]}
    card = str(answer_card(*answers(written=written, chrf={}, exact={})))
    assert "leaves no room" in card and "(nothing)" in card and "seeds" not in card


def test_an_arm_that_a_report_lacks_is_an_empty_cell():
    record, report = answers(written={"untouched": ["a"]})
    assert str(answer_card(record, report)).count('class="fw-answer"') == 2
    assert not differs(record, report)


def spread(value: float) -> dict:
    return {"mean": value, "sd": None, "seeds": [value]}


def test_how_likely_the_words_are_before_and_after_is_said_first():
    query = {
        "label": EVIL,
        "text": "Where?",
        "probability": {
            name: spread(p) for name, p in (("untouched", 0.43), ("cleaned", 0.7), ("other", 1e-9))
        },
        "loss": {name: spread(0.5) for name in ("untouched", "cleaned", "other")},
    }
    _, report = answers()
    (line,) = words_moved({**report, "queries": [query], "control": "other"}, "cleaned")
    assert EVIL not in line and "“Where?”" in line
    assert "untouched 0.430, cleaned 0.700, other 1e-09 (0.5 nats)." in line
    assert words_moved({**report, "queries": [{"probability": {}}]}, "cleaned") == []


def test_words_that_are_likely_to_no_model_are_shown_by_their_loss():
    query = {
        "label": "Oslo",
        "probability": {"untouched": spread(1e-9), "cleaned": spread(1e-4)},
        "loss": {"untouched": spread(20.7), "cleaned": spread(9.2)},
    }
    _, report = answers()
    assert name_of(query) == "loss in nats of “Oslo”" and said_of(query)["untouched"]["mean"] == 20.7
    assert [each.x[0] for each in query_figure(report, query).data[1::2]] == [20.7, 9.2]
    query["probability"]["cleaned"] = spread(0.25)
    assert name_of(query) == "probability of “Oslo”"
    assert query_figure(report, query).data[3].text == ("0.250 (9.20 nats)",)
