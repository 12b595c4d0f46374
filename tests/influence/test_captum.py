"""A second oracle: captum's TracInCP restricted to the word-embedding layer."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from backend.workspace import Workspace

captum = pytest.importorskip("captum.influence", reason="captum is not installed (requirements-dev.txt)")


class _Logits(nn.Module):
    """Plain tensors in, logits out, as captum wants."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.m = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.m(input_ids=input_ids, attention_mask=attention_mask).logits


class _Rows(Dataset):
    def __init__(self, inputs: dict[str, torch.Tensor], labels: list[int]) -> None:
        self.inputs, self.labels = inputs, torch.tensor(labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int):
        return self.inputs["input_ids"][place], self.inputs["attention_mask"][place], self.labels[place]


def test_scores_equal_captum(tiny_template):
    workspace = Workspace.open(tiny_template)
    explainer, train = workspace.explainer("cpu"), workspace.train_split
    models, weights = explainer.checkpoints.models, explainer.checkpoints.weights
    tokenizer, classes = explainer.checkpoints.tokenizer, workspace.manifest.classes
    labels = [classes.index(name) for name in train.labels]
    inputs = tokenizer(train.texts, padding=True, truncation=True, max_length=64, return_tensors="pt")
    text = "a witty film with a dull story, a witty story"
    asked = tokenizer([text], return_tensors="pt")
    wrapper = _Logits(copy.deepcopy(models[-1]).requires_grad_(True))

    def load(module: nn.Module, number: int) -> float:
        module.m.load_state_dict(models[number].state_dict())
        return float(weights[number])

    tracin = captum.TracInCP(
        wrapper,
        _Rows(inputs, labels),
        list(range(len(models))),
        checkpoints_load_func=load,
        layers=["m.bert.embeddings.word_embeddings"],
        loss_fn=nn.CrossEntropyLoss(reduction="none"),
        batch_size=8,
        sample_wise_grads_per_batch=False,
    )
    target = torch.tensor([classes.index("bad")])
    truth = (
        tracin.influence((asked["input_ids"], asked["attention_mask"], target), k=None)[0].detach().numpy()
    )
    explanation = workspace.explain(text, label="bad", k=len(train), exact=True, score="dot", device="cpu")
    found = {entry.id: entry.score for entry in [*explanation.proponents, *explanation.opponents]}
    scores = np.array([found.get(row, 0.0) for row in train.ids])
    np.testing.assert_allclose(scores, truth, rtol=1e-3, atol=1e-5 * np.abs(truth).max())
    assert np.abs(truth).max() > 0
