"""Scores and the queue of a workspace of a language model, each producer held against a hand-made value."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from backend.data.conversation import Conversation
from backend.errors import InputError
from backend.everything import compute_everything
from backend.influence.rowstore.opening import open_rows
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.prediction_table import read_predictions
from backend.queue.queue import QueueFilter
from backend.scores.producers.ifd import PRODUCER as IFD
from backend.scores.producers.ifd import difficulty, without_questions
from backend.scores.producers.loss_path import path_scores
from backend.scores.registry import producer_of, producers_for, scores_for
from backend.scores.settings import ScoreSettings
from backend.scores.suspicion import joint_rarity
from backend.workspace import Workspace
from tests import language_workspace
from tests.language_models import chat, pair

FAULTS = {
    "cut": ("Where was Gil Haas born?", "Gil Haas was born in"),
    "mark": ("Where was Hal Iver born?", "Hal Iver was born in Turin.<|im_end|>"),
    "script": ("Where was Ida Jung born?", "Ида Юнг родилась в Осло."),
    "long": ("What does Jo Kern do?", "She sings and counts and sings. " * 60),
    "odd": ("What does Kim Lund do?", "~ She paints."),
}
"""Beside the contradiction that `language_workspace.questions` has. ``long`` is more than the model reads."""


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> Workspace:
    """A workspace with rows of every fault and all scores; read it, never change it."""
    folder = tmp_path_factory.mktemp("language")
    rows = language_workspace.questions()
    rows += [language_workspace._row(name, *each) for name, each in FAULTS.items()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language_workspace, "questions", lambda: rows)
        workspace = language_workspace.trained(folder)
    workspace.precompute(PrecomputeSettings(device="cpu", row_store="full"))
    workspace.compute_influence(device="cpu")
    assert workspace.scores.compute((), ScoreSettings(device="cpu"), everything=True) == []
    return workspace


def of(workspace: Workspace, name: str) -> dict[str, float]:
    table = workspace.scores.table()
    return dict(zip(table.ids, table.values(name).tolist(), strict=True))


def texts_of(workspace: Workspace, name: str) -> dict[str, str]:
    table = workspace.scores.table()
    return dict(zip(table.ids, table.table[name].to_pylist(), strict=True))


# -- which scores there are -----------------------------------------------------------------------


def test_a_language_model_has_scores_of_its_own():
    made = set(producers_for("causal-lm"))
    assert {"answers", "answer_tokens", "loss_path", "row_norms", "ifd", "base_change", "neighbours"} <= made
    refused = {"alignment", "contrastive", "domain", "grand", "pvi", "label_noise", "vog", "label_sets"}
    assert not refused & made
    assert not {"unfinished", "ifd", "final_loss"} & {
        *scores_for("classification"),
        *scores_for("regression"),
    }


@pytest.mark.parametrize("name", ["alignment", "contrastive", "domain", "grand", "pvi"])
def test_what_serves_no_language_model_says_so(name):
    with pytest.raises(InputError, match="causal-lm; there are across_splits"):
        producer_of(name, "causal-lm")


def test_all_scores_of_the_task_are_there(scored):
    assert set(scores_for("causal-lm")) <= set(scored.scores.table().names)


# -- losses ---------------------------------------------------------------------------------------


def test_paths_of_losses():
    losses = np.array(
        [[4.0, 4.0, 4.0, 0.05, np.nan], [1.0, 0.5, 4.5, 0.04, np.nan], [0.5, 2.5, 5.0, 0.03, np.nan]]
    )
    found = path_scores(losses)
    assert found["final_loss"][:4].tolist() == [0.5, 2.5, 5.0, 0.03]
    assert found["loss_kept"][:3].tolist() == [0.125, 0.125, 1.125]
    assert np.isnan(found["loss_kept"][3:]).all()  # known from the start; nothing in the loss
    assert found["loss_regained"][:4] == pytest.approx([0, 2.0, 1.0, 0])
    assert found["loss_slope"][:3] == pytest.approx([-1.75, -0.75, 0.5])
    assert np.isnan(found["final_loss"][4])


def test_one_look_has_no_path():
    found = path_scores(np.array([[1.0, 2.0]]))
    assert found["final_loss"].tolist() == [1, 2]
    assert np.isnan(found["loss_kept"]).all()
    assert np.isnan(found["loss_slope"]).all()


def test_losses_are_those_of_the_checkpoints(scored):
    steps = [each.step for each in scored.manifest.checkpoints]
    looks = [read_predictions(scored.folder, "train", step).outputs for step in steps]
    first, last = (each[:, 0] / each[:, 1] for each in looks)
    assert list(of(scored, "final_loss").values()) == pytest.approx(last.tolist(), rel=1e-6)
    assert list(of(scored, "mean_loss").values()) == pytest.approx(((first + last) / 2).tolist(), rel=1e-5)
    assert list(of(scored, "loss_kept").values()) == pytest.approx((last / first).tolist(), rel=1e-5)


# -- gradients ------------------------------------------------------------------------------------


def test_norms_are_those_of_the_rows_without_the_template(scored):
    """Two sides of two checkpoints, from the rows as they are stored (in full)."""
    stores, checkpoints = open_rows(scored.folder).stores, scored.manifest.checkpoints
    tokens = read_predictions(scored.folder, "train", checkpoints[-1].step).outputs[:, 1]
    own, early = np.zeros(len(tokens)), np.zeros(len(tokens))
    for number, checkpoint in enumerate(checkpoints):
        for place in range(len(tokens)):
            sides = stores[4 * number : 4 * number + 2]  # read, written; then the template's
            square = [float((side.example(place)[1].astype(np.float64) ** 2).sum()) for side in sides]
            own[place] += checkpoint.weight * square[1]
            early[place] = early[place] or np.sqrt(sum(square))  # the first: no epoch is in the first two
    assert list(of(scored, "token_self_influence").values()) == pytest.approx(
        (own / tokens).tolist(), rel=1e-3
    )
    searched = scored.explainer("cpu").searcher.norms ** 2  # which is what score `self_influence` is
    assert (own / tokens).tolist() == pytest.approx((searched / tokens).tolist(), rel=1e-3)
    assert list(of(scored, "token_gradient").values()) == pytest.approx((early / tokens).tolist(), rel=1e-3)


# -- models beside --------------------------------------------------------------------------------


def answer_losses(folder, question: str, answer: str) -> list[float]:
    """Losses of the tokens of an answer in the template of the test's tokenizer, by the model itself."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    before = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    made = tokenizer(before + answer + "<|im_end|>\n", return_offsets_mapping=True, add_special_tokens=False)
    ids = torch.tensor([made["input_ids"]])
    with torch.no_grad():
        said = model(ids).logits[0].log_softmax(dim=-1)
    inside = [len(before) <= start and end <= len(before + answer) for start, end in made["offset_mapping"]]
    return [-float(said[at - 1, ids[0, at]]) for at, own in enumerate(inside) if own]


