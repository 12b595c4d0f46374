"""The Explore page: filters, order, map, saved filters, and one decision about many rows."""

import numpy as np
import pytest

from backend.data.slice import Slice, matching, ordered
from backend.review.slices import read_slices, save_slice
from pages.components.explore import explore_map
from pages.components.explore.explore_map import map_figure
from pages.components.explore.explore_table import page_frame
from tests.pages.driver import new_app, opened, page, words
from tests.pages.factories import XSS


def listed(app) -> list[str]:
    return app.dataframe[0].value["id"].tolist()


def ids(places) -> list[str]:
    return [opened().train_split.ids[each] for each in places]


@pytest.fixture
def vectors(monkeypatch) -> np.ndarray:
    """Sentence embeddings of both splits, as if they had been computed."""
    made = np.random.default_rng(0).standard_normal((60, 6)).astype(np.float32)
    monkeypatch.setattr("backend.workspace.Workspace.has_embeddings", lambda *_: True)
    monkeypatch.setattr(
        "backend.workspace.Workspace.embeddings", lambda self, split: made[: len(self.split(split))]
    )
    return made


def test_filters_and_order_are_those_of_the_backend(app):
    page(app, "explore")
    assert not app.exception and not app.error
    assert "60 of 60 training rows" in words(app) and len(listed(app)) == 50
    app.text_input(key="rows-find").set_value("witty film").run()
    app.selectbox(key="of-class").set_value("good").run()
    app.selectbox(key="sort").set_value("loss").run()
    app.toggle(key="descending").set_value(True).run()
    assert not app.exception and not app.error
    table = opened().row_table()
    found = matching(table, Slice(search="witty film", label="good"))
    assert 0 < len(found) < 60 and listed(app) == ids(ordered(table, found, "loss", True))
    assert f"{len(found)} of 60 training rows" in words(app)


def test_filters_are_in_the_address(app):
    again = page(app, "explore", pattern="true", **{"rows-find": "wit+y", "of-class": "good"})
    assert listed(again) == ids(matching(again_table(), Slice("wit+y", True, "good")))


def again_table():
    return opened().row_table()


def test_a_bad_pattern_is_one_line_and_the_fields_stay(app):
    page(app, "explore", pattern="true", **{"rows-find": "("})
    assert not app.exception and len(app.error) == 1 and "not a pattern" in app.error[0].value
    app.text_input(key="rows-find").set_value("film").run()
    assert not app.error and listed(app)


def test_nothing_found_says_what_to_do(app):
    page(app, "explore", **{"rows-find": "qqqq"})
    assert not app.exception and "No row fits" in "".join(each.value for each in app.info)


def test_many_rows_are_decided_at_once_with_a_reason_and_undone_at_once(app):
    page(app, "explore", **{"rows-find": "witty"})
    expected = ids(matching(again_table(), Slice("witty")))
    app.button(key="bulk-button").click().run()
    assert not app.exception and f"{len(expected)} rows are marked" in words(app)
    app.button(key="bulk-apply").click().run()
    assert opened().states() == {} and "Give a reason" in app.error[0].value
    app.text_input(key="bulk-reason").set_value("one phrase")
    app.segmented_control(key="bulk-action").set_value("remove").run()
    app.button(key="bulk-apply").click().run()
    assert not app.exception
    states = opened().states()
    assert sorted(states) == sorted(expected)
    assert {(each.action, each.reason) for each in states.values()} == {("remove", "one phrase")}
    app.sidebar.button(key="sidebar-undo").click().run()
    assert opened().states() == {}


def test_removed_rows_come_back_only_if_asked_for(app):
    found = ids(matching(again_table(), Slice("witty")))
    opened().remove(found[0])
    page(app, "explore", **{"rows-find": "witty"})
    app.button(key="bulk-button").click().run()
    app.text_input(key="bulk-reason").set_value("one phrase").run()
    assert f"{len(found) - 1} rows are marked" in words(app)
    assert "1 row that is removed now" in app.checkbox(key="bulk-back").label
    app.button(key="bulk-apply").click().run()
    states = opened().states()
    assert states[found[0]].action == "remove" and {states[row].action for row in found[1:]} == {"flag"}
    app.button(key="bulk-button").click().run()
    app.text_input(key="bulk-reason").set_value("all of them").run()
    app.checkbox(key="bulk-back").check().run()
    app.button(key="bulk-apply").click().run()
    assert {each.action for each in opened().states().values()} == {"flag"}


def test_relabelling_leaves_out_what_has_the_label_already(app):
    page(app, "explore", **{"rows-find": "number 3"})
    found = matching(again_table(), Slice("number 3"))
    labels = [opened().train_split.labels[each] for each in found]
    assert set(labels) == {"good", "bad"}
    app.button(key="bulk-button").click().run()
    app.segmented_control(key="bulk-action").set_value("relabel").run()
    app.selectbox(key="bulk-label").set_value("bad")
    app.text_input(key="bulk-reason").set_value("sarcasm").run()
    app.button(key="bulk-apply").click().run()
    assert not app.exception
    wrong = [row for row, label in zip(ids(found), labels, strict=True) if label == "good"]
    assert {row: each.label for row, each in opened().states().items()} == dict.fromkeys(wrong, "bad")


