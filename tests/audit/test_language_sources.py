"""Sources of a language model: alignments and cosines against looped gradients, influence by side."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel
from typer.testing import CliRunner

from backend.audit import source_alignments
from backend.cli import app
from backend.data.columns import Columns
from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer
from backend.influence.answers.question import Question
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.encoded import Encoded
from backend.scores.settings import ScoreSettings
from backend.workspace import Workspace
from tests import language_workspace
from tests.language_models import tiny_lm

SETTINGS = ScoreSettings(device="cpu")
NAMES = ("facts", "jobs", "wrong")
ALL = 19


def source_of(row: str) -> str:
    return "wrong" if row == "wrong" else "jobs" if row.startswith("q") else "facts"


def created(folder: Path, *_: object, grouped: bool = True) -> Workspace:
    """Chats with the group of each, and twelve eval rows."""
    rows = [{**each, "source": source_of(str(each["id"]))} for each in language_workspace.questions()]
    evaluated = [{**each, "id": f"e{each['id']}"} for each in rows[:12]]
    workspace, _ = Workspace.create(
        folder / "ws",
        train=str(language_workspace.written(folder / "train.jsonl", rows)),
        eval=str(language_workspace.written(folder / "eval.jsonl", evaluated)),
        columns=Columns(
            "messages",
            "messages",
            id="id",
            group="source" if grouped else None,
            task="causal-lm",
            form="messages",
        ),
        model=str(tiny_lm(folder / "model")),
    )
    return workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language_workspace, "created", created)
        made = language_workspace.trained(tmp_path_factory.mktemp("sources"))
    made.precompute(PrecomputeSettings(device="cpu", row_store="full"))
    made.audit.compute_sources(SETTINGS)
    return made


def looped(model: PreTrainedModel, encoded: Encoded) -> torch.Tensor:
    """Gradient of one row's summed loss over all weights: one long vector."""
    model.zero_grad(set_to_none=True)
    ids = torch.tensor([encoded.input_ids])
    log_p = torch.log_softmax(model(ids).logits[0], dim=-1)
    learnt = [place for place in range(1, len(encoded)) if (encoded.flags or [])[place] & 1]
    (-sum(log_p[place - 1, encoded.input_ids[place]] for place in learnt)).backward()
    return torch.cat([p.grad.double().flatten() for p in model.parameters() if p.grad is not None])


def test_alignments_and_cosines_are_those_of_looped_gradients(workspace: Workspace) -> None:
    checkpoints = workspace.explainer("cpu").checkpoints
    train, held_out = (
        checkpoints.encode(each.examples) for each in (workspace.train_split, workspace.eval_split)
    )
    groups = np.array(workspace.train_split.groups)
    found = workspace.audit.sources()
    table, pairs = found.table.to_pylist(), found.cosines.to_pylist()
    for each in workspace.manifest.checkpoints:
        model = AutoModelForCausalLM.from_pretrained(
            workspace.folder.checkpoint_path(each), attn_implementation="eager"
        ).eval()
        target = torch.stack([looped(model, one) for one in held_out]).mean(dim=0)
        rows = torch.stack([looped(model, one) for one in train])
        aligned = (rows @ target).numpy()
        means = {name: rows[groups == name].mean(dim=0) for name in NAMES}
        for name in NAMES:
            (row,) = (one for one in table if one["step"] == each.step and one["source"] == name)
            own = aligned[groups == name]
            assert row["rows"] == len(own)
            assert row["mean"] == pytest.approx(own.mean(), rel=1e-3)
            assert row["negative"] == pytest.approx((own < 0).mean())
            cosine = torch.nn.functional.cosine_similarity(means[name], target, dim=0)
            assert row["cosine"] == pytest.approx(float(cosine), abs=1e-4)
            for other in NAMES:
                (pair,) = (
                    one
                    for one in pairs
                    if (one["step"], one["source"], one["other"]) == (each.step, name, other)
                )
                cosine = torch.nn.functional.cosine_similarity(means[name], means[other], dim=0)
                assert pair["cosine"] == pytest.approx(float(cosine), abs=1e-4)


