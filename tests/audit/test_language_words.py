"""Words as culprits of a language model against the dense definition: every side, tied and untied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel
from typer.testing import CliRunner

from backend.audit.row_words import Sides
from backend.audit.words import INSTEAD
from backend.cli import app
from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer
from backend.influence.answers.culprits import Errors, error_query, misclassified, shard_terms
from backend.influence.answers.explain import Explainer
from backend.influence.answers.instead_query import instead_query
from backend.influence.answers.question import Question
from backend.influence.gradients.sides import channels_by_side
from backend.influence.index.modes import score_mode
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model import prediction_table
from backend.model.encoded import Encoded
from backend.model.loading import embedding_layer
from backend.workspace import Workspace
from tests.language_workspace import trained

SIDES = ("read", "written", "template-read", "template-written", INSTEAD)


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def workspace(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """Both eval rows are errors, so that sums are over several."""
    made = trained(tmp_path_factory.mktemp("lm"), tied=request.param)
    made.precompute(PrecomputeSettings(device="cpu", row_store="full"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction_table, "_WORST", 1.0)
        yield made


@pytest.fixture(scope="module")
def explainer(workspace: Workspace) -> Explainer:
    return workspace.explainer("cpu")


@dataclass
class Dense:
    """One text: gradients (V, d) at what is read, of the text and of the template, and at the output table;
    the tokens that are learnt, of the text and of the template."""

    read: np.ndarray
    template_read: np.ndarray
    table: np.ndarray
    taught: set[int]
    template_taught: set[int]


def dense(model: PreTrainedModel, encoded: Encoded) -> Dense:
    ids = torch.tensor([encoded.input_ids])
    vectors = embedding_layer(model)(ids).detach().requires_grad_(True)
    table = model.get_output_embeddings().weight.detach().clone().requires_grad_(True)
    log_p = torch.log_softmax(model.base_model(inputs_embeds=vectors).last_hidden_state[0] @ table.T, dim=-1)
    learnt = [place for place in range(1, len(encoded)) if (encoded.flags or [])[place] & 1]
    loss = -sum(log_p[place - 1, encoded.input_ids[place]] for place in learnt)
    by_place, by_token = torch.autograd.grad(loss, (vectors, table))
    read = [np.zeros(by_token.shape) for _ in range(2)]
    for place, (token, field) in enumerate(zip(encoded.input_ids, encoded.fields, strict=True)):
        read[field < 0][token] += by_place[0, place].numpy()
    taught = [{encoded.input_ids[at] for at in learnt if (encoded.fields[at] < 0) == mark} for mark in (0, 1)]
    return Dense(*read, by_token.double().numpy(), *taught)


def only(rows: np.ndarray, tokens: set[int]) -> np.ndarray:
    found = np.zeros_like(rows)
    places = sorted(tokens)
    found[places] = rows[places]
    return found


@pytest.fixture(scope="module")
def truth(explainer: Explainer) -> dict[str, np.ndarray]:
    """By side what each token of each training row carries for the errors: (n, V)."""
    folder, checkpoints = explainer.folder, explainer.checkpoints
    train = checkpoints.encode(explainer.train.examples)
    errors = misclassified(explainer).encoded
    assert len(errors) == 2
    found: dict[str, np.ndarray] = {}
    for each in folder.manifest().checkpoints:
        model = AutoModelForCausalLM.from_pretrained(
            folder.checkpoint_path(each), attn_implementation="eager"
        ).eval()
        asked = [dense(model, one) for one in errors]
        queries = {
            "read": sum(q.read for q in asked),
            "template-read": sum(q.template_read for q in asked),
            "written": sum(only(q.table, q.taught) for q in asked),
            "template-written": sum(only(q.table, q.template_taught) for q in asked),
            INSTEAD: sum(q.table - only(q.table, q.taught | q.template_taught) for q in asked),
        }
        for row, one in enumerate(train):
            x = dense(model, one)
            own = {
                "read": x.read,
                "template-read": x.template_read,
                "written": only(x.table, x.taught),
                "template-written": only(x.table, x.template_taught),
                INSTEAD: only(x.table, x.taught),
            }
            for side, rows in own.items():
                terms = found.setdefault(side, np.zeros((len(train), len(rows))))
                terms[row] += each.weight * (rows * queries[side]).sum(axis=1)
    return found


def test_the_table_is_the_dense_definition(workspace: Workspace, truth: dict[str, np.ndarray]) -> None:
    workspace.audit.compute_words(score="dot", device="cpu")
    table = workspace.audit.words().to_pandas()
    assert table["net"].is_monotonic_increasing
    position = workspace.train_split.position
    for side in SIDES:
        terms, found = truth[side], table[table["side"] == side]
        ids = found["token_id"].to_numpy()
        slack = 1e-6 * np.abs(terms).max()
        assert len(set(ids)) == len(ids)
        assert set(np.flatnonzero(np.abs(terms).max(axis=0) > slack)) <= set(ids)
        for name, expected in (("harmful", np.minimum(terms, 0)), ("helpful", np.maximum(terms, 0))):
            np.testing.assert_allclose(found[name], expected.sum(axis=0)[ids], rtol=1e-3, atol=slack)
        for each in found.itertuples():
            for rows, values, sign in (
                (each.top_rows, each.top_terms, 1),
                (each.best_rows, each.best_terms, -1),
            ):
                expected = terms[[position(row) for row in rows], each.token_id]
                np.testing.assert_allclose(values, expected, rtol=1e-3, atol=slack)
                assert (sign * np.asarray(values) < 0).all()
                strongest = np.sort(sign * terms[:, each.token_id])[: len(rows)]
                np.testing.assert_allclose(sign * np.asarray(values), strongest, rtol=1e-3, atol=slack)


def test_words_taught_in_the_place_of_others_mislead(
    truth: dict[str, np.ndarray], workspace: Workspace
) -> None:
    """Rows that write what the errors write help by it; whatever else they write there harms."""
    assert truth["written"].sum() > 0 > truth[INSTEAD].sum()
    workspace.audit.compute_words(score="dot", device="cpu")
    assert workspace.audit.words().to_pylist()[0]["side"] in ("read", INSTEAD)


def sums(explainer: Explainer, side: str, score: str, errors: Errors | None = None) -> np.ndarray:
    """What all terms of each training row add up to on a side."""
    mode, found = score_mode(score), np.zeros(explainer.searcher.count)
    asked = errors or misclassified(explainer)
    instead = side == INSTEAD
    query = instead_query(explainer, asked.encoded, mode) if instead else error_query(explainer, asked, mode)
    channels = channels_by_side(explainer.checkpoints.channels)["written" if instead else side]
    for part in shard_terms(explainer.searcher.on(channels), query, mode):
        np.add.at(found, part.owners, part.terms)
    return found


@pytest.mark.parametrize("score", ["dot", "ekfac", "cosine", "whitened"])
def test_what_is_written_adds_up_to_influence_on_errors(
    workspace: Workspace, explainer: Explainer, score: str
) -> None:
    workspace.compute_influence(score=score, k=3, device="cpu")
    errors = workspace.influence().train["errors"].to_numpy()
    np.testing.assert_allclose(
        sums(explainer, "written", score), errors, rtol=1e-4, atol=1e-5 * np.abs(errors).max()
    )


@pytest.mark.parametrize("side", ["read", "written"])
@pytest.mark.parametrize("score", ["ekfac", "cosine", "whitened"])
def test_a_side_is_what_explain_says_of_it(explainer: Explainer, side: str, score: str) -> None:
    errors = misclassified(explainer)
    one = Errors(errors.positions[:1], errors.encoded[:1], errors.labels[:1])
    name = explainer.splits["eval"].ids[errors.positions[0]]
    about = AboutAnswer(side=side)  # type: ignore[arg-type]
    found = explainer.explain(Question(row=name, split="eval", k=19, score=score, about=about))
    listed = {each.id: each.score for each in [*found.proponents, *found.opponents]}
    expected = [listed.get(row, 0.0) for row in explainer.train.ids]
    added = sums(explainer, side, score, one)
    np.testing.assert_allclose(added, expected, rtol=1e-3, atol=1e-5 * np.abs(added).max())


@pytest.mark.parametrize("score", ["cosine", "train-normalised"])
def test_what_is_written_instead_is_measured_as_what_is_written(explainer: Explainer, score: str) -> None:
    errors = misclassified(explainer)
    one = Errors(errors.positions[:1], errors.encoded[:1], errors.labels[:1])
    (written, instead), (plain, other) = (
        [sums(explainer, side, each, one) for side in ("written", INSTEAD)] for each in (score, "dot")
    )
    assert np.count_nonzero(other) >= 16  # all but those that write the same words
    np.testing.assert_allclose(instead * plain, written * other, rtol=1e-4)


@pytest.mark.parametrize("sides", [Sides(), Sides("read"), Sides("both"), Sides("both", template=True)])
def test_words_of_one_row(workspace: Workspace, truth: dict[str, np.ndarray], sides: Sides) -> None:
    names = ["read", "written"] if sides.side == "both" else [sides.side]
    names += [f"template-{each}" for each in names] if sides.template else []
    place = workspace.train_split.position("wrong")
    expected = sum(truth[each][place].sum() for each in names)
    found = workspace.audit.row_words("wrong", score="dot", device="cpu", sides=sides)
    assert found.score == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert sum(each.score for each in found.words) + found.special == pytest.approx(found.score, abs=1e-6)
    assert sum(each.score for each in found.tokens) == pytest.approx(found.score, abs=1e-6)
    assert (found.special != 0) == sides.template
    assert {each.side for each in found.words} == {each for each in names if "template" not in each}


def test_words_that_one_row_writes_instead(workspace: Workspace, truth: dict[str, np.ndarray]) -> None:
    place = workspace.train_split.position("wrong")
    found = workspace.audit.row_words("wrong", score="dot", device="cpu", sides=Sides(instead=True))
    assert found.score == pytest.approx(truth[INSTEAD][place].sum(), rel=1e-3)
    assert sum(each.score for each in found.words) == pytest.approx(found.score, abs=1e-6)
    assert min(found.words, key=lambda each: each.score).word == "Delhi"


def test_rows_and_places_of_a_word(workspace: Workspace) -> None:
    workspace.audit.compute_words(score="dot", device="cpu")
    rows = [each for each in workspace.audit.words().to_pylist() if each["text"] == "born"]
    assert {each["side"] for each in rows} == {"read", "written"}
    for each in rows:
        listed = workspace.audit.rows_with_token(each["token_id"], each["side"])
        assert len(listed) == each["n_rows"] and set(each["top_rows"]) | set(each["best_rows"]) <= set(listed)
        place = workspace.audit.word_place("wrong", each["token_id"], each["side"], device="cpu")
        assert place is not None and place.text[place.start : place.end] == "born"
        role = "user" if each["side"] == "read" else "assistant"
        assert place.role == role and ("Where" in place.text) == (role == "user")
    mark = next(each for each in workspace.audit.words().to_pylist() if each["side"] == "template-written")
    assert workspace.audit.word_place("wrong", mark["token_id"], mark["side"], device="cpu") is None
    with pytest.raises(InputError, match="side asked: must be one of read, written"):
        workspace.audit.rows_with_token(5, "asked")


def test_on_the_command_line(workspace: Workspace) -> None:
    runner, path = CliRunner(), str(workspace.path)
    found = json.loads(
        runner.invoke(app, ["words", path, "--device", "cpu", "--most", "500", "--json"]).stdout
    )
    assert {each["side"] for each in found} == {"written", INSTEAD}
    delhi = next(each for each in found if each["word"] == "delhi")
    example = delhi["example"]
    assert example["id"] == delhi["top_rows"][0]
    assert example["text"][example["start"] : example["end"]].startswith(("D", "e", "l"))
    sides = ["--side", "both", "--template", "--most", "500", "--json", "--device", "cpu"]
    every = json.loads(runner.invoke(app, ["words", path, *sides]).stdout)
    assert {each["side"] for each in every} == set(SIDES)
    shown = " ".join(runner.invoke(app, ["words", path, "--device", "cpu"]).stdout.split())
    assert "the tenth of the eval rows with the largest loss per token" in shown and "assistant:" in shown
    one = json.loads(
        runner.invoke(app, ["words", path, "--row", "wrong", "--device", "cpu", "--json"]).stdout
    )
    assert one["clean"] is None and {each["side"] for each in one["errors"]["words"]} == {"written"}
    failed = runner.invoke(app, ["words", path, "--side", "down"])
    assert str(failed.exception) == "--side down: must be one of both, read, written"


def test_sides_are_of_language_models(tiny_template: Path) -> None:
    failed = CliRunner().invoke(app, ["words", str(tiny_template), "--side", "read"])
    assert "for language models; this workspace is about classification" in str(failed.exception)