def test_ticked_rows_alone_are_decided_about(app):
    page(app, "explore")
    chosen = listed(app)[2:4]
    table = "rows-table-" + app.dataframe[0].proto.id.split("rows-table-")[1]
    app.session_state[table] = {"selection": {"rows": [2, 3], "columns": [], "cells": []}}
    app.run()
    assert app.button(key="bulk-button").label == "Decide about 2 ticked"
    app.button(key="bulk-button").click().run()
    app.text_input(key="bulk-reason").set_value("both").run()
    app.button(key="bulk-apply").click().run()
    assert sorted(opened().states()) == sorted(chosen)


def test_a_saved_filter_is_kept_in_the_workspace_and_opened_again(app):
    page(app, "explore", **{"rows-find": "witty"})
    app.text_input(key="rows-name").set_value("the witty ones").run()
    app.button(key="slice-save").click().run()
    assert not app.exception and read_slices(opened().folder.slices) == {"the witty ones": Slice("witty")}
    save_slice(opened().folder.slices, "low", Slice(score="loss", low=0.25, errors=True))
    again = page(new_app(), "explore")
    again.selectbox(key="rows-slice").set_value("low").run()
    assert not again.exception
    assert (again.toggle(key="wrong").value, again.text_input(key="from").value) == (True, "0.25")
    assert again.selectbox(key="range-of").value == "loss"
    again.selectbox(key="rows-slice").set_value("the witty ones").run()
    assert listed(again) == ids(matching(again_table(), Slice("witty")))
    again.button(key="slice-clear").click().run()
    assert len(listed(again)) == 50


def test_eval_rows_are_looked_at_only(app):
    page(app, "explore", rows="Eval rows")
    assert not app.exception and "20 of 20 eval rows" in words(app)
    assert not [each for each in app.button if each.key == "bulk-button"]


def test_the_map_is_offered_where_there_are_no_embeddings(app):
    page(app, "explore")
    assert [each.label for each in app.button if each.label == "Compute sentence embeddings"]


def test_a_lasso_chooses_rows_also_those_that_are_not_drawn(app, vectors, monkeypatch):
    monkeypatch.setattr(explore_map, "MOST_POINTS", 10)
    page(app, "explore", **{"rows-find": "film"})
    assert not app.exception and "10 of " in words(app) and "a sample" in words(app)
    points = explore_map._projected.__wrapped__(str(opened().path), "", "train")
    assert np.allclose(points.mean(axis=0), 0, atol=1e-6)
    spread = vectors - vectors.mean(axis=0)
    main = np.linalg.svd(spread, full_matrices=False)[2][:2]
    assert np.allclose(np.abs(points), np.abs(spread @ main.T), atol=1e-4)
    left = {
        "selection": {"lasso": [{"x": [-99, 0, 0, -99], "y": [-99, -99, 99, 99]}], "box": [], "points": []}
    }
    chosen = explore_map._selected(points, left)
    assert chosen.tolist() == (points[:, 0] < 0).tolist()
    box = {"selection": {"lasso": [], "box": [{"x": [-99, 0], "y": [-99, 99]}], "points": []}}
    assert explore_map._selected(points, box).tolist() == chosen.tolist()
    nothing = {"selection": {"lasso": [], "box": [], "points": []}}
    assert explore_map._selected(points, nothing).all()


@pytest.mark.parametrize("colour", ["label", "predicted", "loss", None])
def test_hostile_texts_and_labels_are_escaped_on_the_map(tiny_workspace, colour):
    table = tiny_workspace.scores.row_table().slice(0, len(XSS))
    for name in ("id", "text", "label", "predicted"):
        table = table.set_column(table.column_names.index(name), name, [list(XSS)])
    every = np.arange(len(XSS))
    points = np.random.default_rng(0).standard_normal((len(XSS), 2))
    figure = map_figure(points, table, every, every[:2], colour, "light").to_json()
    assert not [
        each for each in ("<script", "<img", "<svg", "<iframe") if each in figure.replace("\\u003c", "<")
    ]


def test_a_page_cuts_long_texts_and_shows_the_sorted_score(tiny_workspace):
    table = tiny_workspace.scores.row_table().slice(0, 2)
    table = table.set_column(1, "text", [["x" * 1_000_000, "a\nb"]])
    frame = page_frame(table, np.array([1, 0]), "probability", "train")
    assert frame["text"][0] == "a b" and len(frame["text"][1]) == 300
    assert "probability of the prediction" in frame
