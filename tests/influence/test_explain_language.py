"""`explain` of a language model against the dense definition, one example and one checkpoint at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from backend.data.conversation import Conversation, Reading, Turn
from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer
from backend.influence.answers.explain import Explainer
from backend.influence.answers.explanation import Explanation
from backend.influence.answers.many import write_answers
from backend.influence.answers.question import Question, check_question
from backend.influence.index.modes import score_mode
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.manifest import TaskInfo
from backend.model.conversation_tokens import encode_conversation
from backend.model.encoded import Encoded
from backend.model.loading import embedding_layer
from tests.language_workspace import trained

ALL = 19


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def explainer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Explainer:
    workspace = trained(tmp_path_factory.mktemp("lm"), tied=request.param)
    workspace.precompute(PrecomputeSettings(device="cpu", row_store="full"))
    return workspace.explainer("cpu")


@pytest.fixture(scope="module")
def models(explainer: Explainer) -> list[PreTrainedModel]:
    folder = explainer.folder
    paths = [folder.checkpoint_path(each) for each in folder.manifest().checkpoints]
    return [AutoModelForCausalLM.from_pretrained(each, attn_implementation="eager").eval() for each in paths]


Gradients = tuple[dict[int, np.ndarray], dict[int, np.ndarray]]
"""By token, what is read and what is written: rows of the input and of the output table."""


def dense(model: PreTrainedModel, encoded: Encoded, learnt: list[bool]) -> Gradients:
    """By autograd of the embeddings that go in, and of a copy of the output table; template tokens left out.

    ``learnt``: which tokens are in the loss.
    """
    ids = torch.tensor([encoded.input_ids])
    read = embedding_layer(model)(ids).detach().requires_grad_(True)
    table = model.get_output_embeddings().weight.detach().clone().requires_grad_(True)
    states = model.base_model(inputs_embeds=read).last_hidden_state[0]
    log_p = torch.log_softmax(states @ table.T, dim=-1)
    chosen = [place for place in range(1, len(encoded)) if learnt[place]]
    loss = -sum(log_p[place - 1, encoded.input_ids[place]] for place in chosen)
    by_place, by_token = torch.autograd.grad(loss, (read, table))
    rows: dict[int, np.ndarray] = {}
    for place, (token, field) in enumerate(zip(encoded.input_ids, encoded.fields, strict=True)):
        if field >= 0:
            rows[token] = rows.get(token, 0) + by_place[0, place].numpy()
    taught = {encoded.input_ids[place] for place in chosen if encoded.fields[place] >= 0}
    return rows, {token: by_token[token].numpy() for token in taught}


def product(one: dict[int, np.ndarray], other: dict[int, np.ndarray]) -> float:
    return float(sum(one[token] @ other[token] for token in one.keys() & other.keys()))


def train_gradients(explainer: Explainer, model: PreTrainedModel) -> list[Gradients]:
    encoded = explainer.checkpoints.encode(explainer.train.examples)
    return [dense(model, each, [bool(flag & 1) for flag in each.flags or []]) for each in encoded]


def truth(
    explainer: Explainer, models: list[PreTrainedModel], asked: list[tuple[float, Encoded, list[bool]]]
) -> dict[str, np.ndarray]:
    """Scores of all training rows on each side; ``asked``: losses with their signs."""
    found = {"read": np.zeros(ALL), "written": np.zeros(ALL)}
    for model, eta in zip(models, explainer.checkpoints.weights.tolist(), strict=True):
        queries = [(sign, dense(model, encoded, learnt)) for sign, encoded, learnt in asked]
        for row, (read, written) in enumerate(train_gradients(explainer, model)):
            for sign, (q_read, q_written) in queries:
                found["read"][row] += eta * sign * product(read, q_read)
                found["written"][row] += eta * sign * product(written, q_written)
    return {**found, "both": found["read"] + found["written"]}


def scores_of(explainer: Explainer, explanation: Explanation) -> np.ndarray:
    found = np.zeros(ALL)
    for each in [*explanation.proponents, *explanation.opponents]:
        found[explainer.train.position(each.id)] = each.score
    return found


def asked_of(
    explainer: Explainer, conversation: Conversation, start: int, end: int
) -> tuple[Encoded, list[bool]]:
    encoded = encode_conversation(explainer.checkpoints.tokenizer, conversation, Reading(), 512)
    last = len(conversation.turns) - 1
    places = zip(encoded.fields, encoded.offsets, strict=True)
    return encoded, [field == last and one < end and other > start for field, (one, other) in places]


def row(explainer: Explainer, name: str) -> Conversation:
    rows = explainer.splits["eval"]
    place = rows.position(name)
    return Conversation.of(rows.texts_of(place)[0], rows.labels[place])


def agree(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6 * abs(expected).max())


def question_with(text: str) -> Conversation:
    asked = Turn(0, "user", "Where was Ada Morel born?")
    return Conversation((asked, Turn(1, "assistant", text, True)), chat=True)


@pytest.mark.parametrize("side", ["read", "written", "both"])
@pytest.mark.parametrize("exact", [True, False])
def test_scores_are_those_of_the_definition(
    explainer: Explainer, models: list[PreTrainedModel], side: str, exact: bool
) -> None:
    about = AboutAnswer(side=side)  # type: ignore[arg-type]
    found = explainer.explain(Question(row="e1", k=ALL, score="dot", exact=exact, about=about))
    encoded = explainer.checkpoints.encode_conversation(row(explainer, "e1"))
    learnt = [bool(flag & 1) for flag in encoded.flags or []]
    expected = truth(explainer, models, [(1.0, encoded, learnt)])[side]
    np.testing.assert_allclose(
        scores_of(explainer, found), expected, rtol=1e-3, atol=1e-6 * abs(expected).max()
    )


def test_marked_words_of_a_typed_answer_instead_of_others(
    explainer: Explainer, models: list[PreTrainedModel]
) -> None:
    answer = "Ada Morel was born in Delhi."
    start = answer.index("Delhi")
    about = AboutAnswer(
        prompt="Where was Ada Morel born?",
        answer=answer,
        marks=((start, start + 5),),
        instead="Lisbon",
        side="read",
    )
    found = explainer.explain(Question(k=ALL, score="dot", exact=True, about=about))
    this = asked_of(explainer, question_with(answer), start, start + 5)
    that = asked_of(explainer, question_with("Ada Morel was born in Lisbon."), start, start + 6)
    expected = truth(explainer, models, [(1.0, *this), (-1.0, *that)])["read"]
    np.testing.assert_allclose(
        scores_of(explainer, found), expected, rtol=1e-3, atol=1e-6 * abs(expected).max()
    )
    assert found.proponents[0].id == "wrong"
    assert [each.name for each in found.query.fields] == ["0", "1", "2"]
    assert found.query.fields[2].text == "Ada Morel was born in Lisbon."
    assert {each.field for each in found.proponents[0].query_words} <= {"0", "1", "2"}
    lisbon = replace(about, answer="Ada Morel was born in Lisbon.", marks=((start, start + 6),), instead=None)
    other = explainer.explain(Question(about=lisbon)).query
    assert found.query.instead_loss == pytest.approx(other.loss, rel=1e-5)
    assert found.query.instead_tokens == sum(each.marked for each in other.tokens)
    assert other.instead_loss is None


def every(explainer: Explainer) -> Iterator[Explanation]:
    for about in (
        AboutAnswer(),
        AboutAnswer(side="read"),
        AboutAnswer(template=True),
        AboutAnswer(side="both", template=True, marks=((0, 9),)),
        AboutAnswer(side="both", instead="No idea.", template=True),
    ):
        for score in ("dot", "ekfac", "cosine"):
            yield explainer.explain(Question(row="e1", k=ALL, score=score, about=about))


def test_words_and_tokens_add_up_to_the_score(explainer: Explainer) -> None:
    for found in every(explainer):
        ranked = {each.id: each for each in [*found.proponents, *found.opponents]}
        assert ranked
        for entry in ranked.values():
            assert sum(each.score for each in entry.tokens) == pytest.approx(entry.score, rel=1e-6, abs=1e-12)
            words = sum(each.score for each in entry.words) + entry.special
            assert words == pytest.approx(entry.score, rel=1e-5, abs=1e-9)
            for word in [*entry.words]:
                field = next(each for each in entry.fields if each.name == word.field)
                assert field.text[word.start : word.end] == word.word
        scores = [each.score for each in found.proponents]
        assert scores == sorted(scores, reverse=True)


def test_the_list_is_ordered_by_what_the_words_say(explainer: Explainer) -> None:
    """What the search says of a row is what its words add up to: with template tokens, and of one side."""
    for found in every(explainer):
        percentiles = [each.percentile for each in found.proponents]
        assert percentiles == sorted(percentiles, reverse=True)
        assert not found.proponents or min(each.score for each in found.proponents) > 0
        assert not found.opponents or max(each.score for each in found.opponents) < 0


def test_a_pair_adds_up(explainer: Explainer) -> None:
    pair = explainer.explain_pair(Question(row="e1", score="dot", about=AboutAnswer(side="both")), "wrong")
    assert abs(pair.other) < 1e-6 * abs(pair.entry.score)
    assert {each.query.side for each in pair.pairs} == {"read", "written"}
    for each in pair.pairs:
        assert each.query.side == each.train.side


def test_the_strip_says_every_tokens_loss(explainer: Explainer) -> None:
    query = explainer.explain(Question(row="e1", about=AboutAnswer(marks=((0, 3),)))).query
    marked = [each for each in query.tokens if each.marked]
    assert [each.field for each in marked] == ["1"] and query.answer is not None
    assert query.loss == pytest.approx(sum(each.loss or 0 for each in marked), rel=1e-5)
    in_loss = [each for each in query.tokens if each.loss is not None]
    assert {each.field for each in in_loss} == {"1", None} and len(in_loss) > len(marked)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (Question(text="hello"), "--text: this workspace explains a language model"),
        (Question(row="e1", label="answer"), "--label: a language model has no classes"),
        (Question(row="e1", method="last-layer"), "--method last-layer: not for language models"),
        (Question(), "say what to explain"),
        (Question(about=AboutAnswer(prompt="Who?")), "the answer is empty"),
        (
            Question(row="e1", about=AboutAnswer(marks=((3, 99),))),
            "--mark 3:99: the answer has 29 characters",
        ),
        (Question(row="e1", about=AboutAnswer(marks=((3, 3),))), "--mark 3:3"),
        (Question(row="e1", about=AboutAnswer(turn=0)), "--turn 0: no answer of this row; they are turns 1"),
        (Question(row="e1", about=AboutAnswer(instead=" ")), "--instead: empty"),
        (
            Question(row="e1", score="adam", about=AboutAnswer()),
            "--score adam: must be one of dot",
        ),
        (
            Question(row="e1", about=AboutAnswer(marks=((0, 2), (3, 4)), instead="x")),
            "--instead: stands in the place of one mark",
        ),
        (Question(about=AboutAnswer(prompt="a", messages=[])), "not both"),
        (Question(about=AboutAnswer(messages=[{"role": "user"}], answer="x")), "--messages: "),
    ],
)
def test_what_makes_no_sense_is_refused(explainer: Explainer, question: Question, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        explainer.explain(question)


def test_a_classifier_is_not_asked_for_an_answer() -> None:

    with pytest.raises(InputError, match="give --text or --row"):
        check_question(Question(row="1", about=AboutAnswer()), TaskInfo(classes=("a", "b")))


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_side_without_a_row_is_no_trouble(tmp_path: Path) -> None:
    """Texts without a template: two channels of every checkpoint hold next to nothing."""
    workspace = trained(tmp_path, texts=True)
    workspace.precompute(PrecomputeSettings(device="cpu"))
    for score in ("dot", "fisher", "kfac", "ekfac", "whitened", "cosine", "train-normalised"):
        about = AboutAnswer(template=True)
        found = workspace.explainer("cpu").explain(Question(row="e1", score=score, about=about))
        assert found.proponents and all(np.isfinite(each.score) for each in found.proponents)


def test_the_parameters_that_were_trained_speak_too(
    explainer: Explainer, models: list[PreTrainedModel]
) -> None:
    """Products of whole gradients, but for what the sketch blurs."""
    found = explainer.explain(Question(row="e1", k=ALL, method="trained", score="dot", about=AboutAnswer()))
    expected = np.zeros(ALL)
    rows = explainer.checkpoints.encode(explainer.train.examples)
    asked = explainer.checkpoints.encode_conversation(row(explainer, "e1"))
    for model, eta in zip(models, explainer.checkpoints.weights.tolist(), strict=True):
        query = whole_gradient(model, asked)
        expected += [eta * float(whole_gradient(model, each) @ query) for each in rows]
    assert np.corrcoef(scores_of(explainer, found), expected)[0, 1] > 0.95
    with pytest.raises(InputError, match="knows neither --instead nor --side"):
        explainer.explain(Question(row="e1", method="trained", about=AboutAnswer(instead="No.")))


def whole_gradient(model: PreTrainedModel, encoded: Encoded) -> torch.Tensor:
    labels = [
        token if flag & 1 else -100
        for token, flag in zip(encoded.input_ids, encoded.flags or [], strict=True)
    ]
    made = model(torch.tensor([encoded.input_ids]), labels=torch.tensor([labels]), use_cache=False)
    count = sum(each >= 0 for each in labels[1:])
    gradients = torch.autograd.grad(made.loss * count, list(model.parameters()))
    return torch.cat([each.flatten() for each in gradients])


def test_many_are_asked_as_one_is(explainer: Explainer, tmp_path: Path) -> None:
    """`explain-many`, without a side, counts what `explain` does; other sides read all rows."""
    one = explainer.explain(Question(row="e1", k=5, about=AboutAnswer()))
    path = tmp_path / "many.parquet"
    write_answers(explainer, explainer.splits["eval"], path, k=5)
    rows = [each for each in pq.read_table(path).to_pylist() if each["query_id"] == "e1"]
    found = [(each["train_id"], each["score"]) for each in rows if each["kind"] == "proponent"]
    assert [name for name, _ in found] == [each.id for each in one.proponents]
    assert [score for _, score in found] == pytest.approx([each.score for each in one.proponents], rel=1e-5)
    assert {each.side for entry in one.proponents for each in entry.words} == {"written"}
    mode = score_mode("ekfac")
    other = np.ones(len(explainer.checkpoints.channels), dtype=bool)
    assert explainer.searcher.shortlist(mode, 10) < 10**6
    assert explainer.searcher.on(other).shortlist(mode, 10) == explainer.searcher.count


@pytest.mark.parametrize("method", ["tfidf", "bm25", "embedding"])
def test_methods_that_know_texts_only_read_all_that_is_said(explainer: Explainer, method: str) -> None:
    about = AboutAnswer(prompt="Where was Cleo Brandt born?", answer="Cleo Brandt was born in Quito.")
    found = explainer.explain(Question(k=3, method=method, about=about))
    assert {each.id for each in found.proponents[:2]} == {"Cle-0", "q4"}
    assert [each.role for each in found.proponents[0].fields] == ["user", "assistant"]
    for word in found.proponents[0].words:
        field = next(each for each in found.proponents[0].fields if each.name == word.field)
        assert field.text[word.start : word.end] == word.word


@pytest.mark.parametrize("mark", [True, False])
def test_a_contrast_is_the_gradient_of_the_difference(
    explainer: Explainer, models: list[PreTrainedModel], mark: bool
) -> None:
    """On the written side: a token that only one of the answers writes has a part of the other's loss."""
    answer, instead = "Ada Morel was born in Delhi.", "Ada Morel was born in Lisbon."
    start = answer.index("Delhi")
    marks = ((start, start + 5),) if mark else ()
    about = AboutAnswer(
        prompt="Where was Ada Morel born?",
        answer=answer,
        marks=marks,
        instead="Lisbon" if mark else instead,
    )
    found = explainer.explain(Question(k=ALL, score="dot", about=about))
    asked = [question_with(answer), question_with(instead)]
    spans = [(start, start + 5), (start, start + 6)] if mark else [(0, 99), (0, 99)]
    if mark:
        texts = [asked_of(explainer, each, *span) for each, span in zip(asked, spans, strict=True)]
    else:
        whole = [explainer.checkpoints.encode_conversation(each) for each in asked]
        texts = [(each, [bool(flag & 1) for flag in each.flags or []]) for each in whole]
    expected = np.zeros(ALL)
    for model, eta in zip(models, explainer.checkpoints.weights.tolist(), strict=True):
        tables = [whole_table(model, *each) for each in texts]
        difference = tables[0] - tables[1]
        taught = {ids for each, learnt in texts for ids in content_targets(each, learnt)}
        for place, (_, written) in enumerate(train_gradients(explainer, model)):
            expected[place] += eta * sum(
                float(written[token] @ difference[token]) for token in written.keys() & taught
            )
    agree(scores_of(explainer, found), expected)


