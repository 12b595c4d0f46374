"""Every attribution method and score against its formula, written out slowly."""

import math
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from backend.data.columns import Columns
from backend.errors import InputError
from backend.influence.answers.catalogue import SCORES
from backend.influence.answers.plain_entries import lexical_words
from backend.influence.answers.registry import all_methods
from backend.influence.index.modes import MODES
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.loading import embedding_layer, load_classifier, load_tokenizer
from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from tests.conftest import OPINIONS, build_tiny, tiny_rows, write_rows
from tests.factories import tiny
from tests.influence.oracle import dense_gradient

SENTENCE = "a witty, witty film with a dull, dull, gorgeous story about growing old!"
LABEL = "good"
EACH = [(name, score) for name, method in all_methods().items() for score in method.scores]


class Slow:
    """Gradients of every training example and of the query, one at a time, dense."""

    def __init__(self, workspace: Workspace) -> None:
        manifest, train = workspace.manifest, workspace.train_split
        self.workspace, self.manifest = workspace, manifest
        self.paths = [workspace.folder.checkpoint_path(each) for each in manifest.checkpoints]
        self.models = [load_classifier(path, attention="eager") for path in self.paths]
        self.tokenizer = load_tokenizer(self.paths[-1])
        self.weights = [each.weight for each in manifest.checkpoints]
        self.labels = [manifest.classes.index(name) for name in train.labels]
        self.texts, self.label = train.texts, manifest.classes.index(LABEL)
        pairs = [*zip(self.texts, self.labels, strict=True), (SENTENCE, self.label)]
        self.gradients = [
            torch.stack(
                [dense_gradient(model, self.tokenizer, text, None, label).double() for text, label in pairs]
            ).numpy()
            for model in self.models
        ]

    def positions(self, model, text: str, label: int) -> tuple[list[int], np.ndarray]:
        """Token and gradient of every position: no hook, by `inputs_embeds`."""
        inputs = dict(self.tokenizer(text, return_tensors="pt"))
        ids = inputs.pop("input_ids")
        embeds = embedding_layer(model)(ids).detach().requires_grad_(True)
        loss = torch.nn.functional.cross_entropy(
            model(inputs_embeds=embeds, **inputs).logits, torch.tensor([label])
        )
        (gradient,) = torch.autograd.grad(loss, embeds)
        return ids[0].tolist(), gradient[0].double().numpy()

    def probabilities(self, model, text: str) -> np.ndarray:
        with torch.no_grad():
            return torch.softmax(model(**self.tokenizer(text, return_tensors="pt")).logits[0], -1).numpy()


@pytest.fixture(scope="module")
def template(tiny_template, tmp_path_factory) -> Path:
    """A copy: methods keep what they prepare in the workspace."""
    return shutil.copytree(tiny_template, tmp_path_factory.mktemp("methods") / "ws")


@pytest.fixture(scope="module")
def slow(template) -> Slow:
    return Slow(Workspace.open(template))


def found_scores(slow: Slow, method: str, score: str, **options) -> np.ndarray:
    """Exact scores (n) as `explain` gives them; 0 for examples that are in neither list."""
    answer = slow.workspace.explain(
        SENTENCE, label=LABEL, k=len(slow.texts), method=method, score=score, exact=True, **options
    )
    place = {row: position for position, row in enumerate(slow.workspace.train_split.ids)}
    scores = np.zeros(len(slow.texts))
    for entry in [*answer.proponents, *answer.opponents]:
        scores[place[entry.id]] = entry.score
    return scores


def assert_close(found: np.ndarray, expected: np.ndarray, rtol: float = 1e-3) -> None:
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize(("method", "score"), EACH)
@pytest.mark.parametrize("exact", [False, True])
def test_parts_add_up_and_lie_where_they_say(slow, method, score, exact):
    answer = slow.workspace.explain(SENTENCE, label=LABEL, k=4, method=method, score=score, exact=exact)
    entries = [*answer.proponents, *answer.opponents]
    assert entries
    assert (answer.method, answer.score) == (method, score)
    assert answer.has_words == all_methods()[method].words
    assert [each.score for each in answer.proponents] == sorted(
        (each.score for each in answer.proponents), reverse=True
    )
    for entry in entries:
        if not answer.has_words:
            assert not entry.tokens and not entry.words and not entry.query_words
            continue
        close = {"rel": 1e-4, "abs": 1e-4 * abs(entries[0].score)}
        assert sum(each.score for each in entry.tokens) == pytest.approx(entry.score, **close)
        assert sum(each.score for each in entry.words) + entry.special == pytest.approx(entry.score, **close)
        in_query = sum(each.score for each in entry.query_words)
        assert in_query + entry.special == pytest.approx(entry.score, **close)
        assert all(entry.text[each.start : each.end] == each.word for each in entry.words)
        assert all(SENTENCE[each.start : each.end] == each.word for each in entry.query_words)


