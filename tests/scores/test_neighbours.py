"""Neighbours against brute force: copies, near-duplicates, contradictions, crowds."""

import math
import re

import numpy as np
import pytest

from backend.data.equal_texts import equal_text_groups
from backend.scores import group_search
from backend.scores.producers import neighbours
from backend.scores.producers.neighbours import NEAR, neighbour_scores
from backend.scores.registry import all_producers, all_scores
from tests.scores.helpers import context_of, workspace_of


def brute_force(embeddings, labels, groups, k):
    """Every row against every other one, from the definitions."""
    rows = range(len(labels))
    found = {name: [] for name in ("knn_disagreement", "nearest_similarity", "near_duplicates")}
    found |= {"contradicts": [], "contradiction": [], "said": []}
    similarity = embeddings.astype(np.float64) @ embeddings.astype(np.float64).T
    first = {group: min(row for row in rows if groups[row] == group) for group in set(groups)}
    for row in rows:
        to = {g: similarity[first[groups[row]], first[g]] for g in first if g != groups[row]}
        own = {groups[other] for other in rows if labels[other] == labels[row]} - {groups[row]}
        nearest = sorted(to, key=lambda g: -to[g])[: min(k, len(own))]
        weight = votes = 0.0
        for group in nearest:
            members = [labels[other] for other in rows if groups[other] == group]
            share = sum(label != labels[row] for label in members) / len(members)
            weight += max(to[group], 0)
            votes += max(to[group], 0) * share
        found["knn_disagreement"].append(votes / weight if weight else math.nan)
        votes_of: dict = {}
        for group in sorted(to, key=lambda g: -to[g])[:k]:
            label = labels[first[group]]
            votes_of[label] = votes_of.get(label, 0.0) + max(to[group], 0)
        most = max(votes_of.values(), default=0)
        found["said"].append({each for each, v in votes_of.items() if v >= most - 1e-4 and most > 0})
        near = {
            other: 1.0 if groups[other] == groups[row] else to[groups[other]]
            for other in rows
            if other != row and (groups[other] == groups[row] or to[groups[other]] >= NEAR)
        }
        found["near_duplicates"].append(len(near))
        copies = sum(group == groups[row] for group in groups) > 1
        found["nearest_similarity"].append(1.0 if copies else max(max(to.values(), default=0), 0))
        against = {other: value for other, value in near.items() if labels[other] != labels[row]}
        found["contradiction"].append(max(against.values(), default=0.0) * len(against) / max(len(near), 1))
        found["contradicts"].append({o for o, v in against.items() if v >= max(against.values()) - 1e-6})
    return found


def compare(found, expected):
    for name in ("knn_disagreement", "nearest_similarity", "near_duplicates", "contradiction"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5, err_msg=name)
    for row, (label, allowed) in enumerate(zip(found["said"], expected["said"], strict=True)):
        assert (label == -1) if not allowed else (label in allowed), row
    for row, (against, allowed) in enumerate(
        zip(found["contradicted_by"], expected["contradicts"], strict=True)
    ):
        assert (against == -1) if not allowed else (against in allowed), row


