"""The commands that show scores and the queue."""

import json

from typer.testing import CliRunner

from backend.cli import app
from backend.scores.registry import all_scores


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_scores_then_the_queue_as_text_and_json(tiny_workspace):
    path = str(tiny_workspace.path)
    listed = json.loads(printed("scores", path, "--only", "dynamics", "--json"))
    assert listed["left_out"] == []
    states = {each["score"]: each["state"] for each in listed["scores"]}
    assert states.keys() == all_scores().keys()
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
