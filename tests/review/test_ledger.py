"""The log: append-only, whole batches, safe from many writers, undo as a simple model has it."""

import multiprocessing
import os
import sqlite3
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data.rowstate import RowState
from backend.errors import InputError
from backend.review.ledger import Ledger

WHO = {"author": "Ann", "origin": "api"}


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "review.sqlite")


def flag(ledger, *rows, action="flag"):
    return ledger.decide(action, [(row, "old", None) for row in rows], reason="because", **WHO)


def test_nothing_yet(ledger):
    assert ledger.entries() == [] and ledger.states() == {} and ledger.state("a") is None
    assert ledger.counts() == {"keep": 0, "flag": 0, "remove": 0, "relabel": 0}
    for act in (ledger.undo, ledger.redo):
        with pytest.raises(InputError, match="nothing to"):
            act(**WHO)
    assert not ledger.path.exists()


def test_decisions_are_logged_and_derived(ledger):
    first = flag(ledger, "a", "b")
    second = ledger.decide("relabel", [("a", "old", "new")], reason="wrong", author="Bo", origin="app")
    assert (first, second) == (1, 2)
    newest, *_, oldest = ledger.entries()
    assert (newest.seq, newest.batch, newest.author, newest.action, newest.row_id) == (
        3,
        2,
        "Bo",
        "relabel",
        "a",
    )
    assert (newest.old_label, newest.new_label, newest.reason, newest.origin) == (
        "old",
        "new",
        "wrong",
        "app",
    )
    assert newest.active is True and newest.undoes is None and newest.at.endswith("+00:00")
    assert ledger.state("a") == ledger.states()["a"] == RowState("relabel", "new", "wrong", "Bo", newest.at)
    assert ledger.state("b") == RowState("flag", None, "because", "Ann", oldest.at)
    assert ledger.counts() == {"keep": 0, "flag": 1, "remove": 0, "relabel": 1}
    assert [entry.seq for entry in ledger.entries("a")] == [3, 1]
    assert [entry.seq for entry in ledger.entries(limit=1, offset=1)] == [2]


def test_undo_and_redo(ledger):
    flag(ledger, "a", "b")
    flag(ledger, "a", action="remove")
    assert [entry.row_id for entry in ledger.undo(**WHO)] == ["a"]
    assert ledger.state("a").action == "flag"
    undone = ledger.undo(author="Bo", origin="cli")
    assert {entry.row_id for entry in undone} == {"a", "b"} and not any(entry.active for entry in undone)
    assert ledger.states() == {}
    newest = ledger.entries()[0]
    assert (newest.action, newest.undoes, newest.row_id, newest.author) == ("undo", 1, None, "Bo")
    assert all(entry.active for entry in ledger.redo(**WHO))  # batch 1, undone last
    assert {row: state.action for row, state in ledger.states().items()} == {"a": "flag", "b": "flag"}
    ledger.redo(2, **WHO)
    assert ledger.state("a").action == "remove"
    ledger.undo(1, **WHO)
    assert {row: state.action for row, state in ledger.states().items()} == {"a": "remove"}
    active = {entry.seq: entry.active for entry in ledger.entries()}
    assert active == {1: False, 2: False, 3: True, 4: False, 5: False, 6: False, 7: True, 8: True}


@pytest.mark.parametrize(
    ("act", "batch", "words"),
    [
        ("undo", 99, "batch 99: no such decision"),
        ("redo", 99, "batch 99: no such decision"),
        ("undo", 1, "batch 1 is undone already"),
        ("redo", 2, "batch 2 is in force"),
        ("undo", 3, "batch 3 is itself an undo; redo"),
        ("redo", 3, "batch 3 is itself an undo; redo"),
    ],
)
def test_batches_that_cannot_be_undone_or_redone(ledger, act, batch, words):
    flag(ledger, "a")
    flag(ledger, "b")
    ledger.undo(1, **WHO)
    before = ledger.entries()
    with pytest.raises(InputError, match=words):
        getattr(ledger, act)(batch, **WHO)
    assert ledger.entries() == before


