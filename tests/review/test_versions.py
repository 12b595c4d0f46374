"""Versions: places in an append-only log, whatever is decided, undone, redone or restored afterwards."""

import sqlite3
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data.columns import Columns
from backend.data.rowstate import RowState
from backend.errors import InputError
from backend.review import schema
from backend.review.diff import diff
from backend.review.ledger import Ledger, Step
from backend.review.restore import restore
from backend.review.steps import same, steps_to
from backend.review.versions import NOW, RAW, freeze, last_moment, moment, since_last, versions
from tests.data.helpers import bring_in, jsonl, splits

WHO = {"author": "Ann", "origin": "api"}
LABELS = {"a": "good", "b": "bad", "c": "good"}


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "review.sqlite")


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Three training rows with the labels of `LABELS`."""
    place = tmp_path_factory.mktemp("rows")
    rows = [{"id": row, "text": f"text {row}", "label": label} for row, label in LABELS.items()]
    source = jsonl(place / "t.jsonl", rows)
    folder, _ = bring_in(
        place / "ws", source, jsonl(place / "e.jsonl", rows[:1]), columns=Columns("text", "label", id="id")
    )
    return splits(folder)[0]


def content(states):
    return {row: (state.action, state.label) for row, state in states.items()}


def decide(ledger, action, *rows, label=None, reason=""):
    decisions = [(row, LABELS.get(row), label) for row in rows]
    return ledger.decide(action, decisions, reason=reason, **WHO)


# -- freezing -----------------------------------------------------------------------------------------


def test_a_version_is_what_was_decided_then(ledger):
    decide(ledger, "remove", "a")
    first = freeze(ledger, " before the meeting ", author="Ann")
    assert (first.name, first.seq, first.message) == ("v1", 1, "before the meeting")
    decide(ledger, "relabel", "a", "b", label="good")
    ledger.undo(1, **WHO)
    second = freeze(ledger, "after", author="Bo")
    ledger.redo(1, **WHO)
    assert versions(ledger) == [first, second]
    assert content(ledger.states(first.seq)) == {"a": ("remove", None)}
    assert content(ledger.states(second.seq)) == {"a": ("relabel", "good"), "b": ("relabel", "good")}
    assert content(ledger.states())["a"] == ("remove", "good")
    assert ledger.counts(first.seq) == {"keep": 0, "flag": 0, "remove": 1, "relabel": 0}
    assert ledger.states(0) == {}


def test_names_and_how_far_one_is_from_the_last_version(ledger):
    assert since_last(ledger) == (None, 0) and last_moment(ledger).name == RAW
    decide(ledger, "flag", "a", "b")
    ledger.undo(**WHO)
    assert since_last(ledger) == (None, 0)
    with pytest.raises(InputError, match="nothing is decided now"):
        freeze(ledger, "none", author="Ann")
    ledger.redo(**WHO)
    assert since_last(ledger) == (None, 1)
    version = freeze(ledger, "one", author="Ann")
    assert since_last(ledger) == (version, 0) and moment(ledger, "v1").until == 4
    ledger.undo(**WHO)
    assert since_last(ledger) == (version, 1)
    ledger.redo(**WHO)
    assert since_last(ledger) == (version, 1), "what was redone outranks what came before it"
    ledger.undo(**WHO)
    freeze(ledger, "two", author="Ann")
    decide(ledger, "flag", "c")
    ledger.undo(**WHO)
    version = versions(ledger)[-1]
    assert since_last(ledger) == (version, 0)
    decide(ledger, "flag", "a", "b", "c")
    assert since_last(ledger) == (version, 1)
    assert moment(ledger, RAW).until == 0 and moment(ledger, NOW).until is None
    for name in ("v3", "v0", "V1", "v01", "1", "", "v99999999999", "'; DROP TABLE log"):
        with pytest.raises(InputError, match=r"no such version \(the newest is v2\)"):
            moment(ledger, name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"message": " "}, "message: say in a line"),
        ({"message": "x" * 501}, "message: 501 characters; at most 500"),
        ({"message": "a\x1b"}, "control character"),
        ({"author": ""}, "author: a name is needed"),
    ],
)
def test_wrong_freezes(ledger, change, words):
    decide(ledger, "flag", "a")
    with pytest.raises(InputError, match=words):
        freeze(ledger, **{"message": "fine", "author": "Ann", **change})
    assert versions(ledger) == []


def test_there_must_be_something_new(ledger):
    with pytest.raises(InputError, match="no decision has been made"):
        freeze(ledger, "x", author="Ann")
    assert not ledger.path.exists()
    decide(ledger, "flag", "a")
    freeze(ledger, "x", author="Ann")
    with pytest.raises(InputError, match="nothing is decided otherwise than in v1"):
        freeze(ledger, "x", author="Ann")


def test_of_many_who_freeze_at_once_one_does(ledger):
    decide(ledger, "flag", "a")
    refused, barrier = [], threading.Barrier(4)

    def one():
        barrier.wait()
        try:
            freeze(ledger, "x", author="Ann")
        except InputError as error:
            refused.append(str(error))

    workers = [threading.Thread(target=one) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(versions(ledger)) == 1 and len(refused) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE version SET seq = 0",
        "DELETE FROM version",
        "INSERT OR REPLACE INTO version VALUES (1, 0, 'now', 'Eve', 'forged')",
    ],
)
def test_versions_only_grow(ledger, statement):
    decide(ledger, "flag", "a")
    freeze(ledger, "x", author="Ann")
    before = versions(ledger)
    connection = sqlite3.connect(ledger.path)
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        connection.execute(statement)
    connection.close()
    assert versions(ledger) == before


# -- differences --------------------------------------------------------------------------------------


def test_what_differs(ledger, train):
    decide(ledger, "remove", "a", reason="odd")
    decide(ledger, "relabel", "b", label="good")
    freeze(ledger, "one", author="Ann")
    decide(ledger, "flag", "a", reason="look")
    decide(ledger, "relabel", "b", label="bad")
    decide(ledger, "keep", "c")
    decide(ledger, "remove", "gone")
    found = diff(ledger, train, last_moment(ledger), moment(ledger, NOW))
    assert {each.row: each.kinds for each in found.rows} == {
        "a": ("flagged", "brought back"),
        "b": ("relabelled back",),
        "c": ("kept",),
        "gone": ("removed",),
    }
    assert (found.rows[0].reason, found.rows[0].author) == ("look", "Ann")
    assert found.flow == {("good", "bad"): 1}
    assert found.per_class["good"]["relabelled back"] == 1 and found.counts["removed"] == 1
    back = diff(ledger, train, moment(ledger, NOW), moment(ledger, RAW))
    assert {each.row: each.kinds for each in back.rows} == {
        "a": ("flag taken off",),
        "b": ("without effect",),
        "c": ("keep taken back",),
        "gone": ("brought back",),
    }
    assert back.flow == {} and back.rows[-1].old_label is None
    assert diff(ledger, train, moment(ledger, "v1"), moment(ledger, "v1")).rows == ()


# -- restoring ----------------------------------------------------------------------------------------


def test_restore_is_one_batch_that_can_be_undone(ledger, train):
    decide(ledger, "relabel", "a", label="bad", reason="wrong")
    decide(ledger, "flag", "a", reason="ask")
    freeze(ledger, "one", author="Ann")
    decide(ledger, "remove", "a", "b")
    ledger.undo(1, **WHO)
    before = content(ledger.states())
    batch = restore(ledger, train, "v1", **WHO)
    assert content(ledger.states()) == {"a": ("flag", "bad")} and ledger.state("b") is None
    assert ledger.state("a").reason == "ask"
    assert {entry.note for entry in ledger.entries() if entry.batch == batch} == {"restore v1"}
    assert ledger.next_undo().batch == batch
    ledger.undo(**WHO)
    assert content(ledger.states()) == before
    ledger.redo(**WHO)  # entries of one batch on one row keep their order
    assert content(ledger.states()) == {"a": ("flag", "bad")} and ledger.state("a").action == "flag"
    with pytest.raises(InputError, match="v1: nothing to restore"):
        restore(ledger, train, "v1", **WHO)
    restore(ledger, train, RAW, **WHO)
    assert ledger.states() == {} and sum(ledger.counts().values()) == 0


def test_there_is_no_way_back_to_now(ledger, train, monkeypatch):
    """Not even to take back what someone else decides at that moment."""
    decide(ledger, "flag", "a")
    read = ledger.states

    def states(until=None):
        found = read(until)
        decide(ledger, "keep", "b")
        return found

    monkeypatch.setattr(ledger, "states", states)
    with pytest.raises(InputError, match="now: nothing to restore"):
        restore(ledger, train, NOW, **WHO)


def test_a_restore_that_fails_leaves_nothing(ledger):
    decide(ledger, "flag", "a")
    before = ledger.entries()
    steps = [Step("a", "keep", "good"), Step("b", "burn", "good")]
    with pytest.raises(sqlite3.IntegrityError):
        ledger.bring_about(lambda _: steps, note="restore v1", **WHO)
    with pytest.raises(InputError, match="control character"):
        ledger.bring_about(lambda _: [Step("a", "keep", None, None, "\x1b")], note="restore v1", **WHO)
    with pytest.raises(InputError, match="nothing to change"):
        ledger.bring_about(lambda _: [], note="restore v1", **WHO)
    assert ledger.entries() == before


class Replay:
    """What a log means, by going through all of it anew: nothing is kept but what was done."""

    def __init__(self):
        self.batches = []  # (row, wanted) pairs of a decision or restore; (undo or redo, number)

    def in_force(self, upto=None):
        """Numbers of the batches in force in their order -> number of what brought them into force."""
        found, undone = {}, set()
        for number, batch in enumerate(self.batches[:upto], start=1):
            if isinstance(batch, tuple):
                action, target = batch
                (undone.add if action == "undo" else undone.discard)(target)
                if action == "redo":
                    found.pop(target)
                    found[target] = number
            else:
                found[number] = number
        return {number: since for number, since in found.items() if number not in undone}

    def states(self, upto=None):
        found = {}
        for number in self.in_force(upto):
            for row, wanted in self.batches[number - 1]:
                found[row] = wanted(found.get(row))
        return {row: state for row, state in found.items() if state is not None}

    def changes(self, since):
        now, then = self.in_force(), self.in_force(since)
        return len({number for number, at in now.items() if at > since} | (then.keys() - now.keys()))


def _decision(action, label):
    return lambda state: (action, label or (state and state[1]))


def _set(wanted):
    return lambda state: wanted


rows = st.sets(st.sampled_from("abc"), min_size=1)
acts = st.one_of(
    st.tuples(st.sampled_from(["keep", "flag", "remove"]), rows, st.none()),
    st.tuples(st.just("relabel"), rows, st.sampled_from(["good", "bad"])),
    st.tuples(st.sampled_from(["undo", "redo"]), st.none(), st.none() | st.integers(1, 6)),
    st.tuples(st.just("freeze"), st.none(), st.none()),
    st.tuples(st.just("restore"), st.none(), st.sampled_from(["raw", "v1", "v2"])),
)


@settings(max_examples=60, deadline=None)
@given(acts=st.lists(acts, min_size=3, max_size=12))
def test_like_a_replay(tmp_path_factory, train, acts):
    ledger, replay = Ledger(tmp_path_factory.mktemp("replay") / "review.sqlite"), Replay()
    frozen = {"raw": 0}  # name -> how many batches there were
    for action, chosen, extra in acts:
        try:
            if action == "freeze":
                frozen[freeze(ledger, "x", author="Ann").name] = len(replay.batches)
            elif action == "restore":
                before, then = replay.states(), replay.states(frozen.get(extra))
                restore(ledger, train, extra, **WHO)
                changed = [row for row in {*before, *then} if before.get(row) != then.get(row)]
                replay.batches.append([(row, _set(then.get(row))) for row in changed])
            elif action in ("undo", "redo"):
                done = getattr(ledger, action)(extra, **WHO)
                replay.batches.append((action, done[0].batch))
            else:
                decide(ledger, action, *chosen, label=extra)
                replay.batches.append([(row, _decision(action, extra)) for row in chosen])
        except InputError as error:
            assert any(
                words in str(error) for words in ("nothing", "no such", "undone", "in force", "itself")
            )
    assert content(ledger.states()) == replay.states()
    assert all(ledger.state(row) == ledger.states().get(row) for row in LABELS)
    for name, count in frozen.items():
        assert content(ledger.states(moment(ledger, name).until)) == replay.states(count)
    last, changes = since_last(ledger)
    assert changes == replay.changes(frozen[last.name] if last else 0)


states = st.none() | st.builds(
    lambda action, label: RowState(action, label or ("bad" if action == "relabel" else None), "", "", ""),
    st.sampled_from(["keep", "flag", "remove", "relabel"]),
    st.sampled_from([None, "good", "bad"]),
)


@settings(max_examples=40, deadline=None)
@given(before=states, after=states)
def test_any_state_can_be_brought_about_from_any_other(tmp_path_factory, before, after):
    ledger = Ledger(tmp_path_factory.mktemp("steps") / "review.sqlite")
    for wanted in (before, after):
        present = ledger.state("a")
        if not same(present, wanted):
            made = steps_to({"a": wanted}, {"a": present} if present else {}, LABELS)
            assert 1 <= len(made) <= 2
            ledger.bring_about(lambda _, made=made: made, note="test", **WHO)
        assert same(ledger.state("a"), wanted) and same(ledger.states().get("a"), wanted)


# -- logs of an earlier Firstword ---------------------------------------------------------------------

FIRST_SCHEMA = """
CREATE TABLE log (seq INTEGER PRIMARY KEY AUTOINCREMENT, batch INTEGER NOT NULL, at TEXT NOT NULL,
    author TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('keep', 'flag', 'remove', 'relabel', 'undo', 'redo')),
    row_id TEXT, old_label TEXT, new_label TEXT, reason TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('cli', 'app', 'api')), undoes INTEGER,
    CHECK ((action IN ('undo', 'redo')) = (undoes IS NOT NULL)),
    CHECK ((row_id IS NULL) = (undoes IS NOT NULL)), CHECK ((action = 'relabel') = (new_label IS NOT NULL)));
