"""What a killed process left is swept; what another process is writing stays."""

import multiprocessing
import sqlite3
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from backend.data.slice import Slice
from backend.files import replacing
from backend.folder import Folder
from backend.review.ledger import Ledger
from backend.review.slices import read_slices, save_slice
from backend.scratch import exchange, sweep
from tests.killed import every_end


def test_a_sweep_leaves_what_is_being_written(tmp_path):
    with replacing(tmp_path / "a.json") as temporary:
        temporary.write_text("new")
        sweep(tmp_path)
        assert temporary.read_text() == "new"
    assert (tmp_path / "a.json").read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_sweep_deletes_what_nobody_writes_any_more(tmp_path):
    (tmp_path / ".a.json.12345678.tmp").mkdir()
    (tmp_path / ".[b].12345678.tmp").mkdir()
    (tmp_path / ".b.tmp" / "replaced").mkdir(parents=True)  # whatever made it, no name of ours
    sweep(tmp_path, "[b]")
    assert sorted(each.name for each in tmp_path.iterdir()) == [".a.json.12345678.tmp", ".b.tmp"]
    sweep(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_sweep_for_a_name_leaves_what_the_user_called_alike(tmp_path):
    theirs = {
        ".demo.notes.tmp",
        ".demo.backup-1.tmp",
        ".demo.1234567.tmp",
        ".demo.x.12345678.tmp",
        ".demo..tmp",
    }
    for name in theirs:
        (tmp_path / name).mkdir()
    made = Path(tempfile.mkdtemp(prefix=".demo.", suffix=".tmp", dir=tmp_path))
    sweep(tmp_path, "demo")
    assert {each.name for each in tmp_path.iterdir()} == theirs and not made.exists()


def test_two_folders_change_places(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(name)
    swapped = exchange(tmp_path / "a", tmp_path / "b")
    there = [(tmp_path / name / "name").read_text() for name in ("a", "b")]
    assert there == (["b", "a"] if swapped else ["a", "b"])
    assert swapped or sys.platform != "linux"  # other systems may have no such step
    assert not exchange(tmp_path / "a", tmp_path / "nowhere")


@pytest.mark.parametrize("swaps", [True, False])
def test_a_folder_is_replaced_or_put_back_wherever_it_ends(tmp_path, monkeypatch, swaps):
    if not swaps:  # another system than Linux
        monkeypatch.setattr("backend.files.exchange", lambda one, other: False)
    home = tmp_path / "home"

    def write(content):
        with replacing(home / "data") as temporary:
            temporary.mkdir()
            (temporary / "content").write_text(content)

    def check(whole):
        sweep(home)
        assert [each.name for each in home.iterdir()] == ["data"]
        assert (home / "data" / "content").read_text() in (["new"] if whole else ["old", "new"])

    assert every_end(lambda: write("new"), check, lambda: write("old")) > 5


def _take_the_lock(path, stop):
    folder = Folder(path)
    while not stop.is_set():
        with folder.lock():
            pass


@pytest.fixture
def a_busy_workspace(tmp_path):
    """A folder whose lock another process takes and gives back all the time."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    other = context.Process(target=_take_the_lock, args=(tmp_path, stop))
    other.start()
    yield tmp_path
    stop.set()
    other.join()


def test_first_decisions_and_saved_slices_beside_a_process_that_takes_the_lock(a_busy_workspace):
    folder = a_busy_workspace
    for number in range(60):
        for old in folder.glob("review.sqlite*"):
            old.unlink()
        Ledger(folder / "review.sqlite").decide(
            "flag", [("r1", "good", None)], reason="", author="Ann", origin="api"
        )
        save_slice(folder / "slices.json", f"s{number}", Slice())
    assert len(read_slices(folder / "slices.json")) == 60
    with sqlite3.connect(folder / "review.sqlite") as log:
        assert log.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_many_threads_write_and_sweep_the_same_file(tmp_path):
    def write(number):
        for _ in range(20):
            with replacing(tmp_path / "a") as temporary:
                temporary.write_text(str(number))
            sweep(tmp_path)

    threads = [threading.Thread(target=write, args=(each,)) for each in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
