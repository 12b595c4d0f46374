"""cleanlab's frames: what cleanlab makes is read, what we make cleanlab takes; none is misaligned."""

import numpy as np
import pandas as pd
import pytest
from cleanlab.classification import CleanLearning
from sklearn.linear_model import LogisticRegression

from backend.errors import InputError
from backend.queue.queue import QueueFilter
from tests.interchange.workspaces import chats, classes, label_sets, numbers, with_scores

NEG, POS = "<neg> & co", "pos"


@pytest.fixture
def workspace(tmp_path):
    return classes(tmp_path)


def issues_of(labels, order=None):
    """What `CleanLearning.get_label_issues` gives: class numbers, in ``order``, an index of places."""
    order = sorted(set(labels)) if order is None else order
    numbers = np.array([order.index(each) for each in labels])
    right = np.eye(len(order))[numbers] * 0.8 + 0.1
    right[3] = right[3][::-1]  # row r3 is an issue
    few = {"filter_by": "predicted_neq_given", "min_examples_per_class": 0}
    learner = CleanLearning(LogisticRegression(), find_label_issues_kwargs=few)
    return learner.find_label_issues(labels=numbers, pred_probs=right)


def frame(workspace, **columns):
    train = workspace.train_split
    issue = [row == "r3" for row in train.ids]
    known = {"is_label_issue": issue, "label_score": [0.25] * len(train), "given_label": list(train.labels)}
    return pd.DataFrame({**known, "predicted_label": [POS] * len(train), **columns})


def saved(path, table, index=True):
    table.to_parquet(path, index=index) if path.suffix == ".parquet" else table.to_csv(path, index=index)
    return str(path)


@pytest.mark.parametrize("name", ["f.csv", "f.parquet"])
@pytest.mark.parametrize("order", [None, [POS, NEG]])
def test_what_clean_learning_finds_comes_in_as_flags(workspace, tmp_path, name, order):
    found = issues_of(workspace.train_split.labels, order)
    assert (
        found.columns[:2].tolist() == ["is_label_issue", "label_quality"]
        and found["is_label_issue"].sum() == 1
    )
    file = saved(tmp_path / name, found)
    if order is not None:  # numbers in an order that is not ours can't be read, and are not guessed
        with pytest.raises(InputError, match="given label 1, and the row there has '<neg> & co'"):
            workspace.review.patch_dry_run(file)
        return
    batch, plan = workspace.review.import_patch(file, author="Ann")
    assert plan.kind == "cleanlab" and plan.counts["applies"] == 1
    assert plan.notes == (
        "1 of 12 rows are label issues; rows are known by their place in the training data",
    )
    (state,) = workspace.review.states().items()
    assert state[0] == "r3" and state[1].action == "flag"
    assert state[1].reason == "cleanlab: label issue, quality 0.100, predicted <neg> & co"
    workspace.review.undo(batch)
    assert workspace.review.states() == {}


def test_filtered_and_sorted_frames_keep_their_index(workspace, tmp_path):
    table = frame(workspace).sort_values("is_label_issue", ascending=False).iloc[:4]
    plan = workspace.review.patch_dry_run(saved(tmp_path / "f.csv", table))
    assert [row.id for row, _ in plan.rows] == ["r3"]
    with pytest.raises(InputError, match="4 rows without id or index, 12 training rows"):
        workspace.review.patch_dry_run(saved(tmp_path / "g.csv", table, index=False))
    shuffled = frame(workspace).iloc[[1, 0, *range(2, 12)]]
    with pytest.raises(InputError, match="not in their order"):
        workspace.review.patch_dry_run(saved(tmp_path / "h.csv", shuffled, index=False))


