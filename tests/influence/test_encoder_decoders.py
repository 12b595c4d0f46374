"""Classifiers that read their text twice: both sides' gradients, at the words to which they belong."""

import json

import numpy as np
import pytest
import torch

from backend.data.examples import Examples
from backend.errors import InputError
from backend.influence.answers.registry import all_methods
from backend.influence.gradients.positions import decoder_start
from backend.influence.gradients.token_rows import token_gradients
from backend.influence.gradients.trial_pass import trial_pass
from backend.influence.index.modes import MODES
from backend.model.batching import batch_kinds, require_equal_ends
from backend.model.loading import embedding_layer, load_classifier, load_tokenizer
from backend.model.prediction import logits
from backend.model.tokenization import Tokens, collate, encode
from backend.workspace import Workspace
from tests.conftest import build_tiny
from tests.factories import SENTENCES, tiny
from tests.influence.test_explain import SENTENCE, all_entries
from tests.influence.test_pair import _adds_up

KINDS = ("bart", "t5")


@pytest.fixture(scope="module", params=KINDS)
def workspace(request, tmp_path_factory) -> Workspace:
    folder = tmp_path_factory.mktemp(request.param)
    return build_tiny(folder, n_train=24, n_eval=10, architecture=request.param)


@pytest.fixture(scope="module", params=KINDS)
def loaded(request, tmp_path_factory):
    path = tiny(request.param, tmp_path_factory.mktemp(request.param))
    return load_classifier(path), load_tokenizer(path)


def test_two_classes_without_names_stay_two(tmp_path):
    """transformers leaves two unnamed classes out of config.json, and takes three for BART's default."""
    folder = tiny("bart", tmp_path)
    assert "id2label" not in json.loads((folder / "config.json").read_text())
    assert load_classifier(folder).config.num_labels == 2
    assert load_classifier(tiny("bart", tmp_path / "three", num_labels=3)).config.num_labels == 3


def both_sides(model, inputs, labels):
    """Gradients at what each side's embedding module gives, by hooks: two of (B, L, d)."""
    found, modules = [], [model.get_encoder().embed_tokens, model.get_decoder().embed_tokens]
    handles = [each.register_forward_hook(lambda *call: found.append(call[-1])) for each in modules]
    embedding_layer(model).weight.requires_grad_(True)
    loss = torch.nn.functional.cross_entropy(model(**inputs).logits, labels, reduction="sum")
    for each in handles:
        each.remove()
    return torch.autograd.grad(loss, found)


def test_both_sides_are_added_at_the_token_that_was_read(loaded):
    model, tokenizer = loaded
    inputs = collate(encode(tokenizer, Examples.of(SENTENCES[:4]), 64), tokenizer)
    labels, length = torch.tensor([0, 1, 1, 0]), inputs["input_ids"].shape[1]
    encoder, decoder = both_sides(model, inputs, labels)
    found = token_gradients(model, inputs, labels)[1]
    for row, count in enumerate(inputs["attention_mask"].sum(dim=1).tolist()):
        expected = encoder[row, :count].clone()
        expected[:-1] += decoder[row, 1:count]
        if decoder_start(model) is None:  # it begins with </s>, the last token of the text
            expected[-1] += decoder[row, 0]
        else:
            assert found.tokens[row, length] == decoder_start(model) == tokenizer.pad_token_id
            torch.testing.assert_close(found.gradients[row, length], decoder[row, 0])
        torch.testing.assert_close(found.gradients[row, :count], expected)
        assert found.kept[row, :length].tolist() == [place < count for place in range(length)]
    assert decoder[:, 0].norm() > 0.01 * encoder.norm()  # what it begins with counts


def test_a_start_that_stands_in_the_text_is_added_there(loaded):
    model, tokenizer = loaded
    text = tokenizer.eos_token + " a bad <pad> movie"
    encoded = encode(tokenizer, Examples.of([text, SENTENCES[0]]), 64)[:1]
    inputs = collate(encoded, tokenizer)
    found = token_gradients(model, inputs, torch.tensor([1]))[1]
    assert found.tokens.shape[1] == len(encoded[0])
    trial_pass(model, tokenizer, [Tokens(each.input_ids, None) for each in encoded], "x")


@pytest.mark.parametrize("exact", [False, True], ids=["stored", "exact"])
@pytest.mark.parametrize("score", MODES)
def test_words_and_special_tokens_are_the_score(workspace, exact, score):
    explanation = workspace.explain(SENTENCE, k=24, score=score, exact=exact)
    for entry in all_entries(explanation):
        close = pytest.approx(entry.score, rel=1e-4, abs=1e-7)
        assert sum(token.score for token in entry.tokens) == close
        assert sum(word.score for word in entry.words) + entry.special == close
        assert sum(word.score for word in entry.query_words) + entry.special == close
        special = sum(token.score for token in entry.tokens if token.special)
        assert entry.special == pytest.approx(special, rel=1e-3, abs=1e-6)
        assert all(entry.text[word.start : word.end] == word.word for word in entry.words)


def test_stored_rows_answer_as_exact_ones(workspace):
    default, exact = (workspace.explain(SENTENCE, k=24, exact=exact) for exact in (False, True))
    stored, true = ({each.id: each.score for each in all_entries(one)} for one in (default, exact))
    scale = max(map(abs, true.values()))
    assert stored.keys() == true.keys()
    assert all(stored[row] == pytest.approx(score, abs=0.01 * scale) for row, score in true.items())


def test_a_pair_word_by_word(workspace):
    train = workspace.train_split
    for row in train.ids[:3]:
        _adds_up(workspace.explain_pair(row, SENTENCE))


@pytest.mark.parametrize("text", ["</s> <pad> </s>", "<s>", "<pad> a bad movie", "🎬"])
def test_hostile_texts(workspace, text):
    for entry in all_entries(workspace.explain(text, k=2)):
        words = sum(word.score for word in entry.query_words)
        assert words + entry.special == pytest.approx(entry.score, rel=1e-4)


@pytest.mark.parametrize("method", all_methods())
def test_every_method_answers(workspace, method):
    found = all_entries(workspace.explain(SENTENCE, k=3, method=method))
    assert found
    for entry in found if all_methods()[method].words else ():
        whole = pytest.approx(entry.score, rel=1e-3, abs=1e-6)
        assert sum(word.score for word in entry.words) + entry.special == whole


def test_words_of_errors(workspace):
    workspace.compute_words()
    assert "special" in workspace.audit.words()["kind"].to_pylist()


def test_texts_with_unequally_many_ends_are_run_apart(loaded):
    model, tokenizer = loaded
    texts = ["a bad movie", "a bad </s> movie", "wonderful", "a </s> story"]
    encoded = encode(tokenizer, Examples.of(texts), 64)
    assert [kind[1] for kind in batch_kinds(tokenizer, model, encoded)] == [1, 2, 1, 2]
    together = logits(model, encoded, tokenizer)
    alone = np.concatenate([logits(model, [each], tokenizer) for each in encoded])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match=r"2 of 4 training texts \(first: text 2\) hold the token"):
        require_equal_ends(model, encoded)
    require_equal_ends(model, [encoded[0], encoded[2]])
