"""More rows for a workspace, on the Export page."""

import json

import pytest

from tests.conftest import tiny_rows
from tests.pages.driver import ROOT, opened, page, words
from tests.pages.test_new_page import csv_of, press


@pytest.fixture(autouse=True)
def jobs_find_the_backend(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def test_rows_are_checked_then_appended(app):
    rows = [*tiny_rows(6, 500), {"id": "r1", "text": "twice", "label": "good", "stars": 1}]
    page(app, "export")
    app.file_uploader(key="append-upload").upload("more.csv", csv_of(rows)).run()
    assert not app.exception and not app.error
    press(app, "Check every row")
    shown = words(app)
    assert "row 7" in shown and "is in the training rows already" in shown
    assert not [each for each in app.button if each.label == "Append"]
    assert opened().manifest.data.n_train == 60
    app.toggle(key="import-skip").set_value(True).run()
    press(app, "Append")
    assert not app.exception and not app.error
    assert opened().manifest.data.n_train == 66
    assert opened().train_split.ids[-6:] == [f"r{number}" for number in range(500, 506)]
    assert "in the workspace already" in words(app)
    assert [each.label for each in app.button if each.label == "Precompute"]


def test_rows_that_do_not_fit_are_refused_in_a_line(app):
    page(app, "export")
    content = "".join(json.dumps({"text": f"a {n}", "label": "good"}) + "\n" for n in range(3))
    app.file_uploader(key="append-upload").upload("more.jsonl", content.encode()).run()
    press(app, "Check every row")
    assert not app.exception and "no column 'id'" in app.error[0].value.replace("\\", "")
    assert opened().manifest.data.n_train == 60
