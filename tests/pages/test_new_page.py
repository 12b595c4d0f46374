"""The New page: sources, columns, the check, the build; and files that are not what they should be."""

import gzip
import json
import time
from io import BytesIO
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from backend.data.columns import Columns
from backend.data.uploads import keep_upload, kept_upload
from backend.errors import InputError
from backend.files import write_json
from backend.jobs.listing import all_jobs
from backend.jobs.process import job_path, job_state
from backend.workspace import Workspace
from pages.components.data_source import UPLOADS
from pages.components.job_panel import LOGS
from pages.components.new.new_start import check_name
from pages.components.typed_name import allowed_model, allowed_path, typed_hub_id
from tests.conftest import tiny_rows, write_rows
from tests.factories import tiny
from tests.pages.driver import ROOT, new_app, page, words
from tests.pages.factories import XSS


@pytest.fixture
def fresh(monkeypatch, tmp_path) -> AppTest:
    """The app where there is no workspace at all; jobs run as on a real machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIRSTWORD_WORKSPACE", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return new_app()


def csv_of(rows: list[dict]) -> bytes:
    lines = [",".join(rows[0]), *(",".join(f'"{cell}"' for cell in row.values()) for row in rows)]
    return "\n".join(lines).encode()


def upload(app: AppTest, content: bytes, name: str = "reviews.csv") -> AppTest:
    page(app, "new")
    return app.file_uploader(key="train-upload").upload(name, content).run()


def press(app: AppTest, label: str) -> AppTest:
    """Press a button that starts a job, and wait for the job."""
    next(each for each in app.button if each.label == label).click().run()
    end = time.monotonic() + 120
    while time.monotonic() < end:
        states = [job_state(path.parent) for path in LOGS.glob("*/job.json")]
        if states and all(state and state.state != "running" for state in states):
            return app.run()
        time.sleep(0.2)
    raise AssertionError("the job did not end")


def test_the_welcome_page_leads_here(fresh):
    fresh.run()
    assert not fresh.exception
    assert any("New workspace" in each.proto.label for each in fresh.get("page_link"))


def test_first_rows_and_guessed_columns(fresh):
    upload(fresh, csv_of(tiny_rows(30)))
    assert not fresh.exception and not fresh.error
    shown = words(fresh)
    assert all(name in shown for name in ("text", "label", "stars", tiny_rows(1)[0]["text"][:20]))
    chosen = {each.label: each.value for each in fresh.selectbox}
    assert (chosen["Text"], chosen["Label"], chosen["Id"]) == ("text", "label", "id")
    assert (chosen["Second text"], chosen["Group"]) == ("(none)", "(none)")


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (range(30), "regression"),
        ([place / 2 for place in range(30)], "regression"),
        ([[0], [0, 1]] * 15, "multilabel"),
        (["a", "b"] * 15, "classification"),
    ],
)
def test_what_is_learnt_is_guessed_from_the_labels(labels, task, fresh):
    rows = [{"text": f"text {place}", "label": label} for place, label in enumerate(labels)]
    upload(fresh, json.dumps(rows).encode(), "rows.json")
    assert not fresh.exception and not fresh.error
    (asked,) = [each for each in fresh.segmented_control if each.label == "What is learnt"]
    assert asked.value == task


def test_the_check_says_what_init_would_say_and_build_makes_it(fresh, tmp_path):
    rows = tiny_rows(60)
    rows[4]["text"], rows[39]["id"] = " ", "r3"
    model = tiny("bert", tmp_path / "model", [row["text"] for row in rows])
    upload(fresh, csv_of(rows))
    press(fresh, "Check every row")
    assert not fresh.exception and not fresh.error
    shown = words(fresh)
    assert "row 5" in shown and "blank text" in shown  # left out
    assert "row 40" in shown and "occurs before, in row 4" in shown  # would stop the import
    assert not list(Path("cache").glob("*/workspace.json"))
    fresh.toggle(key="new-skip").set_value(True).run()
    fresh.segmented_control(key="model-from").set_value("folder").run()
    fresh.text_input(key="new-folder").set_value(str(model)).run()
    fresh.text_input(key="new-name").set_value("mine").run()
    press(fresh, "Build")
    assert not fresh.exception and not fresh.error
    built = Workspace.open("cache/mine")
    assert built.status()["next"] is None
    assert built.manifest.data.n_train + built.manifest.data.n_eval == 58
    assert built.manifest.data.n_rejected == 2
    assert "**mine** is ready." in words(fresh)
    fresh.button(key="open-mine").click().run()
    assert fresh.session_state["ws"] == "mine"
    next(each for each in fresh.button if each.label == "Dismiss").click().run()
    assert all_jobs(LOGS, "build") == [] and Path("cache/mine/workspace.json").is_file()


def test_leaving_out_a_bad_row_leaves_a_class_with_a_separator(fresh):
    rows = [{"text": f"text {i}", "label": ("a", "b", "a/b")[i % 3]} for i in range(60)]
    upload(fresh, csv_of([*rows, {"text": "last", "label": "a"}]) + b"\nragged,a,more\n")
    press(fresh, "Check every row")
    assert not fresh.exception and "one cell; --skip-joined-labels" in words(fresh)
    assert not _left_out(fresh)
    fresh.toggle(key="new-skip").set_value(True).run()
    fresh.toggle(key="new-joined").set_value(True).run()
    press(fresh, "Check every row")
    assert not fresh.exception and _left_out(fresh) == ["20 rows that cannot be used would be left out"]


def _left_out(page):
    return [each.label for each in page.expander if "left out" in each.label]


def test_a_failed_build_says_why_and_can_be_continued(fresh):
    folder = job_path(["build", "cache/mine", "--train=gone.csv"], LOGS)
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(
        json.dumps({"args": ["build", "cache/mine", "--train=gone.csv"], "pid": 1, "created": 0.0})
    )
    (folder / "progress.json").write_text(json.dumps({"state": "failed", "error": "gone.csv: no such file"}))
    page(fresh, "new")
    assert "gone\\.csv\\: no such file" in fresh.error[0].value
    assert [each.label for each in fresh.button if each.label == "Continue"]


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "a.csv", "is empty"),
        (b'text,label\n"open,a\n', "a.csv", "never closed"),
        (b"\x00\x01 no parquet", "a.parquet", "not a readable Parquet file"),
        (b"no gzip", "a.csv.gz", "cannot be read to its end"),
        (b"[1, 2]\n", "a.jsonl", "holds no row that can be read"),
        (b"_fw_id,text\n1,x\n", "a.csv", "kept for us"),
        (b"a,a\n1,2\n", "a.csv", "two columns are named"),
    ],
)
def test_wrong_files_are_refused_in_a_line(fresh, content, name, message):
    upload(fresh, content, name)
    assert not fresh.exception
    said = "\n".join(each.value for each in fresh.error)
    assert message in said.replace("\\", "")


def test_wrong_columns_are_said_before_and_by_the_check(fresh):
    upload(fresh, csv_of(tiny_rows(30)))
    label = next(each for each in fresh.selectbox if each.label == "Label")
    label.set_value("text").run()
    assert "named twice" in fresh.error[0].value
    next(each for each in fresh.selectbox if each.label == "Label").set_value("id").run()
    next(each for each in fresh.selectbox if each.label == "Id").set_value("(none)").run()
    press(fresh, "Check every row")
    assert "Failed" in fresh.error[0].value and "share of 0.2" in fresh.error[0].value.replace("\\", "")


@pytest.mark.parametrize("text", XSS)
def test_markup_in_cells_columns_and_names_stays_text(fresh, text):
    rows = [{text: f"{text} {n}", "label": ("a", text)[n % 2]} for n in range(6)]
    upload(fresh, "".join(json.dumps(row) + "\n" for row in rows).encode(), f"{text}.jsonl".replace("\0", ""))
    assert not fresh.exception
    html = "".join(each.proto.body for each in fresh.get("html") if each.proto.body.startswith("<"))
    assert not any(tag in html for tag in ("<script", "<img", "<svg", "<iframe", "<math", "<!--"))
    kept = [path for path in UPLOADS.rglob("*") if path.is_file()]
    assert all(
        set(path.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
        for path in kept
    )


@pytest.mark.parametrize(
    "name", ["../../evil.csv", "..\\evil.csv", "/etc/passwd.csv", "<>.csv", "\u202e.csv", "a" * 500 + ".csv"]
)
def test_an_upload_lies_in_our_folder_whatever_it_is_called(tmp_path, name):
    path = keep_upload(BytesIO(b"text,label\n"), name, tmp_path / "home")
    assert path.resolve().is_relative_to((tmp_path / "home").resolve()) and path.suffix == ".csv"
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    place = path.relative_to(tmp_path / "home").as_posix()
    assert kept_upload(place, tmp_path / "home") == path
    assert kept_upload(f"../{place}", tmp_path) is None and kept_upload("../x.csv", tmp_path) is None


def test_uploads_of_other_kinds_or_too_large_are_refused(tmp_path, monkeypatch):
    for name in ("a.pkl", "a.zip", "a.parquet.gz", "csv", ""):
        with pytest.raises(InputError, match="cannot read this kind of file"):
            keep_upload(BytesIO(b"x"), name, tmp_path)
    monkeypatch.setattr("backend.data.uploads.MOST_BYTES", 10)
    with pytest.raises(InputError, match="more than"):
        keep_upload(BytesIO(b"x" * 11), "a.csv", tmp_path)
    with pytest.raises(InputError):
        keep_upload(BytesIO(b"no gzip"), "a.csv.gz", tmp_path)
    assert not list(tmp_path.iterdir())
    kept = keep_upload(BytesIO(b"no gzip"), "a.csv", tmp_path)
    with pytest.raises(InputError):
        keep_upload(BytesIO(b"no gzip"), "a.csv.gz", tmp_path)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [kept]


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "-x", "a b", "<b>", "é", "a" * 61])
def test_names_that_are_no_folder_of_ours_are_refused(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="use letters"):
        check_name(name)


def test_a_name_that_is_taken_is_refused(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    check_name("mine")
    (tmp_path / "cache" / "mine").mkdir(parents=True)
    with pytest.raises(InputError, match="exists already"):
        check_name("mine")


def test_paths_outside_the_folder_that_the_server_reads_from(monkeypatch, tmp_path):
    inside, outside = tmp_path / "data", tmp_path / "secret.csv"
    inside.mkdir()
    (inside / "link.csv").symlink_to(outside)
    assert allowed_path(f'"{outside}"') == str(outside)
    monkeypatch.setenv("FIRSTWORD_ROOT", str(inside))
    assert allowed_path(str(inside / "a.csv")) == str(inside / "a.csv") and allowed_path("") == ""
    for path in (
        outside,
        inside / ".." / "secret.csv",
        inside / "link.csv",
        "file:///etc/passwd",
        "~",
        "~nobody/here",
        "a.csv",
        f"{outside.parent}:/data/x",  # a colon parts a folder from its split
        f"{outside.parent}:/../{inside}/x",
    ):
        with pytest.raises(InputError, match="the folder that this server reads from"):
            allowed_path(str(path))


@pytest.mark.parametrize("typed", ["/etc", "~", "./x", "a/../../etc", "file:///etc", "var/log/x", "/no/such"])
def test_a_hub_id_does_not_tell_what_is_there(monkeypatch, tmp_path, typed):
    monkeypatch.setenv("FIRSTWORD_ROOT", str(tmp_path))
    with pytest.raises(InputError, match="no hub id"):
        typed_hub_id(typed)
    with pytest.raises(InputError, match="the folder that this server reads from"):
        allowed_model(typed)
    for hub in ("owner/name", "https://hf.co/owner/name", "owner/name@a/b:train"):
        assert allowed_model(hub) == typed_hub_id(hub) != ""


def ask_hub_model() -> None:
    import streamlit

    from backend.errors import InputError
    from pages.components.new.new_model import HUB, _ask_start

    try:
        streamlit.write(_ask_start(HUB))
    except InputError as error:
        streamlit.error(str(error))


def test_a_folder_is_no_hub_id_of_a_model(tmp_path):
    write_json(tmp_path / "model" / "config.json", {})
    app = AppTest.from_function(ask_hub_model).run()
    app.text_input(key="new-hub").set_value(str(tmp_path / "model")).run()
    assert "is a folder here; choose Folder" in app.error[0].value
    app.text_input(key="new-hub").set_value("owner/name").run()
    assert not app.error and not app.exception


def ask_run() -> None:
    import streamlit

    from backend.errors import InputError
    from pages.components.new.new_model import _ask_run

    try:
        streamlit.write(str(_ask_run()))
    except InputError as error:
        streamlit.error(str(error))


def test_a_run_given_a_level_off_is_told_as_by_attach(tmp_path):
    checkpoint = tmp_path / "search" / "run-0" / "checkpoint-5"
    write_json(checkpoint / "config.json", {})
    app = AppTest.from_function(ask_run).run()
    for given, said in (
        (tmp_path / "search", f"no checkpoint-* folders here, but in {checkpoint.parent};"),
        (checkpoint / "config.json", f"is a file; the run is {checkpoint.parent}"),
        (tmp_path / "none", "no such folder"),
        (f"{tmp_path}/a\0b", "no such folder"),
    ):
        app.text_input(key="new-run").set_value(str(given)).run()
        assert said in app.error[0].value and not app.exception
    for given in (checkpoint.parent, checkpoint):
        app.text_input(key="new-run").set_value(str(given)).run()
        assert not app.error and not app.exception


def test_the_page_refuses_them_however_they_come(fresh, monkeypatch, tmp_path):
    monkeypatch.setenv("FIRSTWORD_ROOT", str(tmp_path / "data"))
    train = write_rows(tmp_path / "t.jsonl", tiny_rows(30))
    page(fresh, "new", **{"train-from": "Path on this machine", "train-path": str(train)})
    assert "the folder that this server reads from" in fresh.error[0].value and not fresh.dataframe


def test_a_path_on_this_machine_and_an_eval_file(fresh, tmp_path):
    train, evaluation = tmp_path / "t.jsonl.gz", write_rows(tmp_path / "e.jsonl", tiny_rows(10, 100))
    train.write_bytes(gzip.compress(write_rows(tmp_path / "t.jsonl", tiny_rows(30)).read_bytes()))
    page(fresh, "new", **{"train-from": "Path on this machine"})
    fresh.text_input(key="train-path").set_value(str(tmp_path / "nowhere.csv")).run()
    assert "no such file or folder" in fresh.error[0].value
    fresh.text_input(key="train-path").set_value(str(train)).run()
    fresh.segmented_control(key="eval-from").set_value("file").run()
    assert "4. Check" in words(fresh) and not [
        each for each in fresh.button if each.label == "Check every row"
    ]
    next(each for each in fresh.segmented_control if each.key == "eval-source-from").set_value("path").run()
    fresh.text_input(key="eval-source-path").set_value(str(evaluation)).run()
    press(fresh, "Check every row")
    assert not fresh.exception and not fresh.error
    report = Workspace.dry_run(
        train=str(train), eval=str(evaluation), columns=Columns("text", "label", id="id")
    )
    assert (report.n_train, report.n_eval) == (30, 10)
    assert "4. Check" in words(fresh) and f"{report.overlap:,}" in words(fresh)
