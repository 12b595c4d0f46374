"""Words as culprits against the dense definition, the whole-set table, and single searches."""

import json
import shutil
from collections import defaultdict

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from backend.cli import app
from backend.data.examples import Examples
from backend.errors import InputError
from backend.influence.answers import culprits
from backend.influence.answers.culprits import error_query, misclassified, shard_terms
from backend.influence.answers.token_words import token_words
from backend.influence.index.modes import MODES
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.prediction_table import Predictions
from backend.model.tokenization import encode, special_ids
from backend.model.training_settings import TrainingSettings
from backend.scores.settings import ScoreSettings
from backend.workspace import Workspace
from tests.conftest import tiny_rows
from tests.factories import ARCHITECTURES, SENTENCES, tiny
from tests.influence.oracle import dense_gradient
from tests.scores.helpers import workspace_of


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A third of the eval labels are wrong, so that a model that has learnt misclassifies those rows."""
    train = [(row["text"], row["label"]) for row in tiny_rows(60)]
    evaluation = [(row["text"], row["label"]) for row in tiny_rows(20, 1000)]
    other = {"good": "bad", "bad": "good"}
    evaluation[::3] = [(text, other[label]) for text, label in evaluation[::3]]
    made = workspace_of(tmp_path_factory.mktemp("words"), train, evaluation)
    made.train(TrainingSettings(epochs=3, lr=2e-3, batch_size=8, checkpoints=3, precision="fp32"))
    made.precompute()
    return made


@pytest.fixture
def own(workspace, tmp_path):
    """A copy for one test to change."""
    return Workspace.open(shutil.copytree(workspace.path, tmp_path / "ws"))


@pytest.fixture(scope="module")
def dense(workspace):
    """Terms (n, V) on the sum of all errors, from the gradient of the embedding matrix of every example."""
    manifest, folder = workspace.manifest, workspace.folder
    train, split = examples(workspace.train_split), examples(workspace.eval_split)
    wrong = np.flatnonzero(~workspace.predictions("eval").correct)
    assert len(wrong) >= 2
    total = 0.0
    for each in manifest.checkpoints:
        path = folder.checkpoint_path(each)
        model, tokenizer = load_classifier(path, attention="eager"), load_tokenizer(path)

        def gradient(text, label, model=model, tokenizer=tokenizer):
            return dense_gradient(model, tokenizer, text, None, manifest.classes.index(label)).double()

        asked = sum(gradient(*split[row]) for row in wrong)
        terms = [each.weight * (gradient(*row) * asked).sum(dim=1) for row in train]
        total = total + torch.stack(terms).numpy()
    return total


def examples(split):
    return list(zip(split.texts, split.labels, strict=True))


def close(found, truth):
    """Stored rows are rounded to 8 bits."""
    np.testing.assert_allclose(found, truth, atol=0.02 * np.abs(truth).max())


def test_the_table_is_the_dense_definition(workspace, dense):
    workspace.audit.compute_words(score="dot")
    table = workspace.audit.words().to_pydict()
    assert table["net"] == sorted(table["net"])
    ids = np.array(table["token_id"])
    close(table["harmful"], np.minimum(dense, 0).sum(axis=0)[ids])
    close(table["helpful"], np.maximum(dense, 0).sum(axis=0)[ids])
    np.testing.assert_allclose(table["net"], np.add(table["harmful"], table["helpful"]))
    assert set(np.flatnonzero(np.abs(dense).sum(axis=0))) <= set(ids)
    tokenizer = workspace.explainer().checkpoints.tokenizer
    encoded = encode(tokenizer, Examples.of(workspace.train_split.texts), 64)
    for token, count, rows, terms in zip(
        ids, table["n_rows"], table["top_rows"], table["top_terms"], strict=True
    ):
        assert count == sum(token in each.input_ids for each in encoded)
        assert len(rows) == min(5, np.count_nonzero(dense[:, token] < 0)) or np.abs(terms).max() < 1e-2
        close(terms, [dense[workspace.train_split.position(row), token] for row in rows])
        assert terms == sorted(terms)


@pytest.mark.parametrize(
    "score", ["dot", "train-normalised", "cosine", "adam", "fisher", "ekfac", "whitened"]
)
def test_terms_of_a_row_add_up_to_its_influence_on_errors(workspace, score):
    workspace.compute_influence(score=score, k=3)
    explainer, mode = workspace.explainer(), MODES[score]
    query = error_query(explainer, misclassified(explainer), mode)
    sums = np.zeros(explainer.searcher.count)
    for part in shard_terms(explainer.searcher, query, mode):
        np.add.at(sums, part.owners, part.terms)
    errors = workspace.influence().train["errors"].to_numpy()
    np.testing.assert_allclose(sums, errors, atol=1e-5 * np.abs(errors).max())


def test_shards_are_one_table(own):
    """Top rows and sums over several shards are those over one."""
    own.compute_words(score="dot")
    whole = own.words()
    explainer, mode = own.explainer(), MODES["dot"]
    query = error_query(explainer, misclassified(explainer), mode)
    (part,) = shard_terms(explainer.searcher, query, mode)
    found = culprits.TokenTally(query.tokens)
    for start in range(0, 60, 7):
        here = (part.owners >= start) & (part.owners < start + 7)
        cut = culprits.ShardTerms(
            range(start, start + 7), part.slots[here], part.owners[here], part.terms[here]
        )
        found.add(cut)
    place = {token: slot for slot, token in enumerate(query.tokens.tolist())}
    ids = own.train_split.ids
    for row in whole.to_pylist():
        slot = place[row["token_id"]]
        assert found.harmful[slot] == pytest.approx(row["harmful"])
        assert found.counts[slot] == row["n_rows"]
        kept = found.worst.positions[slot][found.worst.positions[slot] >= 0]
        assert [ids[each] for each in kept] == row["top_rows"]


def test_words_of_one_row(workspace, dense):
    found = workspace.audit.row_words("t3", score="dot")
    whole = dense[3].sum()
    assert found.score == pytest.approx(whole, abs=0.02 * np.abs(dense[3]).sum())
    assert sum(each.score for each in found.words) + found.special == pytest.approx(found.score, abs=1e-6)
    assert sum(each.score for each in found.tokens) == pytest.approx(found.score, abs=1e-6)
    text = workspace.train_split.texts[3]
    assert all(text[each.start : each.end] == each.word for each in found.words)
    with pytest.raises(InputError, match="row 'nobody' is not in train"):
        workspace.audit.row_words("nobody")


def test_alignment_of_one_row_at_the_word_embeddings(workspace):
    found = workspace.audit.row_alignment("t5")
    manifest, folder, split = workspace.manifest, workspace.folder, workspace.eval_split
    text, label = workspace.train_split.texts[5], workspace.train_split.labels[5]
    expected: dict[int, float] = defaultdict(float)
    for each in manifest.checkpoints:
        path = folder.checkpoint_path(each)
        model, tokenizer = load_classifier(path, attention="eager"), load_tokenizer(path)
        own = dense_gradient(model, tokenizer, text, None, manifest.classes.index(label)).double()
        clean = [
            dense_gradient(model, tokenizer, t, None, manifest.classes.index(y)).double()
            for t, y in zip(split.texts, split.labels, strict=True)
        ]
        terms = each.weight * (own * (sum(clean) / len(clean))).sum(dim=1)
        for token in terms.nonzero().flatten().tolist():
            expected[token] += float(terms[token])
    tokens = {each.token_id: each.score for each in found.tokens}
    scale = max(abs(each) for each in expected.values())
    for token, value in expected.items():
        assert tokens[token] == pytest.approx(value, abs=0.02 * scale)
    kept = ScoreSettings(device="cpu", clean="kept")
    with pytest.raises(InputError, match="--clean kept: 0 training rows"):
        workspace.audit.row_alignment("t5", kept)


def test_z_scores_stand_beside(workspace):
    workspace.audit.compute_words(score="dot")
    rows = {each["word"]: each for each in workspace.audit.words().to_pylist() if each["kind"] == "word"}
    split = workspace.train_split
    word = next(each for each in ("gorgeous", "dull", "boring", "wonderful", "bad") if each in rows)
    have = [
        label for text, label in zip(split.texts, split.labels, strict=True) if word in text.lower().split()
    ]
    assert rows[word]["z_label"] in set(split.labels)
    assert rows[word]["z"] > 0
    assert rows[word]["z_count"] <= len(split)
    assert have.count(rows[word]["z_label"]) >= len(have) / 2
    assert {each["z"] for each in workspace.audit.words().to_pylist() if each["kind"] == "special"} == {None}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_kinds_of_tokens_for_every_tokenizer(tmp_path, architecture):
    tokenizer = load_tokenizer(tiny(architecture, tmp_path))
    texts = [*SENTENCES, "witty worsening", "a witty witty film"]
    encoded = encode(tokenizer, Examples.of(texts), 64)
    found = token_words(encoded, [(each,) for each in texts], special_ids(tokenizer))
    assert set(found) == {token for each in encoded for token in each.input_ids}
    last = encoded[-2]
    inner = [token for token, field in zip(last.input_ids, last.fields, strict=True) if field >= 0]
    assert found[inner[-1]].kind == "piece" or found[inner[-1]].word == "worsening"
    words = {each.word for each in found.values() if each.kind == "word"}
    assert {"a", ","} <= words
    for token, field in zip(last.input_ids, last.fields, strict=True):
        assert (found[token].kind == "special") == (field < 0)


def test_no_errors_no_culprits(own, monkeypatch):
    monkeypatch.setattr(Predictions, "correct", np.ones(1, dtype=bool))
    own.folder.forget("words")
    with pytest.raises(InputError, match="gets no eval row wrong"):
        own.compute_words()
    with pytest.raises(InputError, match="words missing; run `python -m backend words"):
        own.words()
    with pytest.raises(InputError, match="--score magic"):
        own.compute_words(score="magic")


def test_stale_and_damaged_tables_are_named(own):
    own.compute_words()
    path = own.folder.scores / "words.parquet"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="damaged or missing; run `python -m backend words"):
        own.words()
    own.compute_words()
    assert len(own.words())
    own.folder.record("index", ("rows",), id="another")
    with pytest.raises(InputError, match="words stale"):
        own.words()


def test_on_the_command_line(own, inside):
    rows = json.loads(inside("words", own.path, "--most", 3, "--json").stdout)
    assert len(rows) == 3
    assert {"token", "kind", "word", "harmful", "top_rows", "z"} <= rows[0].keys()
    runner = CliRunner()
    assert "worst rows" in runner.invoke(app, ["words", str(own.path)]).stdout
    one = json.loads(runner.invoke(app, ["words", str(own.path), "--row", "t3", "--json"]).stdout)
    assert one["errors"]["id"] == one["clean"]["id"] == "t3"
    assert "special tokens" in runner.invoke(app, ["words", str(own.path), "--row", "t3"]).stdout
    failed = runner.invoke(app, ["words", str(own.path), "--row", "nobody"])
    assert str(failed.exception) == "row 'nobody' is not in train"


def test_with_errors_influence_lists_what_harms_them(own, inside):
    rows = json.loads(inside("influence", own.path, "-k", 2, "--most", 9, "--json").stdout)
    assert {each["ordered_by"] for each in rows} == {"errors"}
    assert [each["errors"] for each in rows] == sorted(each["errors"] for each in rows)
    assert rows[0]["errors"] < 0
    said = " ".join(inside("influence", own.path, "-k", 2).stdout.split())
    assert said.startswith("training rows that most raised the loss of misclassified eval rows")