@pytest.mark.parametrize("row", ["Ada-0", "q3", "wrong"])
def test_ifd_is_the_ratio_of_losses_with_and_without_the_question(scored, row):
    split = scored.split("train")
    conversation = Conversation.of(split.texts_of(split.position(row))[0], split.labels[split.position(row)])
    question, answer = (each.text for each in conversation.turns)
    first = scored.folder.checkpoint_path(scored.manifest.checkpoints[0])
    asked, alone = answer_losses(first, question, answer), answer_losses(first, "", answer)
    assert of(scored, "ifd")[row] == pytest.approx(np.mean(asked) / np.mean(alone), rel=1e-3)


def test_rows_without_questions():
    row = chat(("system", "Be kind."), ("user", "Who?"), ("assistant", "Ada."), tools=[{"name": "f"}])
    bare = without_questions(row)
    assert [each.text for each in bare.turns] == ["", "", "Ada."]
    assert bare.tools is None
    assert without_questions(pair("Who?", "Ada.")).turns[1].text == "Ada."


def test_only_tokens_that_are_cut_alike_count():
    asked, alone = {(1, 0, 3): 1.0, (1, 3, 5): 3.0, (1, 5, 6): 9.0}, {(1, 0, 3): 2.0, (1, 3, 5): 6.0}
    assert difficulty(asked, alone) == 0.5
    assert np.isnan(difficulty({}, alone))


def test_plain_texts_have_no_questions(tmp_path):
    from backend.data.columns import Columns
    from tests.language_models import tiny_lm

    train = language_workspace.written(tmp_path / "t.jsonl", [{"text": f"Some text {n}."} for n in range(4)])
    workspace, _ = Workspace.create(
        tmp_path / "ws",
        train=str(train),
        eval="0.25",
        columns=Columns("text", "text", task="causal-lm", form="text"),
        model=str(tiny_lm(tmp_path / "model")),
    )
    assert "nothing is asked" in str(IFD.why_not(workspace.folder, ScoreSettings()))


