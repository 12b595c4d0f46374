"""VoG against its formula, one example at a time."""

import numpy as np
import pytest
import torch

from backend.errors import InputError
from backend.model.loading import embedding_layer, load_classifier, load_tokenizer
from backend.scores.vog import normalised, token_vog, vog
from backend.workspace import Workspace


def slow(workspace: Workspace, text: str, label: int) -> np.ndarray:
    """Standard deviation over checkpoints of the gold logit's gradient, mean over dimensions: (L)."""
    found = []
    for checkpoint in workspace.manifest.checkpoints:
        path = workspace.folder.checkpoint_path(checkpoint)
        model, tokenizer = load_classifier(path, attention="eager"), load_tokenizer(path)
        inputs = dict(tokenizer(text, truncation=True, max_length=64, return_tensors="pt"))
        embeds = embedding_layer(model)(inputs.pop("input_ids")).detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(model(inputs_embeds=embeds, **inputs).logits[0, label], embeds)
        found.append(gradient[0].double().numpy())
    return np.std(found, axis=0).mean(axis=1)


def test_every_row_has_the_deviation_of_its_gold_logits_gradient(tiny_template):
    workspace = Workspace.open(tiny_template)
    train, classes = workspace.train_split, workspace.manifest.classes
    found = vog(workspace.explainer())
    for place in range(0, len(train), 7):
        label = classes.index(train.labels[place])
        positions = slow(workspace, train.texts[place], label)
        assert found[place] == pytest.approx(positions.mean(), rel=1e-4)
        encoded = workspace.explainer().checkpoints.encode([train.texts[place]], None)[0]
        np.testing.assert_allclose(token_vog(workspace.explainer(), encoded, label), positions, rtol=1e-4)


def test_normalised_within_groups_guards_what_does_not_vary():
    values = np.array([1.0, 3.0, 5.0, 5.0, np.nan])
    found = normalised(values, np.array([0, 0, 1, 1, 0]))
    np.testing.assert_allclose(found, [-1.0, 1.0, 0.0, 0.0, np.nan])


def test_one_checkpoint_has_no_variance(tiny_workspace):
    engine = tiny_workspace.explainer()
    del engine.checkpoints.models[1:]
    with pytest.raises(InputError, match="at least two checkpoints"):
        vog(engine)
