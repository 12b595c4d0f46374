"""A log that cannot be written can be read: on a read-only file system, on a full disk, beside many."""

import multiprocessing
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from backend.errors import InputError
from backend.review import connection
from backend.review.connection import LogBusy, damage
from backend.review.ledger import Ledger

WHO = {"author": "Ann", "origin": "api"}


def flag(path: Path, *rows: str) -> None:
    Ledger(path).decide("flag", [(row, "old", None) for row in rows], reason="", **WHO)


def in_a_namespace(script: str, mount: str, python: str) -> str:
    """What ``python`` prints where ``mount`` was done; skips where no such thing is allowed."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("no user namespaces here")
    (Path(script)).write_text(textwrap.dedent(python))
    command = f"{mount} && {sys.executable} {script}"
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", command], capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def a_log_of_two(tmp_path):
    """A log whose second decision only stands beside it, as after a process that was killed."""
    home = tmp_path / "ws"
    home.mkdir()
    flag(home / "review.sqlite", "a")
    keeper = sqlite3.connect(home / "review.sqlite")  # the last to close would move it into the file
    keeper.execute("SELECT count(*) FROM log").fetchone()
    flag(home / "review.sqlite", "b")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("review.sqlite", "review.sqlite-wal"):
        shutil.copyfile(home / name, copy / name)
    keeper.close()
    return copy / "review.sqlite"


READ = """
    import sys
    sys.path.insert(0, {root!r})
    from pathlib import Path
    from backend.errors import InputError
    from backend.review.connection import damage
    from backend.review.ledger import Ledger
    ledger = Ledger(Path({log!r}))
    print(sorted(ledger.states()), damage(ledger.path))
    try:
        ledger.undo(author="Ann", origin="api")
    except InputError as error:
        print(error)
    print(sorted(each.name for each in ledger.path.parent.iterdir()))
"""


def test_a_read_only_log_is_read_whole(tmp_path, a_log_of_two):
    home = a_log_of_two.parent
    said = in_a_namespace(
        str(tmp_path / "read.py"),
        f"mount --bind {home} {home} && mount -o remount,bind,ro {home}",
        READ.format(root=str(Path.cwd()), log=str(a_log_of_two)),
    )
    states, refused, left = said.splitlines()
    assert states.startswith("['a', 'b']") and states.endswith("None")
    assert refused.endswith("review.sqlite: the log of decisions cannot be used now (it is read-only here)")
    assert left == "['review.sqlite', 'review.sqlite-wal']"


def test_a_log_on_a_full_disk_is_read_whole(tmp_path, a_log_of_two):
    disk = tmp_path / "disk"
    disk.mkdir()
    said = in_a_namespace(
        str(tmp_path / "read.py"),
        f"mount -t tmpfs -o size=200k none {disk} && cp {a_log_of_two.parent}/* {disk} "
        f"&& (head -c 1000000 /dev/zero > {disk}/fill || true) 2>/dev/null",
        READ.format(root=str(Path.cwd()), log=str(disk / "review.sqlite")),
    )
    states, refused, _ = said.splitlines()
    assert states.startswith("['a', 'b']") and states.endswith("None")
    assert refused.endswith("the log of decisions cannot be used now (the disk is full)")


WORK = """
    import sys
    sys.path.insert(0, {root!r})
    from backend.errors import InputError
    from backend.workspace import Workspace
    ws = Workspace.open({path!r})
    ws.status(), ws.explain("a witty film", k=1, device="cpu")
    ws.scores.row_table(), ws.review.diff("raw", "now")
    print(len(ws.review.log()), len(ws.review.versions()), len(ws.review.states()))
    print(ws.export("jsonl", {out!r}).n_rows, ws.verify())
    again = lambda: ws.verify(repair=True)
    for work in (ws.precompute, lambda: ws.review.flag("r5"), again, ws.scores.compute):
        try:
            work()
        except InputError as error:
            print(error)
"""


def test_a_read_only_workspace_can_be_read(tmp_path, tiny_workspace):
    tiny_workspace.review.flag("r1")
    tiny_workspace.review.remove("r2")
    tiny_workspace.review.freeze("first")
    home = tiny_workspace.path
    said = in_a_namespace(
        str(tmp_path / "work.py"),
        f"mount --bind {home} {home} && mount -o remount,bind,ro {home}",
        WORK.format(root=str(Path.cwd()), path=str(home), out=str(tmp_path / "out.jsonl")),
    )
    counts, exported, *refused = said.splitlines()
    assert counts == "2 1 2" and exported == "59 []"
    assert len(refused) == 4 and all("read-only" in line.lower() for line in refused)


def test_a_damaged_log_is_named_not_its_copy(tmp_path):
    log = tmp_path / "review.sqlite"
    flag(log, *(f"row {number}" for number in range(500)))
    log.write_bytes(log.read_bytes()[:5000])
    assert damage(log).startswith(f"{log}: ")
    log.write_bytes(b"no database at all, but text that is long enough for a header" * 10)
    assert damage(log).startswith(f"{log}: not a readable log")
    assert damage(tmp_path / "none") is None


def test_a_busy_log_is_not_called_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.01)
    flag(tmp_path / "log", "a")
    other = sqlite3.connect(tmp_path / "log", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LogBusy, match="others are writing into it all the time; try again"):
        damage(tmp_path / "log")
    other.close()


def _flag_many(path: Path, name: str, count: int) -> None:
    for number in range(count):
        flag(path, f"{name} {number}")


def test_eight_processes_decide_without_a_pause(tmp_path):
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "review.sqlite"
    workers = [context.Process(target=_flag_many, args=(log, str(number), 40)) for number in range(8)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert [each.exitcode for each in workers] == [0] * 8
    assert len(Ledger(log).states()) == 320 and damage(log) is None


def test_waiting_goes_on_where_sqlite_gives_up_early(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.1)
    flag(tmp_path / "log", "a")
    other = sqlite3.connect(tmp_path / "log", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(InputError, match="try again"):
        flag(tmp_path / "log", "b")
    other.execute("COMMIT")
    flag(tmp_path / "log", "b")
    other.close()
    assert sorted(Ledger(tmp_path / "log").states()) == ["a", "b"]
