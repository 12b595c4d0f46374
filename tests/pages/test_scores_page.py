"""The Scores page: the data map, one score, all scores, one row; jobs for what is missing."""

import json

import numpy as np
import pytest

from backend.queue.queue import class_numbers
from backend.queue.row import row_scores
from backend.scores.dynamics import look_count
from backend.scores.registry import all_scores, producers_for
from pages.components.scores.pruning_curve import curve_of
from pages.components.scores.score_groups import by_correctness, by_decision, by_label
from pages.components.scores.score_map import sampled, too_few_looks
from tests.pages.driver import opened, page, words


@pytest.fixture
def scored(app, tiny_workspace):
    """The app on a workspace with scores that need no encoder."""
    tiny_workspace.scores.compute(["dynamics", "association"])
    return app


def plots(app) -> list[dict]:
    return [json.loads(each.proto.spec) for each in app.get("plotly_chart")]


def test_the_job_is_offered_where_there_are_no_scores(app):
    page(app, "scores")
    assert not app.exception and not app.error
    assert "training dynamics" in app.info[0].value
    assert [each.label for each in app.button if each.label == "Compute dynamics"]


def test_the_map_draws_every_row_with_its_place(scored):
    page(scored, "scores")
    assert not scored.exception and not scored.error
    (figure,) = plots(scored)
    table = opened().scores()
    drawn = {
        place: (x, y)
        for trace in figure["data"]
        for place, x, y in zip(
            numbers(trace["customdata"]), numbers(trace["x"]), numbers(trace["y"]), strict=True
        )
    }
    assert sorted(drawn) == list(range(len(table.ids)))
    expected = np.stack([table.values("variability"), table.values("confidence")], axis=1)
    assert np.allclose([drawn[place] for place in sorted(drawn)], expected)


def test_a_row_shows_all_its_scores_and_can_be_decided(scored):
    row = opened().train_split.ids[3]
    page(scored, "scores", about=row)
    assert not scored.exception and not scored.error
    shown = words(scored)
    table = opened().scores()
    found = row_scores(table, class_numbers(opened().train_split), 3)
    assert [each.score.name for each in found] == [name for name in all_scores() if name in table.names]
    for each in found:
        assert each.score.name in shown
    scored.button(key="flag-scores").click().run()
    assert {name: state.action for name, state in opened().states().items()} == {row: "flag"}


def test_an_unknown_row_is_said(scored):
    page(scored, "scores", about="<b>nobody")
    assert not scored.exception
    assert "no training row" in scored.error[0].value and "<b>" not in scored.error[0].value


def test_both_ends_of_a_score(scored):
    page(scored, "scores", show="One score", **{"score-of": "area under the margin"})
    assert not scored.exception and not scored.error
    values = np.sort(opened().scores().values("aum"))
    shown = scored.dataframe[0].value["value"].tolist()
    assert np.allclose(shown, values[: len(shown)])
    scored.segmented_control(key="end").set_value("other").run()
    shown = scored.dataframe[0].value["value"].tolist()
    assert np.allclose(shown, values[::-1][: len(shown)])


def test_the_histogram_counts_every_row_and_marks_the_chosen_one(scored):
    row = opened().train_split.ids[5]
    page(scored, "scores", show="One score", about=row, **{"score-of": "confidence"})
    assert not scored.exception and not scored.error
    (figure,) = plots(scored)
    assert sum(numbers(figure["data"][0]["y"])) == len(opened().train_split)
    assert figure["layout"]["shapes"][0]["x0"] == pytest.approx(opened().scores().values("confidence")[5])


def test_a_missing_score_is_named_with_its_job(scored):
    page(scored, "scores", show="One score", **{"score-of": all_scores()["grand"].title})
    assert not scored.exception and not scored.error
    assert "missing" in words(scored)
    assert [each.label for each in scored.button if each.label == "Compute grand"]


def test_all_scores_with_states_and_what_comes_first(scored):
    page(scored, "scores", show="All scores")
    assert not scored.exception and not scored.error
    shown = words(scored)
    for name, producer in producers_for("classification").items():
        assert name in shown
        assert all(score.title in shown for score in producer.scores_for("classification"))
    labels = [each.label for each in scored.button]
    assert "Run influence first" in labels and "Compute vog" in labels and "Compute dynamics" not in labels


