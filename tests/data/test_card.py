"""The data card says what was done, is that of the data beside it at every moment, and holds no markup."""

import hashlib
import json
import re
from contextlib import contextmanager

import pytest
from markdown_it import MarkdownIt

from backend.data import export as exporting
from backend.data.card import Standing
from backend.data.columns import Columns
from backend.data.dataset import load_split
from backend.data.export import card_preview, export
from backend.data.markdown import plain
from backend.data.rowstate import RowState
from backend.errors import InputError
from tests.data.helpers import bring_in, jsonl
from tests.killed import every_end

HOSTILE = (
    "<img src=x onerror=alert(1)> ![i](http://evil/x.png) [a](http://evil) | `c` **b** "
    "https://evil.example www.evil.example a@evil.example & \u202e\n# H"
)


def state(action, label=None, reason="because", author="Ann"):
    return RowState(action, label, reason, author, "2024-01-01T00:00:00+00:00")


STATES = {
    "0": state("remove"),
    "1": state("relabel", "neg", "wrong", "Bo"),
    "2": state("flag", reason=HOSTILE, author=HOSTILE[:150]),
    "4": state("remove", author="Bo"),
    "gone": state("remove", author="Nobody"),
}


@pytest.fixture
def folder(tmp_path):
    rows = [{"id": i, "text": f"text {i}", "label": ("neg", "pos")[i % 2]} for i in range(6)]
    sources = jsonl(tmp_path / "t.jsonl", rows), jsonl(tmp_path / "e.jsonl", rows[:1])
    return bring_in(tmp_path / "ws", *sources, columns=Columns("text", "label", id="id"))[0]


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "hf"])
def test_it_says_what_was_done_and_what_the_files_are(tmp_path, folder, format):
    out = tmp_path / ("out" if format == "hf" else f"out.{format}")
    standing = Standing("v1 (first pass, by Ann)", ["cleaned: accuracy +1.0 points"])
    report = export(folder, STATES, format=format, out=out, standing=standing)
    card = report.card.read_text()
    assert report.card == (
        out / "firstword-card.md" if format == "hf" else tmp_path / f"out.{format}.card.md"
    )
    assert "| removed | 2 | Ann (1), Bo (1) |" in card and "| relabelled | 1 | Bo (1) |" in card
    assert "| removed | because | 2 |" in card and "| relabelled | wrong | 1 | Bo (1) |" in card
    assert "| neg | 3 | 2 |" in card and "| pos | 3 | 2 |" in card and "Nobody" not in card
    assert "v1 \\(first pass, by Ann\\)" in card and "accuracy \\+1\\.0 points" in card
    assert "| training rows before | 6 |" in card and "| rows in this file | 4 |" in card
    assert folder.manifest().data.fingerprint in card
    manifest = json.loads(report.manifest.read_text())
    for name, mark in manifest["sha256"].items():
        assert name == report.card.name or f"| `{name}` | `{mark}` |" in card
    assert manifest["card"] == {report.card.name: hashlib.sha256(report.card.read_bytes()).hexdigest()}


def test_without_trial_version_or_decision(tmp_path, folder):
    card = export(folder, {}, format="csv", out=tmp_path / "a.csv").card.read_text()
    assert (
        "No trial of these decisions was made" in card and "none is frozen" in card and "## Why" not in card
    )
    looked = card_preview(folder, {}, "cleaned", format="csv", name="a.csv")
    same = [each.split("## Files")[0].split("## How to make")[0].splitlines()[4:] for each in (looked, card)]
    assert same[0] == same[1] and len(same[0]) > 15


def test_nothing_in_it_is_markup(folder):
    standing = Standing(HOSTILE, [HOSTILE])
    card = card_preview(folder, STATES, "patch", format="csv", name=f"a{HOSTILE}.csv", standing=standing)
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = parser.parse(card)
    inline = [child for token in tokens for child in token.children or ()]
    assert {each.type for each in inline} <= {"text", "code_inline", "softbreak", "text_special"}
    assert [each.content for each in tokens if each.type == "html_block"] == [
        "<!-- Firstword data card -->\n"
    ]
    shown = "".join(each.content for each in inline)  # readers that make links of addresses find none
    assert not re.search(r"\w://|www\.\w|\w@\w", shown) and "evil" in shown
    heads = [each.tag for each in tokens if each.type == "heading_open"]
    assert heads == ["h1", *["h2"] * (len(heads) - 1)]
    rows = [len(row.split(" | ")) for row in card.splitlines() if row.startswith("| flagged | ")]
    assert rows == [3, 4]