CREATE INDEX log_row ON log (row_id, seq) WHERE row_id IS NOT NULL;
CREATE INDEX log_batch ON log (batch);
CREATE INDEX log_undoes ON log (undoes, seq) WHERE undoes IS NOT NULL;
CREATE TRIGGER log_no_update BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_no_delete BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_no_replace BEFORE INSERT ON log WHEN EXISTS (SELECT 1 FROM log WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
INSERT INTO log (batch, at, author, action, row_id, old_label, new_label, reason, origin, undoes) VALUES
    (1, 't1', 'Ann', 'remove', 'a', 'good', NULL, 'odd', 'cli', NULL),
    (1, 't1', 'Ann', 'remove', 'b', 'bad', NULL, 'odd', 'cli', NULL),
    (2, 't2', 'Bo', 'relabel', 'c', 'good', 'bad', '', 'app', NULL),
    (3, 't3', 'Bo', 'undo', NULL, NULL, NULL, '', 'app', 1);
PRAGMA journal_mode = WAL;
PRAGMA user_version = 1;
"""


@pytest.fixture
def first(ledger):
    """A log as the first Firstword wrote it."""
    connection = sqlite3.connect(ledger.path)
    connection.executescript(FIRST_SCHEMA)
    connection.close()
    return ledger


def user_version(ledger):
    connection = sqlite3.connect(ledger.path)
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return found


def test_an_earlier_log_is_read_as_it_is_and_brought_up_by_the_first_write(first):
    entries = first.entries()
    assert content(first.states()) == {"c": ("relabel", "bad")}
    assert content(first.states(3)) == {"a": ("remove", None), "b": ("remove", None), "c": ("relabel", "bad")}
    assert versions(first) == [] and since_last(first) == (None, 1) and user_version(first) == 1
    assert freeze(first, "as it was", author="Ann").seq == 4
    assert user_version(first) == schema.VERSION and first.entries() == entries
    assert decide(first, "flag", "a") == 4 and first.entries()[0].seq == 5
    connection = sqlite3.connect(first.path)
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        connection.execute("DELETE FROM log")
    connection.close()


def test_bringing_it_up_is_whole_or_not_at_all(first, monkeypatch):
    entries = first.entries()
    whole = schema.UPGRADE
    for at in ("DROP TABLE log_1;", "CREATE TABLE version", "COMMIT;"):
        monkeypatch.setattr(schema, "UPGRADE", whole.replace(at, f"SELECT no_such_function(); {at}"))
        with pytest.raises(InputError, match="cannot be used now"):
            decide(first, "flag", "a")
        assert user_version(first) == 1 and first.entries() == entries
    monkeypatch.setattr(schema, "UPGRADE", whole)
    workers = [threading.Thread(target=decide, args=(first, "flag", f"row {i}")) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(first.entries()) == len(entries) + 4


def test_a_later_log_is_refused(ledger):
    connection = sqlite3.connect(ledger.path)
    connection.executescript("CREATE TABLE log (x); PRAGMA user_version = 3;")
    connection.close()
    for call in (ledger.states, lambda: versions(ledger), lambda: decide(ledger, "flag", "a")):
        with pytest.raises(InputError, match="not a log of decisions of version 1 to 2"):
            call()