def test_nocommon_is_the_sum_over_other_tokens(slow):
    special = slow.tokenizer.all_special_ids
    expected = np.zeros(len(slow.texts))
    for weight, gradients in zip(slow.weights, slow.gradients, strict=True):
        gradients = gradients.copy()
        gradients[:, special] = 0
        expected += weight * np.einsum("nvd,vd->n", gradients[:-1], gradients[-1])
    assert_close(found_scores(slow, "we-nocommon", "dot"), expected)


def test_nocommon_cosine_of_a_copy_is_one(slow):
    row = slow.workspace.train_split.ids[3]
    answer = slow.workspace.explain(
        row=row,
        split="train",
        label=slow.workspace.train_split.labels[3],
        method="we-nocommon",
        score="cosine",
    )
    assert answer.excluded is not None
    assert answer.excluded.score == pytest.approx(1.0, abs=1e-3)


def test_topk_keeps_the_strongest_positions_of_both_sides(slow):
    expected = np.zeros(len(slow.texts))
    for weight, model in zip(slow.weights, slow.models, strict=True):
        query = shortened(*slow.positions(model, SENTENCE, slow.label))
        for place, (text, label) in enumerate(zip(slow.texts, slow.labels, strict=True)):
            train = shortened(*slow.positions(model, text, label))
            expected[place] += weight * sum(
                query[token] @ train[token] for token in query.keys() & train.keys()
            )
    assert_close(found_scores(slow, "we-topk", "dot"), expected)
    everything = found_scores(slow, "we", "dot")
    assert np.abs(everything - expected).max() > 0.01 * np.abs(expected).max()


def shortened(tokens: list[int], gradients: np.ndarray) -> dict[int, np.ndarray]:
    """Rows of the 10 positions with the largest gradients, merged by token."""
    kept = np.argsort(-np.linalg.norm(gradients, axis=1), kind="stable")[:10]
    rows: dict[int, np.ndarray] = {}
    for position in kept:
        rows[tokens[position]] = rows.get(tokens[position], 0) + gradients[position]
    return rows


def test_topk_by_stored_rows_is_what_exact_finds(slow):
    exact = slow.workspace.explain(SENTENCE, method="we-topk", exact=True, k=5)
    stored = slow.workspace.explain(SENTENCE, method="we-topk", k=5)
    for one, other in zip(exact.proponents, stored.proponents, strict=True):
        assert one.score == pytest.approx(other.score, rel=0.02)


def test_synonyms_are_matched_one_to_one(template, slow, monkeypatch):
    # Tiny embeddings have few neighbours.
    monkeypatch.setattr("backend.influence.answers.methods.we_syn.CLOSE", 0.2)
    special = set(slow.tokenizer.all_special_ids)
    weight = embedding_layer(slow.models[-1]).weight.detach()
    unit = torch.nn.functional.normalize(weight).numpy()
    asked = sorted(set(slow.tokenizer(SENTENCE)["input_ids"]))
    expected, pairs = np.zeros(len(slow.texts)), 0
    for place, text in enumerate(slow.texts):
        tokens = sorted(set(slow.tokenizer(text)["input_ids"]))
        products = sum(
            eta * gradients[-1][asked] @ gradients[place][tokens].T
            for eta, gradients in zip(slow.weights, slow.gradients, strict=True)
        )
        allowed = np.array(
            [[a == b or (not {a, b} & special and unit[a] @ unit[b] >= 0.2) for b in tokens] for a in asked]
        )
        rows, columns = linear_sum_assignment(-np.where(allowed, np.abs(products), 0))
        for row, column in zip(rows, columns, strict=True):
            if allowed[row, column]:
                expected[place] += products[row, column]
                pairs += asked[row] != tokens[column]
    assert pairs > 20
    assert_close(found_scores(slow, "we-syn", "dot"), expected)
    answer = slow.workspace.explain(SENTENCE, label=LABEL, method="we-syn", k=60)
    others = [token for entry in answer.proponents for token in entry.tokens if token.query_token]
    assert others and all(token.query_token != token.token for token in others)


def test_adam_divides_by_the_optimizers_second_moments(slow):
    occurring = sorted({token for text in slow.texts for token in slow.tokenizer(text)["input_ids"]})
    expected = np.zeros(len(slow.texts))
    for path, weight, gradients in zip(slow.paths, slow.weights, slow.gradients, strict=True):
        states = torch.load(path / "optimizer.pt", weights_only=True)["state"].values()
        (state,) = (each for each in states if tuple(each["exp_avg_sq"].shape) == gradients.shape[1:])
        corrected = state["exp_avg_sq"].double().numpy() / (1 - 0.999 ** float(state["step"]))
        roots = np.sqrt(corrected)
        scaled = gradients[-1] / (roots + roots[occurring].mean())
        expected += weight * np.einsum("nvd,vd->n", gradients[:-1], scaled)
    assert_close(found_scores(slow, "we", "adam"), expected)