@pytest.mark.parametrize("break_", ["\n", "\r", "\x0b", "\u2028"])
def test_a_name_does_not_leave_the_commands(folder, break_):
    card = card_preview(folder, STATES, "patch", format="csv", name=f"a{break_}<img src=x>{break_}.csv")
    kinds = [each.type for each in MarkdownIt("commonmark", {"html": True}).enable("table").parse(card)]
    assert kinds.count("html_block") == 1 and kinds.count("html_inline") == 0
    assert break_ == "\n" or break_ not in card


def test_plain_reads_as_it_was():
    assert MarkdownIt().renderInline(plain("a < b & c *d* [e] | f_g")) == "a &lt; b &amp; c *d* [e] | f_g"
    assert plain("x" * 300, 5) == "xxxx…" and plain("a\nb\u202ec") == "a b c"


def test_what_is_no_card_is_not_replaced(tmp_path, folder):
    (tmp_path / "a.csv.card.md").write_text("# Mine")
    with pytest.raises(InputError, match="no data card"):
        export(folder, {}, format="csv", out=tmp_path / "a.csv", overwrite=True)
    assert (tmp_path / "a.csv.card.md").read_text() == "# Mine" and not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("with_card", [True, False])
def test_a_card_is_always_that_of_the_data(tmp_path, folder, with_card):
    out, card = tmp_path / "a.csv", tmp_path / "a.csv.card.md"
    seen = set()

    def prepare():
        export(folder, {}, format="csv", out=out, overwrite=True)
        if not with_card:
            card.unlink()  # as an earlier Firstword left it

    def check(whole):
        if card.exists():
            assert hashlib.sha256(out.read_bytes()).hexdigest() in card.read_text()
            mark = hashlib.sha256(card.read_bytes()).hexdigest()
            manifest = json.loads((tmp_path / "a.csv.manifest.json").read_text())
            known = [manifest["card"], manifest.get("previous", {}).get("card")]
            assert {card.name: mark} in known
        seen.add((card.exists(), len(out.read_text().splitlines())))
        assert not whole or (card.exists() and seen)

    steps = every_end(lambda: export(folder, STATES, format="csv", out=out, overwrite=True), check, prepare)
    assert steps > 15 and {(True, 5), (False, 7), (False, 5)} <= seen
    assert with_card == ((True, 7) in seen)
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_new_export_has_data_before_its_card(tmp_path, folder):
    out, card = tmp_path / "a.csv", tmp_path / "a.csv.card.md"

    def check(whole):
        assert not card.exists() or out.exists()
        assert not whole or card.exists()

    def prepare():
        for each in tmp_path.glob("a.csv*"):
            each.unlink()

    assert every_end(lambda: export(folder, STATES, format="csv", out=out), check, prepare) > 10


def test_a_fault_puts_the_old_card_back(tmp_path, folder, monkeypatch):
    out = tmp_path / "a.csv"
    export(folder, {}, format="csv", out=out)
    before = {path: path.read_bytes() for path in tmp_path.glob("a.csv*")}
    real = exporting.set_aside

    @contextmanager
    def failing(path):
        with real(path) as take:

            def take_and_fail():
                take()
                raise OSError(28, "No space left on device")

            yield take_and_fail

    monkeypatch.setattr(exporting, "set_aside", failing)
    with pytest.raises(InputError, match="No space left"):
        export(folder, STATES, format="csv", out=out, overwrite=True)
    after = {path: path.read_bytes() for path in tmp_path.glob("a.csv*")}
    assert (
        after[out] == before[out] and after[tmp_path / "a.csv.card.md"] == before[tmp_path / "a.csv.card.md"]
    )
    assert len(load_split(folder, "train")) == 6
