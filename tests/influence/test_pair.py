"""One pair, wherever it ranks: its numbers are those of the lists, and its words add up."""

import numpy as np
import pytest

from backend.errors import InputError
from backend.influence.answers.explanation import Entry, Pair
from backend.influence.answers.recent import Recent
from backend.influence.answers.registry import all_methods
from backend.influence.answers.search import Searcher
from backend.influence.gradients.traced import TracedExample
from backend.influence.rowstore.store import RowStore
from backend.model.tokenization import Encoded
from backend.workspace import Workspace

PAIRABLE = [name for name, method in all_methods().items() if method.words and method.scores_all]


@pytest.fixture(scope="module")
def workspace(tiny_template) -> Workspace:
    return Workspace.open(tiny_template)


@pytest.mark.parametrize("method", PAIRABLE)
def test_a_pair_is_the_entry_of_the_full_list_and_adds_up(workspace, method):
    row = workspace.eval_split.ids[3]
    every = workspace.explain(row=row, split="eval", method=method, k=60)
    listed = [*every.proponents[::7], *every.opponents[::7]]
    assert listed
    for entry in listed:
        pair = workspace.explain_pair(entry.id, row=row, split="eval", method=method)
        assert pair.sign == (1 if entry.score > 0 else -1)
        assert pair.entry.rank == entry.rank
        assert pair.entry.score == pytest.approx(entry.score, rel=1e-4)
        assert pair.entry.percentile == pytest.approx(entry.percentile)
        _adds_up(pair)


def _adds_up(pair: Pair) -> None:
    """Pairs, special tokens and rounding are the score; the pairs of a word are what the word carries."""
    entry: Entry = pair.entry
    size = sum(abs(each.score) for each in entry.words) + abs(entry.special) + 1e-12
    assert sum(each.score for each in pair.pairs) + entry.special + pair.other == pytest.approx(entry.score)
    assert abs(pair.other) < 0.02 * size  # repeated tokens are stored rounded
    for side, words in (("train", entry.words), ("query", entry.query_words)):
        for word in words:
            own = sum(each.score for each in pair.pairs if getattr(each, side) == word)
            assert own == pytest.approx(word.score, rel=1e-3, abs=0.02 * size)


def test_a_repeated_word_has_a_ribbon_to_each_of_its_places(workspace):
    row = workspace.train_split.ids[0]
    text = workspace.train_split.texts[0]
    pair = workspace.explain_pair(row, f"{text} and {text}")
    twice = {(each.train.start, each.query.start) for each in pair.pairs}
    assert len(twice) == len(pair.pairs) >= 2 * len(pair.entry.words)
    _adds_up(pair)


def test_the_histogram_is_of_all_scores(workspace):
    """Against a list as long as the training set: every row but the query itself."""
    row = workspace.train_split.ids[5]
    train = next(each for each in workspace.train_split.ids if each != row)
    pair = workspace.explain_pair(train, row=row, split="train")
    found = workspace.explain(row=row, split="train", k=len(workspace.train_split))
    scores = [each.score for each in (*found.proponents, *found.opponents)]
    scores += [0.0] * (len(workspace.train_split) - 1 - len(scores))
    assert sum(pair.scores.counts) == len(scores)
    counts, edges = np.histogram(scores, bins=len(pair.scores.counts))
    assert np.allclose(edges, pair.scores.edges, rtol=1e-3, atol=1e-12)
    assert np.abs(counts - pair.scores.counts).sum() <= 4  # a score at an edge may fall on either side


def test_nothing_shared_is_a_pair_of_score_0(workspace):
    row = workspace.train_split.ids[5]
    pair = workspace.explain_pair(row, "qqq", method="tfidf")
    assert (pair.sign, pair.entry.score, pair.pairs) == (0, 0.0, [])


@pytest.mark.parametrize(
    ("train", "arguments", "message"),
    [
        ("nobody", {"text": "a film"}, "not in train"),
        ("r5", {"row": "r5", "split": "train"}, "two rows"),
        ("r5", {"text": "a film", "method": "we-syn"}, "can't show any pair"),
    ],
)
def test_wrong_pairs_are_one_line(workspace, train, arguments, message):
    with pytest.raises(InputError, match=message):
        workspace.explain_pair(train, **arguments)


def test_neighbours_are_the_largest_cosines(tiny_workspace, monkeypatch):
    vectors = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    monkeypatch.setattr("backend.model.neighbours.embeddings_are_stored", lambda *_: True)
    monkeypatch.setattr("backend.model.neighbours.stored_embeddings", lambda *_: vectors)
    found = tiny_workspace.neighbours("r7", 5)
    cosines = sorted(
        ((float(vectors[7] @ each), -at) for at, each in enumerate(vectors) if at != 7), reverse=True
    )
    assert [each.position for each in found] == [-at for _, at in cosines[:5]]
    assert [each.similarity for each in found] == pytest.approx([each for each, _ in cosines[:5]], rel=1e-5)


