import csv
import gc
import io
import json
import sys
import zipfile
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from backend.data.peek import peek
from backend.data.rowstate import RowState
from backend.influence.answers.explanation import Explanation, Query
from pages.components.asking.probabilities import MOST, probability_figure
from pages.components.asking.query_panel import query_text
from pages.components.badges import decision_badge, label_badge
from pages.components.class_table import class_table
from pages.components.export.export_file import Download
from pages.components.highlight import LONG, Painter
from pages.components.inspect.aggregate import word_totals
from pages.components.legend import legend
from pages.components.numbers import Unit
from pages.components.row_table import row_table
from pages.components.scale import ColourScale, list_scale
from pages.components.warming import HEAVY, warm_up
from pages.components.word_table import word_table
from tests.data.helpers import jsonl
from tests.pages.factories import XSS, entry, words_of
from tests.pages.test_markup import Reader

ALLOWED = {"div", "span", "mark", "p", "table", "thead", "tbody", "tr", "th", "td"}


def explanation(*entries, probabilities=None) -> Explanation:
    probabilities = probabilities or {"good": 0.9, "bad": 0.1}
    query = Query("a text", None, "good", "good", probabilities)
    return Explanation(query, "we", "dot", False, 10, 10, {}, list(entries), [])


@pytest.mark.parametrize("text", XSS)
def test_labels_names_and_reasons_are_escaped(text):
    state = RowState("relabel", text, text, text, text)
    for html in (
        legend(ColourScale(1.0), Unit(0, 2), text),
        decision_badge(state),
        class_table([text], {text: (1, 1)}),
    ):
        assert set(Reader(html).tags) <= ALLOWED


@pytest.mark.parametrize("text", XSS)
def test_the_chart_escapes_class_names(text):
    query = explanation(probabilities={text: 1.0}).query
    (name,) = probability_figure(query, "dark").layout.yaxis.ticktext
    assert set(Reader(name).tags) <= {"b"}


def test_a_relabel_is_shown_beside_a_later_flag():
    def shown(action, label) -> str:
        return Reader(decision_badge(RowState(action, label, "", "Ada", "now"))).data

    assert shown("flag", "positive") == "relabelled → positiveflagged"
    assert shown("relabel", "positive") == "relabelled → positive"
    assert shown("keep", None) == "kept"


def test_what_is_sent_to_the_browser_is_bounded():
    long = "x" * 1_000_000
    words = words_of(long, [1.0])
    made = explanation(entry(long, words, words, label=long), probabilities={long: 1.0})
    for html in (
        legend(ColourScale(1.0), Unit(0, 2), long),
        decision_badge(RowState("relabel", long, long, long, long)),
        label_badge(long),
        class_table([long], {long: (1, 1)}),
        word_table(made.proponents[0], Unit(0, 2)),
        Painter(ColourScale(1.0), Unit(0, 2)).text(long, words, limit=LONG),
    ):
        assert len(html) < 10_000
    assert len(query_text(long)) < 21_000
    assert "980,000 more characters" in query_text(long)


def test_the_chart_shows_the_most_probable_classes():
    many = {f"c{number}": number / 100 for number in range(20)}
    figure = probability_figure(explanation(probabilities=many).query, "light")
    assert len(figure.data[0].x) == MOST and max(figure.data[0].x) == 0.19


def test_one_scale_and_totals_over_the_whole_list():
    first = entry("x y", words_of("x y", [3.0, 1.0]), words_of("X y", [3.0, 1.0]))
    second = entry("x", words_of("x", [-9.0]), words_of("x", [-9.0]))
    made = explanation(first, second)
    assert word_totals(made) == [("x", -6.0), ("y", 1.0)]
    assert list_scale(made).limit == 9.0


def test_no_scores_no_scale():
    assert "No shared word" in legend(ColourScale(0.0), Unit(0, 2), "x")


@pytest.mark.parametrize("what", ["cleaned", "removed", "patch"])
@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "hf"])
def test_every_export_downloads(tiny_workspace, tmp_path, what, format):
    ending = "_hf.zip" if format == "hf" else f".{format}"
    tiny_workspace.review.remove("r1")
    download = Download(tiny_workspace.path, what, format, with_manifest=False)
    assert download.file_name == f"ws_{what}_raw-1-change_{date.today().isoformat()}{ending}"
    rows = read_back(download.make().content, format, tmp_path)
    wanted = {"cleaned": [each for each in tiny_workspace.train_split.ids if each != "r1"]}
    assert [row["id"] for row in rows] == wanted.get(what, ["r1"])
    if what == "patch":
        assert rows[0]["action"] == "remove"
    else:
        position = tiny_workspace.train_split.position(rows[0]["id"])
        assert rows[0]["text"] == tiny_workspace.train_split.texts[position]


def read_back(content: bytes, format: str, scratch: Path) -> list[dict]:
    """The rows of a downloaded file, read with the tool that its format is for."""
    if format == "csv":
        return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
    if format == "jsonl":
        return [json.loads(line) for line in content.decode("utf-8").splitlines()]
    if format == "parquet":
        return pq.read_table(io.BytesIO(content)).to_pylist()
    from datasets import load_from_disk

    zipfile.ZipFile(io.BytesIO(content)).extractall(scratch / "hf")
    (folder,) = (scratch / "hf").iterdir()
    return load_from_disk(str(folder)).to_list()


def test_a_zip_holds_data_manifest_and_card(tiny_workspace):
    download = Download(tiny_workspace.path, "cleaned", "jsonl", with_manifest=True)
    names = zipfile.ZipFile(io.BytesIO(download.make().content)).namelist()
    ends = (".jsonl", ".jsonl.card.md", ".jsonl.manifest.json")
    assert sorted(names) == [f"{download.stem}{end}" for end in ends]


def test_what_answers_need_is_there_before_a_page_is_drawn_and_passed_over_by_collections():
    warm_up()
    assert set(HEAVY) <= set(sys.modules) and gc.get_freeze_count() > 10_000


def test_conversations_in_a_cell_are_read_to_their_answer():
    turns = [{"role": "user", "content": f"question {n}"} for n in range(20)]
    call = {"function": {"name": "add", "arguments": {"a": 1}}}
    turns += [{"role": "assistant", "content": None, "tool_calls": [call]}]
    turns += [{"role": "assistant", "content": "<b>Lisbon</b>"}]
    drawn = str(row_table(["messages", "list"], [[turns, [True, None, "é"]]]))
    assert "question 0" in drawn and "question 10" not in drawn and "... 14 messages ..." in drawn
    assert "&lt;b&gt;Lisbon&lt;/b&gt;" in drawn and "add({&quot;a&quot;: 1})" in drawn
    assert "[true, null, &quot;é&quot;]" in drawn


@pytest.mark.parametrize("as_text", [True, False])
def test_long_conversations_can_be_read_in_the_first_rows(tmp_path, as_text):
    turns = [{"role": "user", "content": "why? " * 400}, {"role": "assistant", "content": "because"}]
    row = {"messages": json.dumps(turns) if as_text else turns}
    found = peek(jsonl(tmp_path / "a.jsonl", [row]))
    drawn = str(row_table(found.columns, found.rows))
    assert "because" in drawn and "assistant" in drawn and "&quot;role&quot;" not in drawn