def unit(values) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return (values / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def clustered(count: int, seed: int, spread: float):
    """Rows around 12 centres, a fifth of them copies of another row; three labels."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(12, 16))[generator.integers(0, 12, count)]
    vectors = unit(vectors + spread * generator.normal(size=vectors.shape))
    groups = np.arange(count)
    copied = generator.permutation(count)[: count // 5]
    groups[copied] = generator.integers(0, count, len(copied))
    _, first, groups = np.unique(groups, return_index=True, return_inverse=True)
    return vectors[first[groups]], generator.integers(0, 3, count), groups


@pytest.mark.parametrize("spread", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("k", [1, 5, 10])
def test_against_brute_force(spread, k):
    vectors, labels, groups = clustered(150, int(10 * spread), spread)
    compare(neighbour_scores(vectors, labels, groups, k), brute_force(vectors, labels, groups, k))


def test_blocks_and_crowds_change_nothing(monkeypatch):
    """With few fetched, most groups have only near-duplicates around them: the second search."""
    vectors, labels, groups = clustered(150, 1, 0.1)
    expected = brute_force(vectors, labels, groups, 3)
    monkeypatch.setattr(neighbours, "_WIDE", 3)
    monkeypatch.setattr(neighbours, "_BLOCK", 17)
    monkeypatch.setattr(group_search, "_CROWDED_BLOCK", 4)
    assert max(expected["near_duplicates"]) > 5
    compare(neighbour_scores(vectors, labels, groups, 3), expected)


def test_a_copied_row_cannot_vote_for_itself():
    """Ten copies of a wrong label in the midst of ten right ones: all ten are outvoted."""
    elsewhere = [[0.1, 0, -1 - 0.01 * n] for n in range(10)]
    vectors = unit([[1, 0.01 * n, 0] for n in range(10)] + [[1, 0.05, 0.3]] * 10 + elsewhere)
    labels = np.array([0] * 10 + [1] * 20)
    groups = np.array([*range(10), *[10] * 10, *range(11, 21)])
    found = neighbour_scores(vectors, labels, groups)
    assert (found["knn_disagreement"][10:20] == 1).all()
    assert found["knn_disagreement"][:10].max() < 0.12  # the copies are one of ten neighbours


def test_a_rare_class_can_agree_with_itself():
    """Three rows of one class side by side: each is judged by two neighbours, not by ten."""
    vectors = unit(
        [[1, 0.01 * n, 0] for n in range(20)] + [[0, 0.01 * n, 1] for n in range(3)] + [[0, 1, -1]]
    )
    labels = np.array([0] * 20 + [1] * 3 + [2])
    found = neighbour_scores(vectors, labels, np.arange(24))["knn_disagreement"]
    assert found[20:23].tolist() == [0, 0, 0]
    assert math.isnan(found[23])


def test_one_of_all_that_say_the_same_stays():
    """A chain of near-duplicates: what is a copy itself is nobody's original."""
    angles = np.array([0.0, 0.25, 0.5, 1.4, 0.0])
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    found = neighbour_scores(vectors, np.zeros(5, dtype=np.int64), np.array([0, 1, 2, 3, 0]))
    assert found["near_duplicates"].tolist() == [2, 3, 1, 0, 2]
    assert found["copy_of"].tolist() == [0, 0, 2, 3, 0]


def test_few_and_empty_rows():
    one = neighbour_scores(unit([[1, 0]]), np.array([0]), np.array([0]))
    assert math.isnan(one["knn_disagreement"][0]) and one["nearest_similarity"][0] == 0
    assert one["contradicted_by"][0] == -1 and one["near_duplicates"][0] == 0
    copies = neighbour_scores(unit([[1, 0]] * 3), np.array([0, 1, 1]), np.array([0, 0, 0]))
    assert copies["contradicted_by"].tolist() == [1, 0, 0] and copies["near_duplicates"].tolist() == [2, 2, 2]
    assert copies["nearest_similarity"].tolist() == [1, 1, 1]
    assert copies["contradicting"].tolist() == [2, 1, 1]
    assert copies["contradiction"].tolist() == [1, 0.5, 0.5]  # who is alone is the suspect
    nothing = neighbour_scores(unit([[0, 0], [1, 0], [1, 0.1]]), np.array([0, 1, 1]), np.arange(3))
    assert math.isnan(nothing["knn_disagreement"][0]) and nothing["nearest_similarity"][0] == 0
    assert nothing["knn_disagreement"][1:].tolist() == [0, 0]


def test_in_a_workspace(tmp_path):
    rows = [(f"{word} film number {n}", "good") for n, word in enumerate(("gorgeous", "witty", "warm") * 4)]
    rows += [(f"dull film number {n}", "bad") for n in range(10)]
    rows += [("Dull  FILM number 3", "good"), ("dull film number 4", "bad")]
    workspace = workspace_of(tmp_path, rows, rows[:4])
    context = context_of(workspace)
    assert workspace.scores.compute(["neighbours"], context.settings) == []
    table = workspace.scores.table().table.to_pylist()
    assert "t15" in table[22]["contradiction_said"] and "t22" in table[15]["contradiction_said"]
    said = all_scores()["contradiction"].sentence.format(**table[22])
    against, near = (int(each) for each in re.findall(r"(\d+) of the (\d+) other rows", said)[0])
    assert near == table[22]["near_duplicates"] and said.endswith("have another label, such as t15: bad")
    assert table[22]["contradiction"] == pytest.approx(against / near)
    assert table[23]["near_duplicates"] >= 1 and table[23]["nearest_similarity"] == 1
    groups = equal_text_groups(context.train.examples)
    assert groups[23] == groups[16]
    expected = brute_force(context.embeddings, context.labels, groups, 10)
    np.testing.assert_allclose(
        workspace.scores.table().values("knn_disagreement"), expected["knn_disagreement"], atol=1e-5
    )
    artifact = workspace.manifest.artifacts["scores/neighbours"]
    workspace.scores.compute(["neighbours"], context.settings)
    assert workspace.manifest.artifacts["scores/neighbours"] == artifact
    for score in all_producers()["neighbours"].scores_for("classification"):
        assert "{" not in score.sentence.format(**table[22])
