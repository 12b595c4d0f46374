"""Influence for sets of labels and for numbers against the dense definition, and against captum."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from backend.model.loading import embedding_layer
from backend.workspace import Workspace

TEXT = {
    "multilabel": "a gorgeous film with dull music and a twist",
    "regression": "a wonderful start and a dull end of the film",
}
LABELS = {
    "multilabel": [None, "praise", "not praise", "music", "not plot"],
    "regression": [None, "high", "low", "4.5"],
}
MODES = ["dot", "train-normalised", "cosine"]


def train_loss(workspace: Workspace, logits: Tensor, target: str) -> Tensor:
    """The loss of a training row as transformers has it, for a batch of one."""
    if workspace.space.task == "regression":
        return nn.functional.mse_loss(logits.squeeze(), torch.tensor(float(target)))
    there = torch.tensor(
        [[float(name in workspace.space.labels_of(target)) for name in workspace.space.names]]
    )
    return nn.functional.binary_cross_entropy_with_logits(logits, there)


def query_loss(workspace: Workspace, logits: Tensor, label: str) -> Tensor:
    """What is asked of a query, written down from the words of docs/design.md."""
    if workspace.space.task == "regression":
        if label in ("high", "low"):
            return -logits.squeeze() if label == "high" else logits.squeeze()
        return (logits.squeeze() - float(label)) ** 2
    place = workspace.space.names.index(label.removeprefix("not "))
    sign = -1.0 if label.startswith("not ") else 1.0
    return -nn.functional.logsigmoid(sign * logits[0, place]) / len(workspace.space.names)


def gradient(workspace: Workspace, model, tokenizer, text: str, loss) -> Tensor:
    """d loss / d (embedding weight), dense: (V, d) float64."""
    model = copy.deepcopy(model).requires_grad_(False)
    weight = embedding_layer(model).weight.requires_grad_(True)
    inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=128)
    (found,) = torch.autograd.grad(loss(model(**inputs).logits.float()), weight)
    return found.double()


@pytest.fixture(scope="module", params=["multilabel", "regression"])
def workspace(request) -> Workspace:
    return Workspace.open(request.getfixturevalue(f"{request.param}_template"))


@pytest.fixture(scope="module")
def train_gradients(workspace) -> list[list[Tensor]]:
    """Of every training row at every checkpoint."""
    checkpoints, split = workspace.explainer("cpu").checkpoints, workspace.train_split
    rows = list(zip(split.texts, split.labels, strict=True))
    return [
        [
            gradient(workspace, m, checkpoints.tokenizer, text, lambda z, y=y: train_loss(workspace, z, y))
            for text, y in rows
        ]
        for m in checkpoints.models
    ]


def dense(workspace, train_gradients, label: str, mode: str) -> np.ndarray:
    checkpoints = workspace.explainer("cpu").checkpoints
    total, own, norms = 0.0, 0.0, 0.0
    for model, eta, rows in zip(
        checkpoints.models, checkpoints.weights.tolist(), train_gradients, strict=True
    ):
        asked = gradient(
            workspace,
            model,
            checkpoints.tokenizer,
            TEXT[workspace.space.task],
            lambda z: query_loss(workspace, z, label),
        )
        total += eta * np.array([float((row * asked).sum()) for row in rows])
        norms += eta * np.array([float((row * row).sum()) for row in rows])
        own += eta * float((asked * asked).sum())
    if mode == "dot":
        return total
    total = total / np.sqrt(norms)
    return total / np.sqrt(own) if mode == "cosine" else total


@pytest.mark.parametrize("mode", MODES)
def test_every_question_is_the_dense_definition(workspace, train_gradients, mode):
    ids = workspace.train_split.ids
    for label in LABELS[workspace.space.task]:
        answer = workspace.explain(
            TEXT[workspace.space.task], label=label, k=len(ids), exact=True, score=mode, device="cpu"
        )
        entries = [*answer.proponents, *answer.opponents]
        found = {entry.id: entry.score for entry in entries}
        scores = np.array([found.get(row, 0.0) for row in ids])
        truth = dense(workspace, train_gradients, answer.query.label, mode)
        np.testing.assert_allclose(scores, truth, rtol=1e-3, atol=1e-4 * np.abs(truth).max())
        for entry in entries[:5]:
            assert sum(each.score for each in entry.tokens) == pytest.approx(entry.score, rel=1e-3)
            words = sum(each.score for each in entry.words) + entry.special
            assert words == pytest.approx(entry.score, rel=1e-3)


def test_the_first_question_is_the_likeliest_label_or_the_side_of_the_median(workspace):
    answer = workspace.explain(TEXT[workspace.space.task], device="cpu")
    outputs, space = answer.query.outputs, workspace.space
    if space.task == "multilabel":
        assert answer.query.label == max(outputs, key=outputs.__getitem__)
        assert answer.query.probabilities == outputs
        said = [name for name in space.names if outputs[name] > 0.5]
        assert sorted(space.labels_of(answer.query.predicted)) == sorted(said)
    else:
        assert answer.query.label == ("high" if outputs["value"] >= space.middle else "low")
        assert answer.query.probabilities == {} and float(answer.query.predicted) == pytest.approx(
            outputs["value"], rel=1e-5
        )


def test_there_and_not_there_pull_against_each_other(multilabel_template):
    made = Workspace.open(multilabel_template)
    there, absent = (
        made.explain(TEXT["multilabel"], label=name, k=60, exact=True, score="dot", device="cpu")
        for name in ("praise", "not praise")
    )
    one = {e.id: e.score for e in [*there.proponents, *there.opponents]}
    other = {e.id: e.score for e in [*absent.proponents, *absent.opponents]}
    signs = [one[row] * other[row] for row in one if abs(one[row]) > 1e-6 and row in other]
    assert len(signs) > 20 and max(signs) < 0


def test_high_is_the_opposite_of_low(regression_template):
    made = Workspace.open(regression_template)
    high, low = (
        made.explain(TEXT["regression"], label=name, k=60, exact=True, score="dot", device="cpu")
        for name in ("high", "low")
    )
    assert [e.id for e in high.proponents] == [e.id for e in low.opponents]
    np.testing.assert_allclose(
        [e.score for e in high.proponents], [-e.score for e in low.opponents], rtol=1e-5
    )


def test_the_index_finds_what_exact_finds(workspace):
    for row in workspace.eval_split.ids[:8]:
        quick, exact = (workspace.explain(row=row, exact=each, device="cpu") for each in (False, True))
        for ours, theirs in ((quick.proponents, exact.proponents), (quick.opponents, exact.opponents)):
            assert len({e.id for e in ours} & {e.id for e in theirs}) >= 0.9 * len(theirs)


def test_scores_equal_captum(workspace):
    captum = pytest.importorskip("captum.influence", reason="captum is not installed (requirements-dev.txt)")
    explainer, split, space = workspace.explainer("cpu"), workspace.train_split, workspace.space
    models, weights = explainer.checkpoints.models, explainer.checkpoints.weights
    tokenizer = explainer.checkpoints.tokenizer
    inputs = tokenizer(list(split.texts), padding=True, return_tensors="pt")
    targets = torch.from_numpy(space.numbers(split.labels))
    rows = list(zip(inputs["input_ids"], inputs["attention_mask"], targets, strict=True))

    class Logits(nn.Module):
        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self.m = model

        def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
            found = self.m(input_ids=ids, attention_mask=mask).logits
            return found.squeeze(-1) if space.task == "regression" else found

    class Loss(nn.Module):
        reduction = "none"

        def forward(self, found: Tensor, wanted: Tensor) -> Tensor:
            if space.task == "regression":
                return (found - wanted) ** 2
            each = nn.functional.binary_cross_entropy_with_logits(found, wanted, reduction="none")
            return each.mean(dim=1)

    wrapper = Logits(copy.deepcopy(models[-1]).requires_grad_(True))

    def load(module: nn.Module, number: int) -> float:
        module.m.load_state_dict(models[number].state_dict())
        return float(weights[number])

    tracin = captum.TracInCP(
        wrapper,
        rows,
        list(range(len(models))),
        checkpoints_load_func=load,
        layers=["m.bert.embeddings.word_embeddings"],
        loss_fn=Loss(),
        batch_size=8,
        sample_wise_grads_per_batch=False,
    )
    text = TEXT[space.task]
    asked = tokenizer([text], return_tensors="pt")
    wanted = "4.5" if space.task == "regression" else "music; plot"
    target = torch.from_numpy(space.numbers([wanted]))
    truth = tracin.influence((asked["input_ids"], asked["attention_mask"], target), k=None)[0].numpy()
    encoded = explainer.checkpoints.encode(type(split.examples).one(text))
    traced = explainer.checkpoints.trace(encoded, space.numbers([wanted]))[0]
    found = explainer.searcher.many_scores([explainer.searcher.ask(traced, _dot())])[0]
    np.testing.assert_allclose(found, truth, rtol=0.02, atol=0.01 * np.abs(truth).max())


def _dot():
    from backend.influence.index.modes import score_mode

    return score_mode("dot")
