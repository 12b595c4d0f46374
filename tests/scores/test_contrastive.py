"""Contrastive selection: the change of loss by a short fine-tuning on the target sample."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from backend.model.loading import load_classifier, load_tokenizer
from backend.model.training_settings import TrainingSettings
from backend.scores.producers import contrastive
from backend.scores.producers.contrastive import PRODUCER
from tests.conftest import write_rows
from tests.model.test_checkpoints import raw_run
from tests.scores.helpers import context_of, workspace_of
from tests.scores.test_domain import FILM, FOOD, labelled, texts

OPINIONS = {FILM: ("gorgeous", "dull"), FOOD: ("tasty", "stale")}


def opinions(words, count: int, seed: int) -> list[tuple[str, str]]:
    """Rows whose label follows from a word, which is another one in each domain."""
    rows = []
    for number, text in enumerate(texts(words, count, seed)):
        word = OPINIONS[words][number % 2]
        rows.append((f"{word} {word} {word} {text}", ("good", "bad")[number % 2]))
    return rows


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Three rows of films to one of food; the eval rows are of food."""
    folder = tmp_path_factory.mktemp("contrast")
    train = opinions(FILM, 90, 0) + opinions(FOOD, 30, 1)
    made = workspace_of(folder, train, opinions(FOOD, 240, 2))
    made.train(TrainingSettings(epochs=2, lr=2e-3, batch_size=8, precision="fp32", device="cpu"))
    return made


def test_rows_of_the_target_become_easier(workspace):
    before = {path.name for path in workspace.path.rglob("*")}
    settings = context_of(workspace).settings
    assert workspace.scores.compute([], settings) is not None
    assert "contrastive" not in workspace.scores.table().names  # it trains: only where it is asked for
    workspace.scores.compute(["contrastive"], settings)
    found = workspace.scores.table().values("contrastive")
    assert roc_auc_score(np.arange(120) < 90, found) > 0.8
    added = {path.name for path in workspace.path.rglob("*")} - before
    assert not [name for name in added if name.startswith("checkpoint") or name.endswith(".tmp")]
    artifact = workspace.manifest.artifacts["scores/contrastive"]
    workspace.scores.compute(["contrastive"], settings)
    assert workspace.manifest.artifacts["scores/contrastive"] == artifact
    row = workspace.scores.table().table.slice(0, 1).to_pylist()[0]
    assert "{" not in PRODUCER.scores[0].sentence.format(**row)


def test_another_sample_of_the_pool_tells_nothing(tmp_path):
    """Half the pool and the target are alike: the change does not say who is of the target."""
    workspace = workspace_of(tmp_path, opinions(FILM, 120, 0), opinions(FILM, 60, 5))
    workspace.train(TrainingSettings(epochs=2, lr=2e-3, batch_size=8, precision="fp32", device="cpu"))
    workspace.scores.compute(["contrastive"], context_of(workspace).settings)
    found = workspace.scores.table().values("contrastive")
    assert abs(roc_auc_score(np.arange(120) % 4 < 2, found) - 0.5) < 0.12


def test_losses_are_those_of_one_row_at_a_time(workspace):
    context = context_of(workspace)
    path = workspace.folder.checkpoint_path(workspace.manifest.checkpoints[-1])
    model, tokenizer = load_classifier(path), load_tokenizer(path)
    found = contrastive._losses(context, path)
    for row in range(0, 120, 24):
        inputs = tokenizer(context.train.texts[row], return_tensors="pt", truncation=True, max_length=64)
        with torch.no_grad():
            logits = model(**inputs).logits
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor([int(context.labels[row])]))
        assert found[row] == pytest.approx(float(loss), abs=1e-4)


def test_an_attached_run_and_a_file_with_labels(tmp_path):
    workspace = workspace_of(tmp_path, labelled(FILM, 40, 0), labelled(FILM, 10, 1))
    model = workspace.manifest.model.name
    workspace.attach(raw_run(tmp_path / "model", tmp_path / "run", names=["bad", "good"]))
    rows = [{"text": text, "label": label} for text, label in opinions(FILM, 20, 3)]
    target = str(write_rows(tmp_path / "target.jsonl", rows))
    settings = context_of(workspace, target=target, encoder=model).settings
    workspace.scores.compute(["contrastive"], settings)
    found = workspace.scores.table().values("contrastive")
    assert len(found) == 40 and np.isfinite(found).all() and np.abs(found).max() > 0