def test_ids_and_rows_that_are_not_here(workspace, tmp_path):
    table = frame(workspace, id=["gone", *workspace.train_split.ids[1:]]).iloc[::-1]
    table.loc[0, "is_label_issue"] = True
    plan = workspace.review.patch_dry_run(saved(tmp_path / "f.csv", table, index=False))
    assert {row.id: outcome for row, outcome in plan.rows} == {"r3": "applies", "gone": "unknown id"}
    wrong = frame(workspace, id=workspace.train_split.ids)
    wrong.loc[7, "given_label"] = NEG
    with pytest.raises(InputError, match="row 8: given label '<neg> & co', and the row there has 'pos'"):
        workspace.review.patch_dry_run(saved(tmp_path / "g.csv", wrong, index=False))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="given_label"), "no column 'given_label'"),
        (lambda t: t.assign(is_label_issue=False), "none of 12 rows is a label issue"),
        (lambda t: t.assign(is_label_issue="maybe"), "neither true nor false"),
        (lambda t: t.assign(label_score="high"), "label quality 'high' is no number"),
        (lambda t: t.set_index(pd.Index([0, *range(11)])), "an index stands there twice"),
        (lambda t: t.set_index(pd.Index(range(1, 13))), "index '12' is no place among 12"),
        (lambda t: t.assign(given_label=5), "given label 5, and the row there has"),
    ],
)
def test_frames_that_are_refused(workspace, tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        workspace.review.import_patch(saved(tmp_path / "f.csv", change(frame(workspace))))
    assert workspace.review.log() == []


@pytest.mark.parametrize("name", ["f.csv", "f.tsv", "f.parquet"])
def test_what_goes_out_is_what_cleanlab_takes(tmp_path, monkeypatch, workspace, name):
    train = workspace.train_split
    issue = np.array([row == "r3" for row in train.ids])
    quality = np.where(issue, 0.1, np.nan)
    with_scores(workspace, monkeypatch, self_confidence=quality, label_issue=issue,
                cv_label=[NEG if row == "r3" else "" for row in train.ids])  # fmt: skip
    out = tmp_path / name
    assert workspace.scores.send("cleanlab", out)["rows"] == 12
    read = pd.read_parquet(out) if name.endswith("parquet") else pd.read_csv(out, sep=None, engine="python")
    assert read["given_label"].tolist() == train.labels and read["id"].tolist() == train.ids
    assert read["is_label_issue"].tolist() == issue.tolist()
    assert read["label_quality"].tolist()[3] == 0.1 and read["predicted_label"].tolist()[3] == NEG
    learner = CleanLearning(LogisticRegression())
    numbers = np.array([(NEG, POS).index(each) for each in train.labels])
    features = np.arange(24.0).reshape(12, 2)
    fitted = read.assign(given_label=numbers)[["is_label_issue", "label_quality", "given_label"]]
    learner.fit(features, numbers, label_issues=fitted)
    assert learner.get_label_issues()["is_label_issue"].sum() == 1
    plan = workspace.review.patch_dry_run(str(out))  # and it comes back, by id
    assert [(row.id, outcome) for row, outcome in plan.rows] == [("r3", "applies")]


def test_label_sets_and_numbers(tmp_path, monkeypatch):
    for name, make, other, quality in (
        ("sets", label_sets, "a; b", "set_quality"),
        ("n", numbers, "7.5", "number_quality"),
    ):
        workspace = make(tmp_path / name)
        right = [other if row == "r2" else "" for row in workspace.train_split.ids]
        with_scores(workspace, monkeypatch, right_label=right, **{quality: [0.5] * 12})
        file = tmp_path / f"{name}.csv"
        workspace.scores.send("cleanlab", file)
        plan = workspace.review.patch_dry_run(str(file))
        assert [(row.id, row.reason) for row, _ in plan.rows] == [
            ("r2", f"cleanlab: label issue, quality 0.500, predicted {other}")
        ]


def test_what_cleanlab_is_not_for(tmp_path, monkeypatch, workspace):
    with_scores(workspace, monkeypatch)
    with pytest.raises(InputError, match="self_confidence has not been computed; run `scores`"):
        workspace.scores.send("cleanlab", tmp_path / "f.csv")
    with pytest.raises(InputError, match="leave the filters out"):
        workspace.scores.send("cleanlab", tmp_path / "f.csv", QueueFilter(state="all"))
    talks = with_scores(chats(tmp_path / "chats"), monkeypatch)
    with pytest.raises(InputError, match="rows of a language model"):
        talks.scores.send("cleanlab", tmp_path / "f.csv")
    with pytest.raises(InputError, match="rows of a language model"):
        talks.review.patch_dry_run(saved(tmp_path / "g.csv", frame(workspace)))
    assert not (tmp_path / "f.csv").exists()
