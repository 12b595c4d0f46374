"""The commands that show scores and the queue."""

import json

from typer.testing import CliRunner

from backend.cli import app
from backend.scores.registry import scores_for


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_scores_then_the_queue_as_text_and_json(tiny_workspace):
    path = str(tiny_workspace.path)
    listed = json.loads(printed("scores", path, "--only", "dynamics", "--json"))
    assert listed["left_out"] == []
    states = {each["score"]: each["state"] for each in listed["scores"]}
    assert states.keys() == scores_for("classification").keys()
    assert states["aum"] == "current" and states["vog"] == "missing"
    items = json.loads(printed("queue", path, "--json", "--most", "2"))
    assert [each["rank"] for each in items] == [1, 2]
    reason = items[0]["reasons"][0]
    assert reason.keys() == {"score", "value", "rank", "sentence"}
    text = printed("queue", path, "--most", "2")
    assert items[0]["id"] in text and "suggestion" in text


def test_methods_are_listed_with_their_scores():
    listed = json.loads(printed("methods", "--json"))
    names = [each["method"] for each in listed["methods"]]
    assert names[0] == "we" and {"tfidf", "last-layer", "random"} <= set(names)
    assert "ekfac" in [each["score"] for each in listed["scores"]]


def test_the_table_of_scores_ends_with_what_to_do_next(tiny_workspace, inside):
    path = tiny_workspace.path

    def next_steps(*options: str) -> list[str]:
        lines = inside("scores", path, *options).stderr.splitlines()
        assert lines[-1].startswith("next: ")
        return [line.removeprefix("next: ") for line in lines if line.startswith("next: ")]

    before = next_steps("--list")
    assert before[0].startswith(f"`python -m backend scores {path}` computes ") and "dynamics" in before[0]
    assert "--only NAME` computes any of " in before[1] and "vog" in before[1]
    after = next_steps("--only", "dynamics")
    assert after[0].startswith(f"`python -m backend queue {path}` lists the rows to look at first")
    assert "dynamics" not in after[1] and "computes " in after[1]
