"""`explain` against the dense definition, on real workspaces of several architectures."""

import shutil

import numpy as np
import pytest
import torch

from backend.data.columns import Columns
from backend.data.examples import Examples
from backend.errors import InputError
from backend.influence.answers import calibration as indexing
from backend.influence.index.modes import MODES
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from tests.conftest import build_tiny, tiny_rows, write_rows
from tests.factories import SENTENCES, tiny
from tests.influence.oracle import dense_terms

SENTENCE = "a witty, witty film with a dull, dull, gorgeous story!"


def truth_for(workspace: Workspace, query: tuple[str, str | None, int]) -> torch.Tensor:
    """Dense terms (n, V) of every training example of a workspace."""
    manifest, train = workspace.manifest, workspace.train_split
    paths = [workspace.folder.checkpoint_path(each) for each in manifest.checkpoints]
    models = [load_classifier(path, attention="eager") for path in paths]
    texts_b = train.examples.pair[1] or [None] * len(train)
    labels = [manifest.classes.index(name) for name in train.labels]
    return dense_terms(
        models,
        [each.weight for each in manifest.checkpoints],
        load_tokenizer(paths[-1]),
        list(zip(train.texts, texts_b, labels, strict=True)),
        query,
        manifest.max_length or 64,
    )


def all_entries(explanation):
    return [*explanation.proponents, *explanation.opponents]


def assert_agrees(workspace, explanation, truth):
    """Every score and every token's part equals the dense definition to 1e-3."""
    positions = {row: place for place, row in enumerate(workspace.train_split.ids)}
    scores = truth.sum(dim=1).numpy()
    scale = np.abs(scores).max()
    for entry in all_entries(explanation):
        terms = truth[positions[entry.id]].numpy()
        assert entry.score == pytest.approx(scores[positions[entry.id]], rel=1e-3, abs=1e-6 * scale)
        found = np.zeros_like(terms)
        for token in entry.tokens:
            found[token.token_id] += token.score
        np.testing.assert_allclose(found, terms, rtol=1e-3, atol=1e-5 * scale)
    expected = [workspace.train_split.ids[each] for each in np.argsort(-scores, kind="stable")[:10]]
    top = [entry.id for entry in explanation.proponents[:10]]
    for found_id, true_id in zip(top, expected, strict=False):
        assert scores[positions[found_id]] == pytest.approx(scores[positions[true_id]], rel=1e-4)


@pytest.mark.parametrize(
    "architecture", ["bert", "roberta", "distilbert", "electra", "albert", "deberta", "gpt2", "bart", "t5"]
)
def test_exact_scores_are_the_dense_definition(architecture, tmp_path):
    workspace = build_tiny(tmp_path, n_train=24, n_eval=6, architecture=architecture)
    for label in ("good", "bad"):
        explanation = workspace.explain(SENTENCE, label=label, k=24, exact=True, score="dot")
        truth = truth_for(workspace, (SENTENCE, None, workspace.manifest.classes.index(label)))
        assert len(all_entries(explanation)) == int((truth.sum(dim=1) != 0).sum())
        assert_agrees(workspace, explanation, truth)


def test_pairs_agree_and_name_their_field(tmp_path):
    rows = [{**row, "other": SENTENCES[-1 - number % 12]} for number, row in enumerate(tiny_rows(24))]
    source = write_rows(tmp_path / "train.jsonl", rows)
    model = tiny("bert", tmp_path / "model", [row["text"] for row in rows] + list(SENTENCES))
    columns = Columns(text="text", text_b="other", label="label", id="id")
    workspace, _ = Workspace.create(
        tmp_path / "ws", train=str(source), eval="0.25", columns=columns, model=str(model)
    )
    workspace.train(TrainingSettings(epochs=2, lr=1e-3, batch_size=8, checkpoints=3, precision="fp32"))
    workspace.precompute()
    explanation = workspace.explain(
        SENTENCE, "a boring, dull plot", label="bad", k=24, exact=True, score="dot"
    )
    index = workspace.manifest.classes.index("bad")
    assert_agrees(workspace, explanation, truth_for(workspace, (SENTENCE, "a boring, dull plot", index)))
    entry = explanation.proponents[0]
    for word in entry.words:
        text = entry.text if word.field == "text" else entry.text_b
        assert text[word.start : word.end] == word.word
    assert {word.field for each in all_entries(explanation) for word in each.words} == {"text", "text_b"}
    with pytest.raises(InputError, match="--text-b: missing"):
        workspace.explain(SENTENCE)