def test_row_scores_count_and_speak_only_for_reasons(tiny_workspace):
    tiny_workspace.scores.compute(["dynamics"])
    table = tiny_workspace.scores.table()
    values = table.values("aum")
    worst, best = int(values.argmin()), int(values.argmax())
    classes = class_numbers(tiny_workspace.train_split)
    first = {each.score.name: each for each in row_scores(table, classes, worst)}["aum"]
    last = {each.score.name: each for each in row_scores(table, classes, best)}["aum"]
    assert first.is_reason and first.sentence and first.above == 0.0 and first.value == values[worst]
    assert (
        not last.is_reason
        and not last.sentence
        and last.above == pytest.approx((values < values[best]).mean())
    )


def test_groups_of_the_map():
    names, groups = by_correctness(np.array([1.0, 0.5, 0.2, 0.0]))
    assert [names[each] for each in groups] == names
    labels = [f"c{each}" for each in range(12) for _ in range(12 - each)]
    names, groups = by_label(labels)
    assert len(names) == 8 and names[:2] == ["c0", "c1"] and names[-1] == "other classes"
    assert all(names[group] in (label, "other classes") for label, group in zip(labels, groups, strict=True))
    assert by_label(["a", "b", "a"])[0] == ["a", "b"]
    assert by_decision(["a", "b"], {})[1].tolist() == [0, 0]


def test_a_large_map_is_sampled_with_the_chosen_row():
    drawn = sampled(np.arange(10_000), 7, most=100)
    assert (
        7 in drawn and len(drawn) in (100, 101) and (drawn == sampled(np.arange(10_000), 7, most=100)).all()
    )
    assert sampled(np.arange(5), None).tolist() == list(range(5))


def test_a_pruning_curve_is_read_from_the_report(scored):
    def arm(name, x, mean, sd=0.01):
        return {"name": name, "x": x, "figures": {"accuracy": {"mean": mean, "sd": sd}}}

    arms = [arm("all rows", 1.0, 0.8), arm("el2n 50%", 0.5, 0.7), arm("random 50%", 0.5, 0.6, None)]
    report = {"strategy": "prune", "reference": "all rows", "seeds": [0, 1], "options": {}, "arms": arms}
    curve = curve_of(report)
    assert (curve.score, curve.seeds) == ("el2n", 2)
    assert curve.pruned == [(0.5, 0.7, 0.01), (1.0, 0.8, 0.01)]
    assert curve.random == [(0.5, 0.6, 0.0), (1.0, 0.8, 0.01)]
    place = opened().path / "retrains" / "20260101-000000-prune"
    place.mkdir(parents=True)
    (place / "report.json").write_text(json.dumps(report))
    broken = place.with_name("20270101-000000-prune")
    broken.mkdir()
    (broken / "report.json").write_text("{")
    page(scored, "scores", show="All scores")
    assert not scored.exception and not scored.error
    assert "What pruning by a score did" in [each.value for each in scored.subheader]


def numbers(values) -> list:
    """A column of a figure, as plotly writes it: a list, or packed."""
    if isinstance(values, dict):
        import base64

        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    return list(values)


@pytest.mark.parametrize(("looks", "said"), [(1, "once only"), (2, "2 times only"), (4, None)])
def test_a_map_of_few_looks_says_that_it_cannot_tell(looks, said, tiny_workspace, monkeypatch):
    folder = tiny_workspace.folder
    details = {**tiny_workspace.manifest.artifacts["dynamics"].details, "epochs": [looks, 9]}
    folder.record("dynamics", ("data",), **details)
    found = too_few_looks(tiny_workspace)
    assert found is None if said is None else said in found


def test_an_attached_run_is_looked_at_at_its_checkpoints(tiny_workspace):
    tiny_workspace.folder.forget("dynamics")
    assert look_count(tiny_workspace.folder) == 3 and "3 times" in too_few_looks(tiny_workspace)