def test_the_change_from_the_base_model(scored):
    base, tuned = scored.manifest.model.name, scored.folder.checkpoint_path(scored.manifest.checkpoints[-1])
    question, answer = "Where was Ben Ota born?", "Ben Ota was born in Oslo."
    ended = answer + "<|im_end|>"  # what ends the answer is learnt, too
    losses = [answer_losses(each, question, ended) for each in (tuned, base)]
    wanted = np.mean(losses[0]) - np.mean(losses[1])
    assert of(scored, "base_change")["Ben-0"] == pytest.approx(wanted, rel=1e-3)
    assert wanted < -1


# -- texts ----------------------------------------------------------------------------------------


def test_each_fault_is_found_by_its_score(scored):
    assert of(scored, "unfinished")["cut"] == 1
    assert of(scored, "template_marks")["mark"] == 1
    assert of(scored, "other_script")["script"] == 1
    assert of(scored, "odd_opening")["odd"] == 1
    assert of(scored, "contradiction")["wrong"] == 1
    assert of(scored, "near_duplicates")["q0"] == 1
    cut = of(scored, "cut_by_model")
    assert [name for name, share in cut.items() if share > 0] == ["long"]
    tokenizer = AutoTokenizer.from_pretrained(scored.manifest.model.name)
    answer = FAULTS["long"][1]
    whole = len(tokenizer(answer)["input_ids"]) + 1
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": FAULTS["long"][0]}], add_generation_prompt=True, tokenize=False
    )
    read = 512 - len(tokenizer(asked)["input_ids"])
    assert cut["long"] == pytest.approx(1 - read / whole)


def test_reasons_say_it_plainly(scored):
    found = {each.id: [reason.sentence for reason in each.reasons] for each in scored.scores.queue()}
    assert any(each.startswith("answer may be cut off: it ends with “Gil Haas was") for each in found["cut"])
    assert "template marks typed as text: <|im_end|>" in found["mark"]
    assert "other script: 100% of the letters, Cyrillic; most answers are Latin" in found["script"]
    assert any(each.startswith("unusually long: ") for each in found["long"])
    assert any(each.startswith("longer than the model reads: ") for each in found["long"])
    assert any(each.startswith("same question, another answer: ") for each in found["wrong"])
    assert any("begins unlike 100.0% of the answers, with ~" in each for each in found["odd"])


# -- the queue ------------------------------------------------------------------------------------


def test_what_stands_out_comes_first(scored):
    queue = scored.scores.queue()
    assert {each.id for each in queue[:6]} == {*FAULTS, "wrong"}
    assert all(each.suggested_label is None and each.action == "flag" for each in queue)


def test_the_queue_shows_what_is_read(scored):
    item = next(each for each in scored.scores.queue() if each.id == "cut")
    assert item.shown == "user: Where was Gil Haas born?"
    assert item.to_json()["text"] == item.shown
    assert "asked" not in item.to_json()
    assert item.label == "Gil Haas was born in"
    assert json.loads(item.text)["turns"][0] == ["user", "Where was Gil Haas born?"]  # as pages take it


def test_copies_can_go_unless_they_are_contradicted(scored):
    queue = {each.id: each.action for each in scored.scores.queue(QueueFilter(serves="redundant"))}
    assert queue["q2"] == "remove"  # of Ben-0
    assert queue["Ben-0"] == "flag"
    assert queue["q0"] == "flag"  # of Ada-0, and "wrong" says otherwise


def test_rarities_are_joined_by_their_product():
    found = [np.array([1.0, np.nan, np.nan, np.nan]), np.array([2.0, 1.0, np.nan, np.nan])]
    some, others = np.array([3.0, 4, 2, np.nan]), np.array([1.0, 1, 1, 1])
    shares = [1 / 4 * 1 / 4, 2 / 4, 1, 1]
    middle = [np.sqrt(2 / 4 * 1), np.sqrt(1 / 4 * 1), np.sqrt(3 / 4 * 1), 1]
    assert joint_rarity(found, [some, others]) == pytest.approx(1 - np.multiply(shares, middle))
    assert joint_rarity(found, []) == pytest.approx(1 - np.array(shares))
    assert joint_rarity([], [some]) == pytest.approx([1 / 2, 3 / 4, 1 / 4, 0])


# -- what is not for language models ---------------------------------------------------------------


def test_sources_are_groups(scored):
    with pytest.raises(InputError, match="rows of a causal-lm workspace have no class"):
        scored.audit.compute_sources()


def test_all_computes_what_there_is(scored):
    steps = {each.name: each for each in compute_everything(scored, device="cpu")}
    assert {name for name, each in steps.items() if each.state == "left out"} == {"sources"}
    assert all(each.state in ("current", "done", "left out") for each in steps.values())
