import pytest

from backend.data.conversation import Target
from backend.data.targets.class_space import ClassSpace
from backend.data.targets.text_space import TextSpace
from backend.review.ledger import Ledger, LogEntry, Step
from backend.workspace import Workspace
from pages.components import history
from pages.components.history import batch_of, page_of_batches, row_batch


def test_the_next_undo_and_redo_are_named(tiny_workspace: Workspace):
    ledger = tiny_workspace.ledger

    def named(entry: LogEntry | None) -> str | None:
        return batch_of(ledger, entry).name(tiny_workspace.space) if entry else None

    assert (named(ledger.next_undo()), named(ledger.next_redo())) == (None, None)
    tiny_workspace.review.remove("r1", "r2")
    other = "bad" if tiny_workspace.train_split.labels[3] == "good" else "good"
    tiny_workspace.review.relabel("r3", other)
    assert named(ledger.next_undo()) == f"relabel r3 as {other}"
    tiny_workspace.review.undo()
    assert named(ledger.next_undo()) == "remove 2 rows"
    assert named(ledger.next_redo()) == f"relabel r3 as {other}"
    tiny_workspace.review.undo()
    assert (named(ledger.next_undo()), named(ledger.next_redo())) == (None, "remove 2 rows")


def flag(ledger: Ledger, size: int) -> int:
    """One decision about ``size`` rows."""
    rows = [(f"r{n}", "x", None) for n in range(size)]
    return ledger.decide("flag", rows, reason="", author="a", origin="cli")


def test_a_row_knows_what_was_decided_with_it(tmp_path):
    ledger = Ledger(tmp_path / "review.sqlite")
    flag(ledger, 1)
    batch = flag(ledger, 5)
    ledger.decide("keep", [("r9", "x", None)], reason="", author="a", origin="cli")
    for row in ("r0", "r4"):
        found = row_batch(ledger, row)
        assert found is not None
        assert (found.number, found.rows) == (batch, "5 rows")
    assert row_batch(ledger, "nobody") is None


def test_a_very_large_batch_is_counted_but_not_read(tmp_path):
    ledger = Ledger(tmp_path / "review.sqlite")
    flag(ledger, 5 * history.FIRST)
    found = row_batch(ledger, f"r{2 * history.FIRST}")
    assert found is not None and found.name(ClassSpace(("x", "y"))) == f"flag {5 * history.FIRST} rows"
    assert len(found.entries) == history.FIRST


@pytest.mark.parametrize("size", [history.FIRST, history.READ])
def test_a_row_with_two_entries_is_counted_once_in_a_large_batch(tmp_path, size):
    """As a restore or an import makes them: relabelled and flagged at once."""
    ledger = Ledger(tmp_path / "review.sqlite")
    steps = [
        step for n in range(size) for step in (Step(f"r{n}", "relabel", "x", "y"), Step(f"r{n}", "flag", "y"))
    ]
    ledger.bring_about(lambda _: steps, note="restore v1", author="a", origin="cli")
    found = row_batch(ledger, "r0")
    assert found is not None and (found.size, found.rows) == (2 * size, f"{size:,} rows")
    (listed,), end = page_of_batches(lambda limit, at: ledger.entries(limit=limit, offset=at), 0, 3)
    assert (listed.size, listed.rows, end) == (2 * size, f"{size:,} rows", 2 * size)


@pytest.mark.parametrize("read_at_once", [2, 3, 4, 7, 50])
def test_pages_hold_every_batch_once_and_whole(tmp_path, monkeypatch, read_at_once):
    monkeypatch.setattr(history, "READ", read_at_once)
    ledger = Ledger(tmp_path / "review.sqlite")
    sizes = [1, 3, 1, 1, 6, 4, 1, 2]
    numbers = [flag(ledger, size) for size in sizes]
    found, start = [], 0
    while True:
        made, end = page_of_batches(lambda limit, at: ledger.entries(limit=limit, offset=at), start, 3)
        if not made:
            break
        assert len(made) <= 3 and end > start
        found, start = [*found, *made], end
    wanted = zip(reversed(numbers), reversed(sizes), strict=True)
    assert [(batch.number, batch.size) for batch in found] == list(wanted)


def test_a_correction_is_called_so(tmp_path):
    ledger = Ledger(tmp_path / "review.sqlite")
    new = Target({2: "Ida did.", 4: "Never."}, frozenset({3})).text()
    ledger.bring_about(lambda _: [Step("r7", "relabel", "old", new)], note="", author="a", origin="cli")
    found = row_batch(ledger, "r7")
    assert found is not None
    assert found.name(TextSpace()) == "correct r7 as Ida did. → Never. (turns taken out: 1)"