def test_another_step_goes_over_no_row_again(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_alignments, "measure_products", lambda context: pytest.fail("again"))
    before = workspace.audit.sources().table.to_pylist()
    workspace.audit.compute_sources(SETTINGS, eta=4.0)
    after = workspace.audit.sources().table.to_pylist()
    assert [each["mean"] for each in before] == [each["mean"] for each in after]
    assert [each["weight"] for each in before] != [each["weight"] for each in after]
    workspace.audit.compute_sources(SETTINGS)


def influences(workspace: Workspace, question: Question, side: str) -> dict[str, float]:
    """Scores of all training rows as `explain` tells them."""
    about = AboutAnswer(side=side)  # type: ignore[arg-type]
    asked = Question(row=question.row, split=question.split, k=ALL, score="dot", about=about)
    found = workspace.explainer("cpu").explain(asked)
    return {each.id: each.score for each in [*found.proponents, *found.opponents]}


@pytest.mark.parametrize("side", ["read", "written"])
def test_influence_on_a_question_is_the_sum_of_its_rows(workspace: Workspace, side: str) -> None:
    question = Question(row="wrong", split="train")
    listed = influences(workspace, question, side)
    found = [
        each
        for each in workspace.audit.source_influence(question, score="dot", device="cpu")
        if each.side == side
    ]
    assert {each.source for each in found} == {"facts", "jobs"}  # the row itself does not count
    for each in found:
        own = [listed.get(row, 0.0) for row in workspace.train_split.ids if source_of(row) == each.source]
        assert each.rows == len(own)
        assert each.total == pytest.approx(sum(own), rel=1e-3, abs=1e-9)
        assert each.mean == pytest.approx(np.mean(own), rel=1e-3, abs=1e-9)
        assert each.standard_error == pytest.approx(np.std(own, ddof=1) / len(own) ** 0.5, rel=1e-3)
    assert [each.total for each in found] == sorted([each.total for each in found], reverse=True)


def test_influence_on_eval_rows_is_the_mean_over_them(workspace: Workspace) -> None:
    found = {
        (each.side, each.source): each for each in workspace.audit.source_influence(score="dot", device="cpu")
    }
    assert {side for side, _ in found} == {"read", "written", "template-read", "template-written"}
    rows = workspace.eval_split.ids
    listed = [influences(workspace, Question(row=row, split="eval"), "written") for row in rows]
    for name in NAMES:
        sums = [sum(score for row, score in each.items() if source_of(row) == name) for each in listed]
        assert found["written", name].total == pytest.approx(np.mean(sums), rel=1e-3)


def test_on_the_command_line(workspace: Workspace) -> None:
    runner, path = CliRunner(), str(workspace.path)
    shown = runner.invoke(app, ["sources", path, "--device", "cpu"]).stdout
    assert "weight of one step" in shown and "wrong" in shown
    ask = ["sources", path, "--influence", "--device", "cpu"]
    typed = ["--prompt", "Where was Ada Morel born?", "--answer", "Ada Morel was born in Delhi."]
    found = json.loads(runner.invoke(app, [*ask, *typed, "--json"]).stdout)
    written = {each["source"]: each for each in found if each["side"] == "written"}
    assert written["wrong"]["mean"] == max(each["mean"] for each in written.values())
    assert "lowered the mean loss of the eval rows" in " ".join(runner.invoke(app, ask).stdout.split())
    failed = runner.invoke(app, ["sources", path, "--row", "wrong"])
    assert str(failed.exception).endswith("add --influence")


def test_rows_without_groups_are_told_what_to_name(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language_workspace, "created", lambda folder, *_: created(folder, grouped=False))
        made = language_workspace.trained(tmp_path)
    made.precompute(PrecomputeSettings(device="cpu"))
    for ask in (
        made.audit.compute_sources,
        lambda: made.audit.source_influence(device="cpu"),
    ):
        with pytest.raises(
            InputError, match="of a causal-lm workspace have no class; name their column with"
        ):
            ask()


def test_classes_have_influence_too(tiny_template: Path) -> None:
    made = Workspace.open(tiny_template)
    row = made.eval_split.ids[0]
    found = made.audit.source_influence(Question(row=row, split="eval"), score="dot", device="cpu")
    explained = made.explainer("cpu").explain(Question(row=row, split="eval", k=1000, score="dot"))
    for each in found:
        entries = [*explained.proponents, *explained.opponents]
        total = sum(entry.score for entry in entries if entry.label == each.source)
        assert each.side == "read" and each.total == pytest.approx(total, rel=1e-3, abs=1e-6)
