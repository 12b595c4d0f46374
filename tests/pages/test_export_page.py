"""The Export page, and the file behind its button."""

import csv
import io
import zipfile
from collections.abc import Callable

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager

from backend.errors import InputError
from backend.workspace import Workspace
from tests.pages.driver import opened, page, words


@pytest.fixture
def downloaded(monkeypatch) -> Callable[[], list[dict[str, str]]]:
    """The rows of the CSV behind the download button that was drawn last."""
    files: list[bytes] = []
    real = MediaFileManager.add

    def add(self, data, *args, **options):
        if not data.startswith(b"<!--"):  # the data card
            files.append(data)
        return real(self, data, *args, **options)

    monkeypatch.setattr(MediaFileManager, "add", add)
    return lambda: list(csv.DictReader(io.StringIO(files[-1].decode("utf-8"), newline="")))


def test_export_preview_and_file(app, downloaded):
    opened().remove("r1")
    page(app, "export")
    assert not app.exception
    assert "59 rows in this export" in words(app)
    assert [row["id"] for row in downloaded()] == [each for each in opened().train_split.ids if each != "r1"]
    app.segmented_control(key="export").set_value("patch").run()
    assert "1 row in this export" in words(app)
    assert [(row["id"], row["action"]) for row in downloaded()] == [("r1", "remove")]


def test_formulas_are_defused_unless_switched_off(app, downloaded):
    opened().decide("remove", ["r1"], reason="=1+1")
    page(app, "export", export="Patch")
    assert "1 cell begins like a formula and gets an apostrophe in front" in words(app)
    assert downloaded()[0]["reason"] == "'=1+1"
    app.toggle(key="defuse").set_value(False).run()
    assert "apostrophe in front" not in words(app) and downloaded()[0]["reason"] == "=1+1"


def test_an_export_that_cannot_be_made_says_why(app, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise InputError("column 'tags': a map does not fit format hf")

    page(app, "export")
    monkeypatch.setattr(Workspace, "export", refuse)
    app.segmented_control(key="format").set_value("hf").run()
    assert not app.exception and "a map does not fit" in app.error[0].value.replace("\\", "")
    assert not app.get("download_button") and "60 rows in this export" in words(app)


def test_the_data_card_is_shown_as_text_and_lies_in_the_zip(app, monkeypatch):
    files: list[bytes] = []
    real = MediaFileManager.add
    monkeypatch.setattr(
        MediaFileManager, "add", lambda self, data, *a, **o: files.append(data) or real(self, data, *a, **o)
    )
    opened().decide("remove", ["r1"], reason="<b>x</b> ![](http://evil)")
    page(app, "export")
    assert not app.exception
    (card,) = [each.value for each in app.code if "# Data card" in each.value]
    assert "| removed | &lt;b&gt;x&lt;\\/b&gt; \\!\\[\\]" in card and "| removed | 1 |" in card
    assert card.encode() in [each.rstrip(b"\n") for each in files]
    app.toggle(key="manifest").set_value(True).run()
    zipped = next(each for each in reversed(files) if each[:2] == b"PK")
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".csv.card.md")]
        assert "| removed | &lt;b&gt;x" in archive.read(name).decode()
