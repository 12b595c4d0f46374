"""Off-domain scores: a target unlike the training rows is told apart, one like them is not."""

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from backend.data.equal_texts import equal_text_groups
from backend.data.examples import Examples
from backend.errors import InputError
from backend.queue.queue import QueueFilter
from backend.scores.folds import stratified_folds
from backend.scores.probe import fitted_probe
from backend.scores.producers.domain import PRODUCER, domain_probabilities
from backend.scores.settings import ScoreSettings
from backend.scores.table import score_state
from backend.scores.target import labelled_target, target_texts
from tests.conftest import tiny_rows, write_rows
from tests.scores.helpers import context_of, workspace_of

FILM = ("film", "actor", "plot", "scene", "director", "camera")
FOOD = ("soup", "bread", "cheese", "waiter", "table", "kitchen")


def texts(words, count: int, seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    return [f"the {' and the '.join(generator.choice(words, 7).tolist())}" for _ in range(count)]


def labelled(words, count: int, seed: int) -> list[tuple[str, str]]:
    return [(text, ("good", "bad")[n % 2]) for n, text in enumerate(texts(words, count, seed))]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Training rows: 120 of films, 40 of food; eval rows: 60 of food."""
    folder = tmp_path_factory.mktemp("domains")
    train = labelled(FILM, 120, 0) + labelled(FOOD, 40, 1)
    return workspace_of(folder, train, labelled(FOOD, 60, 2))


def target_file(path, words, count: int = 60, seed: int = 3, **more) -> str:
    rows = [{"text": text, **more} for text in texts(words, count, seed)]
    return str(write_rows(path, rows))


def scored(workspace, **settings):
    context = context_of(workspace, **settings)
    assert workspace.scores.compute(["domain"], context.settings) == []
    return workspace.scores.table()


def test_the_target_s_rows_are_found_in_the_pool(workspace):
    table = scored(workspace)
    found, is_food = table.values("target_probability"), np.arange(160) >= 120
    assert roc_auc_score(is_food, found) > 0.8
    auroc = set(table.values("domain_auroc"))
    assert len(auroc) == 1 and 0.5 < auroc.pop() < 1
    artifact = workspace.manifest.artifacts["scores/domain"]
    workspace.scores.compute(["domain"], context_of(workspace).settings)
    assert workspace.manifest.artifacts["scores/domain"] == artifact
    sentence = PRODUCER.scores[0].sentence.format(**table.table.slice(0, 1).to_pylist()[0])
    assert sentence.startswith("unlike the target sample: ") and "{" not in sentence


def test_other_domains_and_the_same_one(tmp_path):
    """Membership in pool or held-out target: above .8 where they differ clearly, else about .5."""
    workspace = workspace_of(tmp_path, labelled(FILM, 400, 0), labelled(FOOD, 60, 1))
    assert scored(workspace).values("domain_auroc")[0] > 0.95
    same = target_file(tmp_path / "same.jsonl", FILM, 400, 7)
    assert abs(scored(workspace, target=same).values("domain_auroc")[0] - 0.5) < 0.1


def test_against_the_definition(workspace):
    context = context_of(workspace, folds=3)
    features = np.concatenate([context.embeddings, context.encoder.encode(context.evaluation.examples)])
    is_target = np.repeat([0, 1], [160, 60])
    groups = equal_text_groups(context.train.examples + context.evaluation.examples)
    folds = stratified_folds(is_target, groups, 3, 0)
    found = domain_probabilities(features, is_target, groups, 3, 0)
    for row in range(0, 220, 20):
        others = folds != folds[row]
        probe = fitted_probe(features[others], is_target[others], groups[others], 2, 0, balanced=True)
        assert found[row] == pytest.approx(probe.probabilities(features[row : row + 1])[0, 1], abs=1e-5)
    assert abs(np.average(found, weights=np.where(is_target, 1 / 60, 1 / 160)) - 0.5) < 0.1


def test_a_file_is_noticed_when_it_changes(workspace, tmp_path):
    path = target_file(tmp_path / "target.jsonl", FILM)
    settings = context_of(workspace, target=path).settings
    workspace.scores.compute(["domain"], settings)
    before = workspace.scores.table().values("target_probability")
    assert score_state(workspace.folder, PRODUCER, settings) == "current"
    target_file(tmp_path / "target.jsonl", FOOD)
    assert score_state(workspace.folder, PRODUCER, settings) == "stale"
    workspace.scores.compute(["domain"], settings)
    assert np.abs(workspace.scores.table().values("target_probability") - before).max() > 0.1


def test_what_a_target_file_holds(workspace, tmp_path):
    rows = [
        {"text": "soup", "label": "good"},
        {"text": " ", "label": "bad"},
        {"text": "bread", "label": None},
    ]
    path = tmp_path / "mixed.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    context = context_of(workspace, target=str(path))
    assert target_texts(context).fields == (["soup", "bread"],)
    both = labelled_target(context)
    assert both == Examples.of(["soup"], None, ["good"])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"words": "soup"}], "no column 'text'"),
        ([{"text": 3}] * 9, "not text"),
        ([{"text": "soup"}] * 9, "1 different texts; cross-fitting needs at least 5"),
        ([], "cross-fitting needs|no column|empty|no row"),
    ],
)
def test_wrong_targets(rows, problem, workspace, tmp_path):
    path = write_rows(tmp_path / "target.jsonl", rows)
    settings = context_of(workspace, target=str(path)).settings
    with pytest.raises(InputError, match=problem) as found:
        workspace.scores.compute(["domain"], settings)
    assert "\n" not in str(found.value)


def test_wrong_labels_and_missing_files(workspace, tmp_path):
    path = write_rows(tmp_path / "target.jsonl", [{"text": "soup", "label": "superb"}])
    with pytest.raises(InputError, match=r"superb.*leave the row out"):
        labelled_target(context_of(workspace, target=str(path)))
    with pytest.raises(InputError, match="no such file"):
        workspace.scores.compute(["domain"], ScoreSettings(target=str(tmp_path / "none.jsonl")))


def test_a_changed_target_makes_its_scores_stale_for_every_reader(tiny_workspace, tmp_path):
    """Also for those who do not say with which settings they were made."""
    target = write_rows(tmp_path / "target.jsonl", tiny_rows(20, 700))
    settings = context_of(tiny_workspace, target=str(target)).settings
    tiny_workspace.scores.compute(["domain"], settings)
    assert "target_probability" in tiny_workspace.scores.table().names
    write_rows(target, tiny_rows(20, 900))
    with pytest.raises(InputError, match="all scores are stale"):
        tiny_workspace.scores.table()
    target.unlink()  # nothing can be said any more: what was computed stays
    assert "target_probability" in tiny_workspace.scores.table().names


def test_splits_that_cannot_be_told_apart_give_no_reason(tiny_workspace):
    tiny_workspace.scores.compute(["domain"], context_of(tiny_workspace).settings)
    table = tiny_workspace.scores.table()
    if table.values("domain_auroc")[0] < 0.6:
        assert set(table.values("target_probability")) == {0.5}
        assert tiny_workspace.scores.queue(QueueFilter(serves="off-domain")).with_reason == 0