@pytest.mark.parametrize("score", MODES)
@pytest.mark.parametrize("exact", [False, True], ids=["stored", "exact"])
def test_words_add_up_and_lie_where_they_say(tiny_template, score, exact):
    explanation = Workspace.open(tiny_template).explain(SENTENCE, k=15, score=score, exact=exact)
    assert explanation.proponents and explanation.opponents
    for entry in all_entries(explanation):
        close = pytest.approx(entry.score, rel=1e-5, abs=1e-9)
        assert sum(token.score for token in entry.tokens) == close
        assert sum(word.score for word in entry.words) + entry.special == close
        assert sum(word.score for word in entry.query_words) + entry.special == close
        special = sum(token.score for token in entry.tokens if token.special)
        assert entry.special == pytest.approx(special, rel=1e-4, abs=1e-6 * abs(entry.score) + 1e-12)
        assert all(entry.text[word.start : word.end] == word.word for word in entry.words)
        assert all(SENTENCE[word.start : word.end] == word.word for word in entry.query_words)


@pytest.mark.parametrize(("exact", "close"), [(True, 1e-3), (False, 0.03)])
def test_repeated_words_are_split_by_the_position_formula(tiny_template, exact, close):
    """s(i) = sum_c eta_c g_c(x, i) . g_c(q, w), from single examples without the row store."""
    workspace = Workspace.open(tiny_template)
    explainer, classes = workspace.explainer(), workspace.manifest.classes
    checkpoints, weights = explainer.checkpoints, explainer.checkpoints.weights
    explanation = workspace.explain(SENTENCE, label="bad", k=30, exact=exact, score="dot")
    query = checkpoints.trace(checkpoints.encode(Examples.one(SENTENCE)), [classes.index("bad")])[0]
    checked = 0
    for entry in all_entries(explanation):
        encoded = checkpoints.encode(Examples.one(entry.text))
        traced = checkpoints.trace(encoded, [classes.index(entry.label)])[0]
        gradients = traced.position_rows / weights[:, None, None]
        starts = {word.start: word.score for word in entry.words}
        for place, (token, offset) in enumerate(zip(encoded[0].input_ids, encoded[0].offsets, strict=True)):
            repeated = encoded[0].input_ids.count(token) > 1 and encoded[0].fields[place] == 0
            alone = entry.text[offset[0] : offset[1]] in (",", "a", "bad")
            if repeated and alone and token in query.tokens:
                slot = int(np.searchsorted(query.tokens, token))
                expected = float(np.einsum("cd,cd->", gradients[:, place], query.rows[:, slot]))
                assert starts[offset[0]] == pytest.approx(
                    expected, rel=close, abs=close / 10 * abs(entry.score) + 1e-9
                )
                checked += 1
    assert checked > 5


def test_the_default_path_asks_the_index_and_finds_the_same(tiny_workspace, monkeypatch):
    monkeypatch.setattr(indexing, "FIRST_CANDIDATES", 10)
    shutil.rmtree(tiny_workspace.folder.index)
    tiny_workspace.precompute()
    info = tiny_workspace.explainer().index_info
    assert info.candidates.keys() == info.recall.keys() == MODES.keys()
    assert 2 * max(info.candidates.values()) < len(tiny_workspace.train_split)
    for each in info.recall.values():
        assert min(each["proponents"], each["opponents"]) >= 0.99
    recall = tiny_workspace.measure_index(queries=20, k=3)
    assert min(recall["proponents"], recall["opponents"]) >= 0.95  # 8 bits may swap neighbours
    for text in (SENTENCE, "gorgeous", "the music is boring and the cast is honest"):
        for score in MODES:
            default = tiny_workspace.explain(text, k=2, score=score)
            exact = tiny_workspace.explain(text, k=2, score=score, exact=True)
            assert default.n_scored < exact.n_scored == default.n_train
            for one, other in zip(all_entries(default), all_entries(exact), strict=True):
                assert one.score == pytest.approx(other.score, rel=0.02)


def test_default_path_with_all_candidates_is_exact(tiny_template):
    workspace = Workspace.open(tiny_template)
    n = len(workspace.train_split)
    default, exact = workspace.explain(SENTENCE, k=n), workspace.explain(SENTENCE, k=n, exact=True)
    stored, true = ({e.id: e.score for e in all_entries(each)} for each in (default, exact))
    scale = max(map(abs, true.values()))
    assert stored.keys() == true.keys()
    assert all(stored[row] == pytest.approx(score, abs=0.01 * scale) for row, score in true.items())


def test_a_training_row_leaves_itself_out_and_says_so(tiny_template):
    workspace = Workspace.open(tiny_template)
    given = workspace.train_split.labels[3]
    explanation = workspace.explain(row="r3", label=given, k=60)
    assert "r3" not in [entry.id for entry in all_entries(explanation)]
    assert explanation.excluded.id == "r3"
    assert explanation.excluded.self_influence
    assert explanation.excluded.score > 0
    assert any("left out" in line for line in explanation.notes)
    other = next(name for name in workspace.manifest.classes if name != given)
    assert not workspace.explain(row="r3", label=other).excluded.self_influence