def test_adam_without_an_optimizers_state_is_refused_in_one_line(tiny_workspace):
    checkpoint = tiny_workspace.folder.checkpoint_path(tiny_workspace.manifest.checkpoints[0])
    (checkpoint / "optimizer.pt").unlink()
    with pytest.raises(InputError, match=r"--score adam: .*optimizer\.pt is missing"):
        tiny_workspace.explain(SENTENCE, score="adam")
    (checkpoint / "optimizer.pt").write_bytes(b"no optimizer")
    with pytest.raises(InputError, match=r"--score adam: .* can't be read"):
        tiny_workspace.explain(SENTENCE, score="adam")


def test_whitened_is_the_cosine_of_whitened_gradients(slow):
    products = np.zeros((len(slow.texts) + 1, len(slow.texts) + 1))
    for weight, gradients in zip(slow.weights, slow.gradients, strict=True):
        rows = np.concatenate([each[np.abs(each).sum(axis=1) > 0] for each in gradients[:-1]])
        moment = rows.T @ rows / len(rows)
        damped = moment + np.trace(moment) / len(moment) * np.eye(len(moment))
        root = np.linalg.cholesky(np.linalg.inv(damped))
        flat = (gradients @ root).reshape(len(gradients), -1)
        products += weight * flat @ flat.T
    norms = np.sqrt(np.diag(products))
    expected = products[:-1, -1] / (norms[:-1] * norms[-1])
    assert np.abs(expected).max() <= 1
    assert_close(found_scores(slow, "we", "whitened"), expected, rtol=1e-2)  # R is that of the stored rows


@pytest.mark.parametrize("score", ["fisher", "kfac", "ekfac", "adam"])
def test_large_damping_ranks_as_plain_influence(slow, score):
    plain = found_scores(slow, "we", "dot")
    damped = found_scores(slow, "we", score, damping=1e5)
    assert np.corrcoef(plain, damped)[0, 1] > 0.998  # each checkpoint is divided by a lambda of its own
    assert np.corrcoef(plain, found_scores(slow, "we", score, damping=1e-3))[0, 1] < 0.99


def residual_agreement(slow: Slow) -> np.ndarray:
    total = np.zeros(len(slow.texts))
    one_hot = np.eye(len(slow.manifest.classes))
    for weight, model in zip(slow.weights, slow.models, strict=True):
        asked = slow.probabilities(model, SENTENCE) - one_hot[slow.label]
        for place, (text, label) in enumerate(zip(slow.texts, slow.labels, strict=True)):
            total[place] += weight * (slow.probabilities(model, text) - one_hot[label]) @ asked
    return total


def words(text: str) -> list[str]:
    return [word for word, _, _ in lexical_words(text)]


def test_tfidf_is_the_cosine_of_weighted_counts_times_residual_agreement(slow):
    documents = [words(text) for text in slow.texts]
    frequency = Counter(word for each in documents for word in set(each))
    count = len(documents)

    def vector(document: list[str]) -> dict[str, float]:
        found = {
            word: number * (math.log((1 + count) / (1 + frequency[word])) + 1)
            for word, number in Counter(document).items()
            if word in frequency
        }
        length = math.sqrt(sum(value**2 for value in found.values()))
        return {word: value / length for word, value in found.items()}

    query = vector(words(SENTENCE))
    cosines = [sum(query.get(word, 0) * value for word, value in vector(each).items()) for each in documents]
    assert_close(found_scores(slow, "tfidf", "plain"), np.array(cosines))
    assert_close(found_scores(slow, "tfidf", "residual"), np.array(cosines) * residual_agreement(slow))


def test_bm25_is_its_formula_signed_by_class(slow):
    documents = [words(text) for text in slow.texts]
    frequency = Counter(word for each in documents for word in set(each))
    count, mean = len(documents), sum(map(len, documents)) / len(documents)
    expected = np.zeros(count)
    for place, document in enumerate(documents):
        counts = Counter(document)
        for word in words(SENTENCE):
            if counts[word]:
                idf = math.log(1 + (count - frequency[word] + 0.5) / (frequency[word] + 0.5))
                saturation = counts[word] + 1.5 * (1 - 0.75 + 0.75 * len(document) / mean)
                expected[place] += idf * counts[word] / saturation
    assert_close(found_scores(slow, "bm25", "plain"), expected)
    signs = np.where(np.array(slow.labels) == slow.label, 1, -1)
    assert_close(found_scores(slow, "bm25", "label"), expected * signs)


