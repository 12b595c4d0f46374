"""More rows for a workspace, on the Export page."""

import json
import shutil

import datasets
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


def test_a_patch_is_looked_at_then_applied(app):
    opened().keep("r2")
    page(app, "export")
    rows = [
        {"id": "r1", "action": "remove", "new_label": "", "reason": "'=<b>"},
        {"id": "r2", "action": "flag", "new_label": "", "reason": ""},
        {"id": "<img>", "action": "flag", "new_label": "", "reason": ""},
        {"id": "r3", "action": "flag", "new_label": "ugly", "reason": ""},
    ]
    app.file_uploader(key="patch-upload").upload("p.csv", csv_of(rows)).run()
    shown = words(app)
    assert not app.exception and not app.error and "<img" not in shown
    assert all(each in shown for each in ("decided otherwise here", "unknown id", "no class", "&lt;img"))
    assert set(opened().states()) == {"r2"}
    app.toggle(key="patch-replace").set_value(True).run()
    next(each for each in app.button if each.label == "Apply to 2 rows").click().run()
    assert not app.exception
    assert {row: each.action for row, each in opened().states().items()} == {"r1": "remove", "r2": "flag"}
    assert opened().states()["r1"].reason == "=<b>"
    assert next(each for each in app.button if each.label == "Apply to 0 rows").disabled


def test_a_patch_that_was_rewritten_is_read_again(app, tmp_path):
    def write(*ids: str) -> None:
        cells = {"id": list(ids)} | {key: [""] * len(ids) for key in ("new_label", "reason")}
        split = datasets.Dataset.from_dict({**cells, "action": ["flag"] * len(ids)})
        shutil.rmtree(tmp_path / "saved", ignore_errors=True)
        datasets.DatasetDict({"train": split}).save_to_disk(tmp_path / "saved")

    write("r1")
    page(app, "export")
    app.segmented_control(key="patch-from").set_value("path").run()
    app.text_input(key="patch-path").set_value(f"{tmp_path / 'saved'}:train").run()
    assert not app.exception and "Apply to 1 row" in [each.label for each in app.button]
    write("r1", "r2")
    app.run()
    assert not app.exception and "Apply to 2 rows" in [each.label for each in app.button]


def test_what_is_no_patch_is_refused_in_a_line(app):
    page(app, "export")
    app.file_uploader(key="patch-upload").upload("p.csv", csv_of(tiny_rows(2))).run()
    assert not app.exception and "no decisions; a patch has id, action" in app.error[0].value.replace(
        "\\", ""
    )
