from datetime import date

import pytest

from backend.data.rowstate import RowState
from backend.influence.explanation import Explanation, Query
from pages.components.aggregate import strongest_words, word_totals
from pages.components.badges import decision_badge
from pages.components.class_table import class_table
from pages.components.export_file import Download
from pages.components.legend import legend
from pages.components.numbers import Unit
from pages.components.probabilities import MOST, probability_figure
from pages.components.scale import ColourScale, list_scale
from tests.pages.factories import XSS, entry, words_of
from tests.pages.test_markup import Reader

ALLOWED = {"div", "span", "mark", "p", "table", "thead", "tbody", "tr", "th", "td"}


def explanation(*entries, probabilities=None) -> Explanation:
    probabilities = probabilities or {"good": 0.9, "bad": 0.1}
    query = Query("a text", None, "good", "good", probabilities)
    return Explanation(query, "we", "dot", False, 10, 10, {}, list(entries), [])


@pytest.mark.parametrize("text", XSS)
def test_labels_names_and_reasons_are_escaped(text):
    made = explanation(entry(text, words_of(text, [1.0] * 9), words_of(text, [1.0] * 9)))
    state = RowState("relabel", text, text, text, text)
    for html in (
        legend(ColourScale(1.0), Unit(0, 2), text),
        strongest_words(made),
        decision_badge(state),
        class_table([text], {text: (1, 1)}),
    ):
        assert set(Reader(html).tags) <= ALLOWED


@pytest.mark.parametrize("text", XSS)
def test_the_chart_escapes_class_names(text):
    query = explanation(probabilities={text: 1.0}).query
    (name,) = probability_figure(query, "dark").layout.yaxis.ticktext
    assert set(Reader(name).tags) <= {"b"}


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
def test_every_export_downloads(tiny_workspace, what, format):
    ending = "_hf.zip" if format == "hf" else f".{format}"
    tiny_workspace.remove("r1")
    download = Download(tiny_workspace.path, what, format, with_manifest=False)
    assert download.file_name == f"ws_{what}_{date.today().isoformat()}{ending}"
    assert download.content()


def test_a_zip_holds_data_and_manifest(tiny_workspace):
    import io
    import zipfile

    download = Download(tiny_workspace.path, "cleaned", "jsonl", with_manifest=True)
    names = zipfile.ZipFile(io.BytesIO(download.content())).namelist()
    assert sorted(names) == [f"{download.stem}.jsonl", f"{download.stem}.jsonl.manifest.json"]