def test_nothing_left_to_undo_or_redo(ledger):
    flag(ledger, "a")
    with pytest.raises(InputError, match="nothing to redo: no decision is undone"):
        ledger.redo(**WHO)
    ledger.undo(**WHO)
    with pytest.raises(InputError, match="nothing to undo: no decision is in force"):
        ledger.undo(**WHO)


def relabel(ledger, row, old, new):
    return ledger.decide("relabel", [(row, old, new)], reason="", **WHO)


def test_a_later_flag_keeps_the_new_label(ledger):
    relabel(ledger, "a", "old", "new")
    flag(ledger, "a")
    assert (ledger.state("a").action, ledger.state("a").label) == ("flag", "new")
    assert ledger.counts() == {"keep": 0, "flag": 1, "remove": 0, "relabel": 1}
    flag(ledger, "a", action="remove")
    assert ledger.counts()["relabel"] == 0
    ledger.undo(**WHO)
    relabel(ledger, "a", "new", "old")
    assert ledger.state("a").label == "old" and ledger.counts()["relabel"] == 0


def test_what_is_redone_is_the_newest(ledger):
    flag(ledger, "a")
    ledger.undo(**WHO)
    flag(ledger, "a", action="remove")
    ledger.redo(1, **WHO)
    assert ledger.state("a").action == ledger.states()["a"].action == "flag"
    assert ledger.next_undo().batch == 1
    assert ledger.undo(**WHO)[0].batch == 1
    assert ledger.state("a").action == "remove"
    assert (ledger.next_undo().batch, ledger.next_redo().batch) == (3, 1)


def test_next_undo_and_redo_of_one_author(ledger):
    """Undo is about what one did oneself: a decision or redo; redo about what one undid oneself."""
    ledger.decide("flag", [("a", "good", None)], reason="", author="Ann", origin="app")
    ledger.decide("flag", [("b", "good", None)], reason="", author="Ben", origin="app")
    assert (ledger.next_undo().batch, ledger.next_undo("Ann").batch, ledger.next_undo("Ben").batch) == (
        2,
        1,
        2,
    )
    assert ledger.next_undo("Cy") is None
    ledger.undo(2, author="Ann", origin="app")
    assert ledger.next_undo("Ben") is None and ledger.next_undo("Ann").batch == 1
    assert ledger.next_redo("Ann").batch == 2 and ledger.next_redo("Ben") is None
    ledger.redo(2, author="Cy", origin="app")
    assert ledger.next_undo("Cy").batch == 2 and ledger.next_redo("Ann") is None


def test_next_undo_and_redo_of_an_empty_log(ledger):
    assert ledger.next_undo() is None and ledger.next_redo() is None
    flag(ledger, "a", "b")
    assert ledger.next_undo().row_id == "b" and ledger.next_redo() is None
    ledger.undo(**WHO)
    assert ledger.next_undo() is None and ledger.next_redo().action == "flag"


def test_filters_of_the_log(ledger):
    assert ledger.authors() == [] and ledger.count() == 0
    flag(ledger, "a", "b")
    ledger.decide("remove", [("a", "x", None)], reason="", author="Bo", origin="app")
    ledger.undo(1, **WHO)
    assert ledger.authors() == ["Ann", "Bo"]
    for filters, seqs in [
        ({}, [4, 3, 2, 1]),
        ({"action": "flag"}, [2, 1]),
        ({"author": "Bo"}, [3]),
        ({"active": True}, [4, 3]),
        ({"active": False}, [2, 1]),
        ({"row_id": "a", "active": False}, [1]),
        ({"action": "undo", "author": "Bo"}, []),
    ]:
        assert [entry.seq for entry in ledger.entries(**filters)] == seqs
        assert [entry.seq for entry in ledger.entries(**filters, limit=1, offset=1)] == seqs[1:2]
        assert ledger.count(**filters) == len(seqs)


def test_numbers_and_characters_that_sqlite_cannot_hold(ledger):
    flag(ledger, "a")
    before = ledger.entries()
    for call in (
        lambda: ledger.undo(2**63, **WHO),
        lambda: ledger.redo(-(2**70), **WHO),
        lambda: ledger.entries(limit=2**63),
        lambda: ledger.entries("\ud800"),
        lambda: ledger.state("\ud800"),
        lambda: ledger.count(author="\ud800"),
        lambda: flag(ledger, "b", "\udc00"),
    ):
        with pytest.raises(InputError, match=r"too large|surrogate"):
            call()
    assert ledger.entries() == before