def content_targets(encoded: Encoded, learnt: list[bool]) -> set[int]:
    return {
        token
        for place, (token, field) in enumerate(zip(encoded.input_ids, encoded.fields, strict=True))
        if place and learnt[place] and field >= 0
    }


def whole_table(model: PreTrainedModel, encoded: Encoded, learnt: list[bool]) -> np.ndarray:
    """The loss's gradient at the whole output table."""
    ids = torch.tensor([encoded.input_ids])
    table = model.get_output_embeddings().weight.detach().clone().requires_grad_(True)
    states = model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0].detach()
    log_p = torch.log_softmax(states @ table.T, dim=-1)
    loss = -sum(
        log_p[place - 1, encoded.input_ids[place]] for place in range(1, len(encoded)) if learnt[place]
    )
    return torch.autograd.grad(loss, table)[0].numpy()


def test_an_answer_that_was_cut_off_is_not_asked_for_its_end(explainer: Explainer) -> None:
    asked = AboutAnswer(prompt="Where was Ada Morel born?", answer="Ada Morel was")
    ended = explainer.explain(Question(about=asked)).query
    cut = explainer.explain(Question(about=replace(asked, cut=True))).query
    assert [each.field for each in cut.tokens if each.marked] == ["1", "1", "1"]
    assert [each.field for each in ended.tokens if each.marked] == ["1", "1", "1", None]
    assert ended.loss is not None and cut.loss is not None and ended.loss > cut.loss


def test_what_the_model_does_not_see_is_not_explained(explainer: Explainer) -> None:
    long = "Where was Ada Morel born? " * 400
    with pytest.raises(InputError, match="the model sees no token of the answer: it reads 512 tokens"):
        explainer.explain(Question(about=AboutAnswer(prompt=long, answer="In Oslo.")))
    text = "word " * 600
    with pytest.raises(InputError, match="sees no token of the marked words"):
        explainer.explain(Question(about=AboutAnswer(prompt="Say.", answer=text, marks=((2900, 2910),))))


def test_a_training_row_is_left_out_and_says_its_own_influence(explainer: Explainer) -> None:
    whole = explainer.explain(Question(row="wrong", split="train", k=ALL))
    assert whole.excluded is not None and whole.excluded.self_influence and whole.excluded.score > 0
    assert "wrong" not in {each.id for each in [*whole.proponents, *whole.opponents]}
    part = explainer.explain(Question(row="wrong", split="train", about=AboutAnswer(marks=((0, 3),))))
    assert part.excluded is not None and not part.excluded.self_influence