def test_self_influence_is_never_negative(tiny_template):
    workspace = Workspace.open(tiny_template)
    for row, label in zip(workspace.train_split.ids[:20], workspace.train_split.labels, strict=False):
        assert workspace.explain(row=row, label=label, k=1).excluded.score >= 0


def test_an_eval_row_brings_its_label_and_split(tiny_template):
    explanation = Workspace.open(tiny_template).explain(row="er1003", k=3)
    assert (explanation.query.split, explanation.query.row) == ("eval", "er1003")
    assert explanation.query.given in ("good", "bad")
    assert explanation.query.label == explanation.query.predicted
    assert sum(explanation.query.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert explanation.excluded is None


def test_order_of_training_rows_does_not_matter(tmp_path, tiny_template):
    original = Workspace.open(tiny_template)
    rows = tiny_rows(60)
    rows.reverse()
    train = write_rows(tmp_path / "train.jsonl", rows)
    evaluation = write_rows(
        tmp_path / "eval.jsonl", [{**row, "id": f"e{row['id']}"} for row in tiny_rows(20, 1000)]
    )
    workspace, _ = Workspace.create(
        tmp_path / "ws",
        train=str(train),
        eval=str(evaluation),
        columns=Columns(text="text", label="label", id="id"),
        model="unused",
    )
    run = tmp_path / "run"
    shutil.copytree(original.folder.checkpoints, run)
    workspace.attach(run)
    workspace.precompute()
    weights = [each.weight for each in workspace.manifest.checkpoints]
    assert weights == pytest.approx([each.weight for each in original.manifest.checkpoints])
    first = {e.id: e.score for e in all_entries(original.explain(SENTENCE, k=60, exact=True))}
    second = {e.id: e.score for e in all_entries(workspace.explain(SENTENCE, k=60, exact=True))}
    assert first.keys() == second.keys()
    scale = max(map(abs, first.values()))
    assert all(second[row] == pytest.approx(score, abs=1e-4 * scale) for row, score in first.items())


def test_json_contract(tiny_template):
    answer = Workspace.open(tiny_template).explain(SENTENCE, k=2).to_json()
    assert {
        "query",
        "method",
        "score",
        "exact",
        "n_train",
        "elapsed_ms",
        "proponents",
        "opponents",
    } <= answer.keys()
    assert {"text", "text_b", "label", "predicted", "probabilities"} <= answer["query"].keys()
    assert {"gradient", "search", "total"} == answer["elapsed_ms"].keys()
    entry = answer["proponents"][0]
    assert {"rank", "id", "text", "text_b", "label", "score", "percentile", "tokens", "words"} <= entry.keys()
    assert {"token", "token_id", "special", "score"} <= entry["tokens"][0].keys()
    assert {"word", "start", "end", "score"} <= entry["words"][0].keys()
    assert [each["rank"] for each in answer["proponents"]] == [1, 2]
    assert answer["proponents"][0]["percentile"] == 100.0
    assert answer["opponents"][0]["percentile"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "say what to explain"),
        ({"text": "a", "row": "r1"}, "not both"),
        ({"text": "   "}, "--text: empty"),
        ({"row": "nobody"}, "--row nobody: no such id"),
        ({"text": "a", "label": "ugly"}, "--label ugly: unknown; the classes are bad, good"),
        ({"text": "a", "k": 0}, "-k 0: must be at least 1"),
        ({"text": "a", "method": "magic"}, "--method magic: must be one of we"),
        ({"text": "a", "score": "magic"}, "--score magic: must be one of dot, train-normalised, cosine"),
        ({"text": "a", "text_b": "b"}, "--text-b: this workspace explains single texts"),
        ({"row": "r1", "text_b": "b"}, "--text-b: belongs to --text"),
        ({"text": "a", "split": "train"}, "--split: says where --row lies"),
    ],
)
def test_wrong_questions_are_one_line(tiny_template, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        Workspace.open(tiny_template).explain(**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["\x00\x01", "🎬" * 300, "<script>alert(1)</script>", "[SEP] [CLS] [PAD]", "\ud800"]
)
def test_hostile_texts_are_explained_or_refused(tiny_template, text):
    explanation = Workspace.open(tiny_template).explain(text, k=2)
    for entry in all_entries(explanation):
        assert sum(word.score for word in entry.query_words) + entry.special == pytest.approx(
            entry.score, rel=1e-4
        )