def test_a_log_with_the_views_of_an_earlier_firstword(ledger):
    flag(ledger, "a")
    connection = sqlite3.connect(ledger.path)
    connection.executescript("CREATE VIEW state AS SELECT 1 AS x; CREATE VIEW undone AS SELECT 1 AS batch;")
    connection.close()
    assert ledger.states()["a"].action == "flag"


GOOD = {"action": "flag", "rows": [("a", "x", None)], "reason": "", "author": "Ann", "origin": "cli"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"action": "delete"}, "action 'delete': must be one of keep, flag, remove, relabel"),
        ({"action": "undo"}, "must be one of"),
        ({"rows": []}, "flag: no rows given"),
        ({"action": "relabel"}, "relabel of row 'a': needs a new label"),
        ({"rows": [("a", "x", "y")]}, "flag of row 'a': takes no new label"),
        ({"author": " "}, "author: a name is needed"),
        ({"author": "x" * 201}, "author: 201 characters; at most 200"),
        ({"author": "a\nb"}, "author: character 2 is a control character"),
        ({"reason": "x" * 2001}, "reason: 2,001 characters; at most 2,000"),
        ({"reason": "a\0"}, "reason: character 2 is a control character"),
        ({"reason": "\x1b[2J"}, "reason: character 1 is a control character"),
        ({"reason": "\ud800"}, "reason: character 1 is a control character"),
        ({"origin": "web"}, "origin 'web': must be one of cli, app, api"),
    ],
)
def test_wrong_decisions(ledger, change, words):
    with pytest.raises(InputError, match=words):
        ledger.decide(**{**GOOD, **change})
    assert not ledger.path.exists()


def test_hostile_but_allowed_texts(ledger):
    row, reason = "'; DROP TABLE log; --", "é 👩‍👩‍👧 <script> \" ' %s ?"
    ledger.decide("relabel", [(row, None, "'new'")], reason=reason, author="名", origin="app")
    assert ledger.state(row).reason == reason and ledger.state(row).label == "'new'"


# -- append-only --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log SET reason = 'forged'",
        "DELETE FROM log",
        "INSERT OR REPLACE INTO log (seq, batch, at, author, action, row_id, reason, origin) "
        "VALUES (1, 1, 'now', 'Eve', 'keep', 'a', 'forged', 'cli')",
    ],
)
def test_the_log_only_grows(ledger, statement):
    flag(ledger, "a")
    before = ledger.entries()
    connection = sqlite3.connect(ledger.path)
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        connection.execute(statement)
    connection.close()
    assert ledger.entries() == before


@pytest.mark.parametrize(
    "values",
    [
        "1, 'now', 'Eve', 'burn', 'a', NULL, '', 'cli', NULL",
        "1, 'now', 'Eve', 'keep', 'a', NULL, '', 'moon', NULL",
        "1, 'now', 'Eve', 'undo', NULL, NULL, '', 'cli', NULL",
        "1, 'now', 'Eve', 'keep', NULL, NULL, '', 'cli', NULL",
        "1, 'now', 'Eve', 'relabel', 'a', NULL, '', 'cli', NULL",
    ],
)
def test_the_table_refuses_nonsense(ledger, values):
    flag(ledger, "a")
    connection = sqlite3.connect(ledger.path)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        connection.execute(
            "INSERT INTO log (batch, at, author, action, row_id, new_label, reason, origin, undoes) "
            f"VALUES ({values})"
        )
    connection.close()


# -- damage and crashes -------------------------------------------------------------------------------


def test_not_a_database(ledger):
    ledger.path.write_bytes(b"this is no database, but long enough to look at: " * 40)
    for call in (
        ledger.states,
        ledger.entries,
        ledger.counts,
        lambda: ledger.state("a"),
        lambda: flag(ledger, "a"),
    ):
        with pytest.raises(InputError, match="not a readable log of decisions"):
            call()