def test_sentence_embeddings_find_a_copy_first(slow):
    text = slow.texts[7]
    answer = slow.workspace.explain(text, method="embedding", score="plain", k=3)
    assert answer.proponents[0].text == text
    assert answer.proponents[0].score == pytest.approx(1.0, abs=1e-5)
    assert not answer.opponents


def test_chance_is_the_same_for_the_same_question(slow):
    one, two = (found_scores(slow, "random", "plain") for _ in range(2))
    assert (one == two).all()
    other = slow.workspace.explain("another film", method="random", k=5)
    assert other.proponents[0].score != one.max()


@pytest.mark.parametrize(("method", "score"), EACH)
def test_a_training_row_is_left_out_of_its_own_lists(slow, method, score):
    row = slow.workspace.train_split.ids[5]
    answer = slow.workspace.explain(row=row, split="train", method=method, score=score, k=60)
    assert answer.excluded is not None and answer.excluded.id == row
    assert row not in [entry.id for entry in [*answer.proponents, *answer.opponents]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "--method magic: must be one of we"),
        (
            {"method": "tfidf", "score": "ekfac"},
            "--score ekfac: must be one of residual, label, plain with method tfidf",
        ),
        ({"score": "residual"}, "--score residual: must be one of dot, .* with method we"),
        ({"score": "dot", "damping": 1.0}, "--damping: score dot has none to choose"),
        ({"score": "whitened", "damping": 1.0}, "--damping: score whitened has none"),
        ({"score": "ekfac", "damping": 0.0}, "--damping 0.0: must be above 0"),
        ({"score": "ekfac", "damping": float("nan")}, "--damping nan: must be above 0"),
    ],
)
def test_wrong_choices_are_one_line(slow, options, message):
    with pytest.raises(InputError, match=message):
        slow.workspace.explain(SENTENCE, **options)


def test_all_modes_are_scores_of_the_main_method():
    assert set(all_methods()["we"].scores) == set(MODES)
    assert next(iter(all_methods())) == "we"
    for method in all_methods().values():
        assert all((method.title, method.formula, method.source, method.cost, method.limits))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A workspace of pairs: the second text says whether the first is good."""
    folder = tmp_path_factory.mktemp("pairs")
    rows = [
        {**row, "other": f"so {OPINIONS[n % 8]}, {row['text'][-6:]}"} for n, row in enumerate(tiny_rows(40))
    ]
    source = write_rows(folder / "rows.jsonl", rows)
    model = tiny("bert", folder / "model", [f"{row['text']} {row['other']}" for row in rows])
    columns = Columns(text="text", text_b="other", label="label", id="id")
    workspace, _ = Workspace.create(
        folder / "ws", train=str(source), eval="0.2", columns=columns, model=str(model)
    )
    workspace.train(TrainingSettings(epochs=2, lr=2e-3, batch_size=8, checkpoints=2, precision="fp32"))
    workspace.precompute()
    return workspace


@pytest.mark.parametrize("method", list(all_methods()))
def test_parts_of_pairs_lie_in_the_text_that_they_name(pairs, method):
    texts = {"text": SENTENCE, "text_b": "so gorgeous, number 3"}
    answer = pairs.explain(texts["text"], texts["text_b"], label=LABEL, k=6, method=method)
    entries = [*answer.proponents, *answer.opponents]
    assert entries
    fields = set()
    for entry in entries:
        own = {"text": entry.text, "text_b": entry.text_b}
        assert all(own[each.field][each.start : each.end] == each.word for each in entry.words)
        assert all(texts[each.field][each.start : each.end] == each.word for each in entry.query_words)
        fields |= {each.field for each in entry.words}
        if answer.has_words:
            total = sum(each.score for each in entry.words) + entry.special
            assert total == pytest.approx(entry.score, rel=1e-4, abs=1e-4 * abs(entries[0].score))
    assert fields == ({"text", "text_b"} if answer.has_words else set())


def test_notes_about_stored_rows_are_given_for_every_method_that_uses_them(tmp_path):
    workspace = build_tiny(tmp_path / "t", n_train=40)
    workspace.precompute(PrecomputeSettings(row_store="pca:4"))
    for name, method in all_methods().items():
        if not method.from_rows or "kfac" not in method.scores:
            continue
        notes = workspace.explain(SENTENCE, method=name, score="kfac").notes
        assert any("the row store has dropped" in each for each in notes), name


def test_the_catalogue_names_all_methods_and_scores():
    assert {name: each.scores for name, each in all_methods().items()} == SCORES
