"""What a page asks of the disk when it is drawn again: counted, not timed."""

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from backend import folder as folder_module
from backend.look import look_again, once, one_look
from backend.review import connection
from tests.pages.driver import new_app, page

CONNECTIONS = 10  # to the log of decisions: undo and redo alone ask five times
PAGES = (
    *("overview", "inspect", "pair", "review", "explore", "words", "scores"),
    *("sources", "changes", "export", "retrain", "new", "jobs", "help"),
)


@pytest.fixture
def asked(monkeypatch) -> Counter:
    """Counts reads of the manifest, tables read whole, and connections to the log."""
    counts: Counter[str] = Counter()

    def counted(owner, name: str, what: str) -> None:
        plain = getattr(owner, name)

        def watched(*arguments, **options):
            counts[what] += 1
            return plain(*arguments, **options)

        monkeypatch.setattr(owner, name, watched)

    counted(folder_module.Folder, "_read_manifest", "manifests")
    counted(pq, "read_table", "tables")
    counted(pq.ParquetFile, "read", "tables")
    counted(connection, "_connected", "connections")
    return counts


@pytest.fixture
def reviewed(erring_workspace, monkeypatch, tmp_path):
    """With scores, words, influence and decisions."""
    erring_workspace.compute_influence()
    erring_workspace.scores.compute()
    erring_workspace.audit.compute_words()
    first, second = erring_workspace.train_split.ids[:2]
    erring_workspace.review.flag(first)
    erring_workspace.review.remove(second, reason="odd")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(erring_workspace.path))
    return erring_workspace


def test_a_page_that_is_drawn_again_asks_little(reviewed, asked):
    queries = {"pair": {"test": reviewed.eval_split.ids[0], "train": reviewed.train_split.ids[0]}}
    app, found = new_app(), {}
    for name in PAGES:
        page(app, name, **queries.get(name, {}))
        assert not app.exception, name
        asked.clear()
        app.run()
        assert not app.exception, name
        found[name] = dict(asked)
        for key in queries.get(name, {}):
            del app.query_params[key]
    assert {name: each.get("manifests", 0) for name, each in found.items()} == dict.fromkeys(PAGES, 1)
    assert [name for name, each in found.items() if each.get("tables")] == []
    assert max(each.get("connections", 0) for each in found.values()) <= CONNECTIONS, found


def test_one_look_asks_once_until_something_is_written():
    answers = iter(range(10))
    ask = lambda: once("question", lambda: next(answers))  # noqa: E731
    assert [ask(), ask()] == [0, 1], "without a look every question is asked anew"
    with one_look():
        assert [ask(), ask()] == [2, 2]
        with one_look():
            assert ask() == 2
        look_again()
        assert [ask(), ask()] == [3, 3]
    assert ask() == 4


def test_what_a_page_writes_it_sees_at_once(reviewed):
    with one_look():
        before = reviewed.manifest
        reviewed.folder.record("sources", ("index",), id="0" * 16)
        assert reviewed.manifest.artifacts["sources"].id == "0" * 16 and "sources" not in before.artifacts


def test_another_look_sees_what_others_wrote(reviewed):
    path = Path(reviewed.path)
    with one_look():
        first = reviewed.manifest
        other = folder_module.Folder.open(path)
        content = (path / "workspace.json").read_text(encoding="utf-8")
        changed = json.dumps({**json.loads(content), "max_length": 7})
        (path / "workspace.json").write_text(changed, encoding="utf-8")
        assert other.manifest() is first, "within a look all parts of a page speak of one state"
        assert other.has_moved_on()
    assert other.manifest().max_length == 7 != first.max_length