def test_damaged_in_the_middle(ledger):
    flag(ledger, *(f"row {i}" for i in range(2000)))
    content = bytearray(ledger.path.read_bytes())
    content[4096:-4096] = b"\xff" * (len(content) - 8192)
    ledger.path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        ledger.entries()
    assert str(ledger.path) in str(caught.value) and "\n" not in str(caught.value)


def test_another_database(ledger):
    connection = sqlite3.connect(ledger.path)
    connection.execute("CREATE TABLE other (x)")
    connection.close()
    with pytest.raises(InputError, match="another database"):
        flag(ledger, "a")
    with pytest.raises(InputError, match="another database"):
        ledger.states()


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="cannot be used"):
        flag(Ledger(tmp_path / "gone" / "review.sqlite"), "a")


def test_empty_file_is_a_new_log(ledger):
    """What is left when a process dies between creating the file and its table."""
    ledger.path.touch()
    assert ledger.states() == {} and ledger.entries() == []
    flag(ledger, "a")
    assert len(ledger.states()) == 1


class DiesOnTheThirdRow(list):
    """Rows whose second reading, by the insert, ends the process without any cleaning up."""

    readings = 0

    def __iter__(self):
        self.readings += 1
        for number, row in enumerate(super().__iter__()):
            if self.readings == 2 and number == 2:
                os._exit(9)
            yield row


def _decide_and_die(path):
    flag_rows = DiesOnTheThirdRow([(f"row {i}", None, None) for i in range(5)])
    Ledger(path).decide("remove", flag_rows, reason="", **WHO)


def _start(target, *arguments):
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    return process


def test_a_crash_between_statements_leaves_nothing(ledger):
    flag(ledger, "a")
    before = ledger.entries()
    process = _start(_decide_and_die, ledger.path)
    process.join()
    assert process.exitcode == 9
    assert ledger.entries() == before
    assert flag(ledger, "b") == 2


# -- many writers -------------------------------------------------------------------------------------


def _write(path, name, count):
    for i in range(count):
        flag(Ledger(path), f"{name} {i}", f"{name} {i} too")


def test_threads_and_processes_write_at_once(ledger):
    """Also the first write, which creates the file, is contested."""
    processes = [_start(_write, ledger.path, f"process {i}", 10) for i in range(2)]
    threads = [threading.Thread(target=_write, args=(ledger.path, f"thread {i}", 10)) for i in range(4)]
    for worker in threads:
        worker.start()
    for worker in [*threads, *processes]:
        worker.join()
    assert [process.exitcode for process in processes] == [0, 0]
    entries = ledger.entries()
    assert len(entries) == 6 * 10 * 2 == len(ledger.states())
    assert sorted(entry.seq for entry in entries) == list(range(1, 121))
    batches = {}
    for entry in entries:
        batches.setdefault(entry.batch, set()).add(entry.row_id)
    assert sorted(batches) == list(range(1, 61))
    assert all(len(rows) == 2 for rows in batches.values())


def test_what_a_decision_depends_on_stays_as_it_is(tmp_path):
    """Of two that relabel a row only if it is not relabelled yet, one finds that it is."""
    refused = []

    def once(ledger, barrier):
        def rows(state_of):
            if state_of("a") is not None:
                raise InputError("relabelled already")
            return [("a", "old", "new")]

        barrier.wait()
        try:
            ledger.decide("relabel", rows, reason="", **WHO)
        except InputError as error:
            refused.append(str(error))

    for round in range(10):
        ledger, barrier = Ledger(tmp_path / f"{round}.sqlite"), threading.Barrier(2)
        threads = [threading.Thread(target=once, args=(ledger, barrier)) for _ in range(2)]
        for worker in threads:
            worker.start()
        for worker in threads:
            worker.join()
        assert len(ledger.entries()) == 1 and refused == ["relabelled already"] * (round + 1)