def test_neighbours_need_embeddings(tiny_workspace):
    with pytest.raises(InputError, match="no sentence embeddings"):
        tiny_workspace.neighbours("r7")


@pytest.mark.parametrize("method", ["we", "we-nocommon"])
def test_a_pair_reads_no_more_rows_than_a_list_does(workspace, monkeypatch, method):
    """By the index; the strongest and the pair itself by their rows, so other ranks are estimates."""
    row = workspace.eval_split.ids[3]
    every = workspace.explain(row=row, split="eval", method=method, k=60)
    read: list[int] = []

    add_terms = RowStore.add_terms

    def watched(self, terms, examples, slots, query):
        read.append(len(examples))
        return add_terms(self, terms, examples, slots, query)

    monkeypatch.setattr(Searcher, "shortlist", lambda self, mode, k: 5)
    monkeypatch.setattr(RowStore, "add_terms", watched)
    monkeypatch.setattr(Searcher, "many_scores", None)  # no scan
    for entry in (*every.proponents[::5], *every.opponents[::5]):
        read.clear()
        pair = workspace.explain_pair(entry.id, row=row, split="eval", method=method)
        assert max(read) <= 10 and pair.estimated
        assert pair.known or entry.rank > 5
        assert pair.entry.rank == entry.rank or not pair.known
        assert pair.entry.score == pytest.approx(entry.score, rel=1e-4)
        assert abs(pair.entry.rank - entry.rank) <= 2
        _adds_up(pair)


def test_the_next_pair_of_a_question_asks_neither_models_nor_index(tiny_workspace, monkeypatch):
    row, (one, other) = tiny_workspace.eval_split.ids[3], tiny_workspace.train_split.ids[:2]
    fresh = {each: Workspace.open(tiny_workspace.path).explain_pair(each, row=row) for each in (one, other)}
    explainer, counts = tiny_workspace.explainer(), dict.fromkeys(("trace", "first"), 0)
    trace, first = explainer.checkpoints.trace, explainer.searcher.first_scores

    def counted(name, call):
        def counting(*given, **options):
            counts[name] += 1
            return call(*given, **options)

        return counting

    monkeypatch.setattr(explainer.checkpoints, "trace", counted("trace", trace))
    monkeypatch.setattr(explainer.searcher, "first_scores", counted("first", first))
    tiny_workspace.explain(row=row)
    assert counts == {"trace": 1, "first": 1}
    for each in (one, other, one):
        pair = tiny_workspace.explain_pair(each, row=row)
        assert pair.entry == fresh[each].entry and pair.scores == fresh[each].scores
    assert counts == {"trace": 1, "first": 1}
    tiny_workspace.explain_pair(one, row=row, score="dot")
    assert counts == {"trace": 1, "first": 2}, "another score is another answer, of the same gradients"
    tiny_workspace.explain_pair(one, row=row, label=tiny_workspace.manifest.classes[0])
    tiny_workspace.explain_pair(one, row=row, label=tiny_workspace.manifest.classes[1])
    assert counts["trace"] == 2, "one of the two labels is what was asked first"
    tiny_workspace.explain_pair(one, text=tiny_workspace.eval_split.texts[3] + "!")
    assert counts["trace"] == 3


def test_the_longest_unused_goes_first():
    recent, made = Recent(2, 100), []
    for key in ("a", "b", "a", "c", "a", "b"):
        assert recent.get(key, lambda key=key: made.append(key) or key) == key
    assert made == ["a", "b", "c", "b"]


def test_results_are_kept_by_what_they_take():
    recent, shared = Recent(6, 1000), np.zeros(50)
    for name in "abc":
        recent.get(name, lambda: (shared, np.zeros(30)))
    assert len(recent) == 2 and recent.held == 400 + 2 * 240  # what they share counts once
    whole = np.zeros(100)
    recent.get("d", lambda: whole[:10])
    assert len(recent) == 1 and recent.held == 800, "a part keeps all of it"
    made = []
    for _ in range(2):
        large = recent.get("e", lambda: made.append(0) or np.zeros(126))
        assert large.nbytes == 1008
    assert len(made) == 2 and recent.held == 800, "too large to be kept"


def test_what_a_question_works_out_later_counts():
    encoded = Encoded([5, 6], None, [(0, 1), (1, 2)], [0, 0], False)
    slots = np.array([0, 1])
    traced = TracedExample(encoded, slots, slots, np.zeros((2, 2, 10), np.float32), 0.0)
    recent = Recent(6, 1 << 20)
    recent.get("q", lambda: traced)
    before = recent.held
    assert before == slots.nbytes + traced.position_rows.nbytes
    later = traced.rows.nbytes
    assert recent.held == before + later
