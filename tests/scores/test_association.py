"""Token-label association: z against a loop and the hypergeometric distribution, rows, the table."""

import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import hypergeom

from backend.scores import function_words
from backend.scores.function_words import content_words
from backend.scores.producers.association import LEAST_ROWS, PRODUCER, association
from backend.scores.token_label import read_token_labels, token_labels
from tests.conftest import tiny_rows, write_rows
from tests.scores.helpers import workspace_of

ROWS = [
    ("A gorgeous, GORGEOUS film", "good"),
    ("gorgeous and witty film", "good"),
    ("witty film, dull plot", "good"),
    ("dull film", "bad"),
    ("dull and gorgeous film", "bad"),
    ("the plot is dull; film!", "odd"),
    ("unseen", "odd"),
    ("!!!", "bad"),
] * 5  # so that every class has enough rows to speak


FUNCTION_WORDS = {"a", "and", "the", "is"}


def words(text: str) -> set[str]:
    return {each.strip(",;!.") for each in text.lower().split()} - {""}


def z_reference(rows, word, label) -> float:
    """(observed - expected) / sd of how many of the word's rows have the label, drawn without replacement."""
    having = [row for row in rows if word in words(row[0])]
    with_label = [row for row in rows if row[1] == label]
    drawn = hypergeom(len(rows), len(with_label), len(having))
    observed = sum(row in with_label for row in having)
    return (observed - drawn.mean()) / drawn.std() if drawn.std() else 0.0


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return workspace_of(tmp_path_factory.mktemp("words"), ROWS, ROWS[:4], num_labels=3)


def counted(workspace):
    place = {name: number for number, name in enumerate(workspace.manifest.classes)}
    labels = np.array([place[label] for _, label in ROWS])
    return token_labels(workspace.train_split, labels, len(place)), labels


def test_z_against_the_hypergeometric_distribution(workspace):
    found, _ = counted(workspace)
    classes = workspace.manifest.classes
    all_words = set().union(*(words(text) for text, _ in ROWS))
    expected = {word for word in all_words if sum(word in words(text) for text, _ in ROWS) >= 2}
    assert set(found.words) == expected and "gorgeous" in expected
    for number, word in enumerate(found.words):
        for column, label in enumerate(classes):
            joint = sum(word in words(text) and given == label for text, given in ROWS)
            assert found.counts[number, column] == joint
            assert found.z[number, column] == pytest.approx(z_reference(ROWS, word, label), abs=1e-9)


@pytest.fixture
def every_word_is_rare(monkeypatch):
    """In eight sentences every word is common."""
    monkeypatch.setattr(function_words, "COMMON", 2.0)


def test_rows_against_a_loop(workspace, every_word_is_rare):
    found, labels = counted(workspace)
    classes = workspace.manifest.classes
    margins, others, strongest = association(found, labels)
    for row, (text, label) in enumerate(ROWS):
        known = [word for word in words(text) if word in found.words]
        if not known:
            assert math.isnan(margins[row]) and strongest[row] == -1
            continue
        z = {each: {word: z_reference(ROWS, word, each) for word in known} for each in classes}
        means = {each: sum(z[each].values()) / len(known) for each in classes}
        best = max((each for each in classes if each != label), key=lambda each: means[each])
        assert margins[row] == pytest.approx(means[label] - means[best])
        assert classes[others[row]] == best
        lead = {word: z[best][word] - z[label][word] for word in known if word not in FUNCTION_WORDS}
        if max(lead.values()) <= 0:
            assert strongest[row] == -1
        else:
            assert lead[found.words[strongest[row]]] == pytest.approx(max(lead.values()))
    assert margins[4] < 0 < margins[1]  # gorgeous speaks against "bad"


def test_classes_of_a_handful_of_rows_do_not_speak(workspace):
    found, labels = counted(workspace)
    odd = list(workspace.manifest.classes).index("odd")
    few = np.where((labels == odd) & (np.arange(len(labels)) > 8), 1 - min(odd, 1), labels)
    assert 0 < np.count_nonzero(few == odd) < LEAST_ROWS
    margins, others, _ = association(found, few)
    assert np.isnan(margins[few == odd]).all() and not (others[np.isfinite(margins)] == odd).any()


def test_function_words_are_never_named():
    names = ["and", "the", "just", "gorgeous", "not", "film", "i", "fire"]
    found = content_words(names, np.array([5, 5, 5, 5, 5, 50, 5, 5]), 100)
    assert [name for name, telling in zip(names, found, strict=True) if telling] == [
        "gorgeous",
        "not",
        "fire",
    ]


def test_table_and_columns(workspace, every_word_is_rare):
    assert workspace.scores.compute(["token_association"]) == []
    table = read_token_labels(workspace.folder)
    found, labels = counted(workspace)
    assert table.column_names == ["word", "label", "count", "z"]
    classes = list(workspace.manifest.classes)
    assert table["word"].to_pylist() == [word for word in found.words for _ in classes]
    assert table["label"].to_pylist() == classes * len(found.words)
    np.testing.assert_allclose(table["z"].to_numpy(), found.z.ravel())
    assert table["count"].to_numpy().tolist() == found.counts.ravel().tolist()
    rows = workspace.scores.table().table.to_pylist()
    margins, others, strongest = association(found, labels)
    assert rows[4]["token_association"] == pytest.approx(margins[4])
    word = found.words[strongest[4]]
    said = f'its words speak for {classes[others[4]]}, most of all "{word}"'
    assert PRODUCER.scores[0].sentence.format(**rows[4]) == said
    artifact = workspace.manifest.artifacts["scores/association"]
    workspace.scores.compute(["association"])
    assert workspace.manifest.artifacts["scores/association"] == artifact


def test_the_table_is_made_where_it_is_missing_or_old(tiny_workspace, tmp_path):
    folder = tiny_workspace.folder
    first = read_token_labels(folder)
    path = folder.scores / "token_label.parquet"
    written = path.stat().st_mtime_ns
    assert read_token_labels(folder).equals(first) and path.stat().st_mtime_ns == written
    path.write_bytes(b"damaged")
    assert read_token_labels(folder).equals(first)
    tiny_workspace.append(train=str(write_rows(tmp_path / "more.jsonl", tiny_rows(30, 500))))
    assert pq.read_table(path)["count"].to_numpy().sum() < read_token_labels(folder)["count"].to_numpy().sum()


def test_no_word_twice(tmp_path):
    workspace = workspace_of(tmp_path, [("one", "a"), ("two", "b"), ("{0} three", "a")], [("one", "a")])
    workspace.scores.compute(["association"])
    assert np.isnan(workspace.scores.table().values("token_association")).all()
    assert read_token_labels(workspace.folder).num_rows == 0
