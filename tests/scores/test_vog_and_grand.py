"""VoG and GraNd against their formulas, one example at a time."""

import numpy as np
import pytest
import torch
from torch import nn

from backend.data.examples import Examples
from backend.errors import InputError
from backend.model.loading import embedding_layer, load_classifier, load_tokenizer
from backend.scores.vog import normalised, token_vog
from backend.workspace import Workspace


@pytest.fixture(scope="module")
def scored(tiny_template, tmp_path_factory):
    import shutil

    workspace = Workspace.open(shutil.copytree(tiny_template, tmp_path_factory.mktemp("vog") / "ws"))
    workspace.scores.compute(["vog", "grand"])
    return workspace


@pytest.fixture(scope="module")
def models(scored):
    manifest, folder = scored.manifest, scored.folder
    paths = [folder.checkpoint_path(each) for each in manifest.checkpoints]
    return [load_classifier(path, attention="eager") for path in paths], load_tokenizer(paths[-1])


def logit_gradient(model, tokenizer, text: str, label: int) -> torch.Tensor:
    """d logit / d embedding output: (L, d)."""
    inputs = tokenizer(text, return_tensors="pt")
    embedded = embedding_layer(model)(inputs.pop("input_ids")).detach().requires_grad_(True)
    logit = model(inputs_embeds=embedded, **inputs).logits[0, label]
    return torch.autograd.grad(logit, embedded)[0][0]


def test_vog_is_the_deviation_over_checkpoints(scored, models):
    loaded, tokenizer = models
    split, classes = scored.train_split, scored.manifest.classes
    found = scored.scores.table().values("vog")
    for place in range(0, len(split), 7):
        label = classes.index(split.labels[place])
        gradients = [logit_gradient(each, tokenizer, split.texts[place], label) for each in loaded]
        deviation = torch.stack(gradients).double().std(dim=0, correction=0)
        assert found[place] == pytest.approx(float(deviation.mean()), rel=1e-4)
        tokens = token_vog(scored.explainer(), split.take([place]))
        np.testing.assert_allclose(tokens.values, deviation.mean(dim=1).numpy(), rtol=1e-4)
        assert tokens.whole == pytest.approx(found[place], rel=1e-5)
        assert tokens.tokens == tokenizer.convert_ids_to_tokens(tokenizer(split.texts[place])["input_ids"])


def test_norms_within_the_class_and_over_all(scored):
    table, labels = scored.scores.table(), np.array(scored.train_split.labels)
    raw = table.values("vog")
    np.testing.assert_allclose(table.values("vog_dataset_norm"), (raw - raw.mean()) / raw.std())
    for name in scored.manifest.classes:
        own = raw[labels == name]
        expected = (own - own.mean()) / own.std()
        np.testing.assert_allclose(table.values("vog_class_norm")[labels == name], expected)


def test_a_class_without_spread_has_zeros_and_no_value_stays_none():
    values = np.array([2.0, 2.0, 5.0, 1.0, 3.0, np.nan])
    found = normalised(values, np.array([0, 0, 1, 2, 2, 2]))
    np.testing.assert_allclose(found, [0, 0, 0, -1, 1, np.nan])


def test_one_checkpoint_is_not_enough(tiny_workspace):
    manifest = tiny_workspace.manifest
    tiny_workspace.folder.write_manifest(
        manifest.model_copy(update={"checkpoints": manifest.checkpoints[-1:]})
    )
    tiny_workspace.precompute()
    explainer = tiny_workspace.explainer()
    with pytest.raises(InputError, match="vog: compares checkpoints, and this workspace has 1"):
        token_vog(explainer, Examples.of(["a witty film"], None, ["good"]))
    with pytest.raises(InputError, match="it needs at least 2"):
        tiny_workspace.scores.compute(["vog"])


def test_grand_is_the_norm_of_the_whole_gradient(scored, models):
    loaded, tokenizer = models
    split, classes = scored.train_split, scored.manifest.classes
    chosen = [
        model for model, each in zip(loaded, scored.manifest.checkpoints, strict=True) if each.epoch <= 2
    ]
    assert len(chosen) == 2
    table = scored.scores.table()
    for place in range(0, len(split), 11):
        norms = []
        for model in chosen:
            model.zero_grad(set_to_none=True)
            inputs = tokenizer(split.texts[place], return_tensors="pt")
            label = torch.tensor([classes.index(split.labels[place])])
            nn.functional.cross_entropy(model(**inputs).logits, label).backward()
            norms.append(sum(float(p.grad.double().square().sum()) for p in model.parameters()) ** 0.5)
        assert table.values("grand")[place] == pytest.approx(np.mean(norms), rel=1e-4)
    assert set(table.table["grand_left_out"].to_pylist()) == {""}