def test_the_first_decision_of_many_writers(tmp_path):
    """Fresh files over and over: no writer may see a half-made log."""
    failures = []

    def first(ledger, barrier, name):
        barrier.wait()
        try:
            flag(ledger, name)
        except InputError as error:
            failures.append(str(error))

    for round in range(12):
        ledger, barrier = Ledger(tmp_path / f"{round}.sqlite"), threading.Barrier(6)
        threads = [threading.Thread(target=first, args=(ledger, barrier, f"row {i}")) for i in range(6)]
        for worker in threads:
            worker.start()
        for worker in threads:
            worker.join()
        assert failures == [] and len(ledger.states()) == 6


def test_a_writer_waits_for_another(ledger):
    flag(ledger, "a")
    other = sqlite3.connect(ledger.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    release.start()
    flag(ledger, "b")
    release.join()
    other.close()
    assert len(ledger.states()) == 2


# -- undo as a model ----------------------------------------------------------------------------------


class Model:
    """What the log means, written down as simply as possible."""

    def __init__(self):
        self.decisions = {}  # batch -> {row: (action, label)}, the newest in force last
        self.undone = []  # in the order of undoing
        self.batch = 0

    def decide(self, action, rows):
        self.batch += 1
        self.decisions[self.batch] = dict.fromkeys(
            rows, (action, f"new {self.batch}" if action == "relabel" else None)
        )

    def undo(self, batch):
        active = [each for each in self.decisions if each not in self.undone]
        batch = batch or (active[-1] if active else None)
        if batch not in active:
            return False
        self.batch += 1
        self.undone.append(batch)
        return True

    def redo(self, batch):
        batch = batch or (self.undone[-1] if self.undone else None)
        if batch not in self.undone:
            return False
        self.batch += 1
        self.undone.remove(batch)
        self.decisions[batch] = self.decisions.pop(batch)  # as new as its redo
        return True

    def states(self):
        found = {}
        for batch, rows in self.decisions.items():
            if batch not in self.undone:
                for row, (action, label) in rows.items():
                    found[row] = (action, label or found.get(row, (None, None))[1])
        return found


batches = st.none() | st.integers(1, 8)
steps = st.one_of(
    st.tuples(
        st.sampled_from(["keep", "flag", "remove", "relabel"]), st.sets(st.sampled_from("abc"), min_size=1)
    ),
    st.tuples(st.sampled_from(["undo", "redo"]), batches),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=10))
def test_like_the_model(tmp_path_factory, steps):
    ledger, model = Ledger(tmp_path_factory.mktemp("model") / "review.sqlite"), Model()
    for action, argument in steps:
        if action in ("undo", "redo"):
            expected = getattr(model, action)(argument)
            try:
                done = {entry.batch for entry in getattr(ledger, action)(argument, **WHO)}
                assert expected and len(done) == 1
            except InputError:
                assert not expected
        else:
            model.decide(action, argument)
            new = f"new {model.batch}" if action == "relabel" else None
            assert (
                ledger.decide(action, [(row, "old", new) for row in argument], reason="", **WHO)
                == model.batch
            )
        states = {row: (state.action, state.label) for row, state in ledger.states().items()}
        assert states == model.states()
        assert all(ledger.state(row) == state for row, state in ledger.states().items())
        active = [batch for batch in model.decisions if batch not in model.undone]
        for found, wanted in ((ledger.next_undo(), active), (ledger.next_redo(), model.undone)):
            assert (found and found.batch) == (wanted[-1] if wanted else None)
    states = model.states().values()
    assert ledger.counts() == {
        **{name: sum(action == name for action, _ in states) for name in ("keep", "flag", "remove")},
        "relabel": sum(action != "remove" and label is not None for action, label in states),
    }
    for entry in ledger.entries():
        if entry.row_id is not None:
            assert entry.active == (entry.batch not in model.undone)
        else:
            newest = max(each.seq for each in ledger.entries() if each.undoes == entry.undoes)
            assert entry.active == (entry.seq == newest)


def test_states_of_many_rows_are_read_at_once(ledger, monkeypatch):
    """However many rows were decided: a few statements, not one for each."""
    ledger.decide("flag", [(f"row {i}", "x", None) for i in range(20_000)], reason="", **WHO)
    statements, connect = [], sqlite3.connect

    def traced(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    assert len(ledger.states()) == 20_000
    assert 0 < len(statements) < 30
