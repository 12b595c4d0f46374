"""The queue: order, reasons, suggestions, filters."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from backend.data.dataset import load_split
from backend.data.rowstate import RowState
from backend.errors import InputError
from backend.folder import Folder
from backend.queue.queue import QueueFilter, make_queue
from backend.scores.ranks import LEAST_IN_CLASS, rank_of, rank_within, reason_ranks
from backend.scores.registry import all_producers, all_scores, producers_for
from backend.scores.suspicion import QUEUE, suspicion_for, suspicions
from backend.scores.table import ScoreTable


@pytest.fixture(scope="module")
def train(tiny_template):
    return load_split(Folder(tiny_template), "train")


def table_of(train, **columns) -> ScoreTable:
    return ScoreTable(pa.table({"id": train.ids, **columns}))


@pytest.fixture
def table(train) -> ScoreTable:
    """Row r0 has the lowest confidence, r59 the highest; r3 is the one that errors suffer from most."""
    count = len(train)
    errors = np.arange(count, dtype=float)
    errors[3] = -5.0
    return table_of(
        train,
        confidence=np.linspace(0.1, 0.9, count),
        influence_on_errors=errors,
        harms_errors=np.full(count, 4),
        errors=np.full(count, 9),
        listed=np.full(count, 10),
        variability=np.linspace(1, 0, count),
    )


def first_of_each_class(train) -> set[str]:
    return {train.ids[train.labels.index(label)] for label in set(train.labels)}


def decided(action: str, label: str | None = None) -> RowState:
    return RowState(action, label, "", "me", "2026-11-24")


def test_the_most_suspicious_come_first_with_their_reasons(train, table):
    items = make_queue(table, train, {}, QueueFilter())
    assert [each.rank for each in items] == list(range(1, len(train) + 1))
    first = {label: next(each for each in items if each.label == label) for label in ("good", "bad")}
    assert {each.id for each in first.values()} == first_of_each_class(train)
    assert items[0].suspicion == pytest.approx(29.5 / 30)
    assert [each.suspicion for each in items] == sorted((each.suspicion for each in items), reverse=True)
    by_id = {each.id: each for each in items}
    assert [each.score for each in by_id["r3"].reasons] == ["influence_on_errors"]
    assert "(sum -5); among the 10 most harmful rows of 4 of these 9" in by_id["r3"].reasons[0].sentence
    assert by_id["r3"].reasons[0].value == -5.0
    assert by_id["r40"].reasons == [] and items.with_reason == sum(bool(each.reasons) for each in items)
    assert "variability" not in {reason.score for each in items for reason in each.reasons}


def test_another_decision_has_a_queue_of_its_own(train, table):
    items = make_queue(table, train, {}, QueueFilter(serves="hard"))
    assert {reason.score for each in items for reason in each.reasons} == {"variability"}
    assert [each.id for each in items[:3]] == ["r0", "r1", "r2"] and len(items) == len(train)


def test_a_reason_of_another_queue_is_said_to_be_one(train, table):
    with pytest.raises(InputError, match="is a reason of --serves 'hard'"):
        make_queue(table, train, {}, QueueFilter(reason="variability"))


def test_equal_suspicions_are_ordered_by_id(train):
    table = table_of(train, variability=np.r_[np.ones(12), np.zeros(48)])
    items = make_queue(table, train, {}, QueueFilter(serves="hard"))
    assert [each.id for each in items] == sorted(train.ids[:12]) + sorted(train.ids[12:])
    assert len({each.suspicion for each in items[:12]}) == 1


def test_a_row_without_a_value_comes_last(train):
    values = np.linspace(0.5, 0.9, len(train))
    values[7] = np.nan
    items = make_queue(table_of(train, confidence=values), train, {}, QueueFilter())
    assert items[-1].id == "r7" and items[-1].reasons == [] and items[-1].suspicion == 0.0


def test_cross_validation_suggests_a_label_when_it_is_sure(train):
    count = len(train)
    others = ["bad" if label == "good" else "good" for label in train.labels]
    probabilities = np.full(count, 0.97)
    probabilities[1], others[2] = 0.3, train.labels[2]
    table = table_of(
        train, confidence=np.linspace(0.1, 0.9, count), cv_label=others, cv_probability=probabilities
    )
    by_id = {each.id: each for each in make_queue(table, train, {}, QueueFilter())}
    first, second, third = (by_id[row] for row in ("r0", "r1", "r2"))
    assert (first.action, first.suggested_label, first.confidence) == ("relabel", others[0], 0.97)
    assert (second.action, second.suggested_label) == ("flag", None)
    assert (third.action, third.suggested_label) == ("flag", None)


def test_filters(train, table):
    states = {"r0": decided("keep"), "r1": decided("relabel", "good")}
    everything = make_queue(table, train, states, QueueFilter(state="all"))
    by_id = {each.id: each.state for each in everything}
    assert [by_id[row] for row in ("r0", "r1", "r2")] == ["keep", "relabel", "undecided"]
    assert len(everything) == len(train)
    assert [each.id for each in make_queue(table, train, states, QueueFilter(state="keep"))] == ["r0"]
    left = [each.id for each in make_queue(table, train, states, QueueFilter())]
    assert left == [each.id for each in everything if each.id not in states]
    good = make_queue(table, train, {}, QueueFilter(label="good"))
    assert good and {each.label for each in good} == {"good"}
    wanted = QueueFilter(reason="influence_on_errors")
    for each in make_queue(table, train, {}, wanted):
        assert "influence_on_errors" in [reason.score for reason in each.reasons]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"serves": "beauty"}, "--serves beauty: must be one of suspect label"),
        ({"state": "lost"}, "--state lost: must be one of undecided"),
        ({"reason": "magic"}, "--reason magic: must be one of"),
        ({"label": "magic"}, "--label magic: no training row"),
        ({"group": "magic"}, "--group magic: no training row"),
        ({"serves": "off-domain"}, "no score that serves 'off-domain'"),
    ],
)
def test_wrong_filters_are_one_line(train, table, wanted, message):
    with pytest.raises(InputError, match=message):
        make_queue(table, train, {}, QueueFilter(**wanted))


def test_all_that_tie_for_the_worst_have_the_reason(train):
    """cleanlab names more than a twentieth of noisy data; all of them have that as a reason."""
    issues = np.arange(len(train)) < 20
    table = table_of(train, label_issue=issues, cv_says=["prefers bad"] * len(train))
    items = make_queue(table, train, {}, QueueFilter(reason="label_issue"))
    assert len(items) == 20 and items[0].reasons[0].sentence.startswith("counted among the label errors")
    nothing = table_of(train, label_issue=np.zeros(len(train), dtype=bool), cv_says=[""] * len(train))
    assert make_queue(nothing, train, {}, QueueFilter()).with_reason == 0


def test_a_value_that_does_not_speak_against_the_row_is_no_reason(train):
    """Where hardly any row is harmful, the top twentieth holds rows that are not."""
    errors = np.full(len(train), 1.0)
    errors[4] = -0.1
    table = table_of(train, influence_on_errors=errors, harms_errors=errors, errors=errors, listed=errors)
    found = make_queue(table, train, {}, QueueFilter())
    assert found[0].id == "r4" and found.with_reason == 1


def test_only_a_copy_of_a_row_that_stays_may_be_removed(train):
    count = len(train)
    copies, copy_of = np.zeros(count), [""] * count
    copies[:3], copy_of[1], copy_of[2] = 2, "r0", "r0"
    contradiction = np.zeros(count)
    contradiction[2] = 1.0
    table = table_of(train, near_duplicates=copies, copy_of=copy_of, contradiction=contradiction)
    wanted = QueueFilter(serves="redundant", reason="near_duplicates")
    assert {each.id: each.action for each in make_queue(table, train, {}, wanted)} == {
        "r0": "flag",
        "r1": "remove",
        "r2": "flag",
    }
    gone = make_queue(table, train, {"r0": decided("remove")}, wanted)
    assert {each.id: each.action for each in gone}["r1"] == "flag"


def test_the_label_in_force_counts(train):
    others = ["bad" if label == "good" else "good" for label in train.labels]
    table = table_of(
        train,
        confidence=np.linspace(0.1, 0.9, len(train)),
        cv_label=others,
        cv_probability=np.full(len(train), 0.9),
    )
    states = {"r0": decided("relabel", others[0])}
    everything = make_queue(table, train, states, QueueFilter(state="all"))
    first = next(each for each in everything if each.id == "r0")
    assert (first.id, first.label, first.action) == ("r0", others[0], "flag")
    for label in (others[0], train.labels[0]):  # neither class loses the row: what is decided adds up
        found = make_queue(table, train, states, QueueFilter(state="all", label=label))
        assert "r0" in [each.id for each in found]


def test_suspicions_hold_every_score_and_the_queue(table):
    found = suspicions(table, np.arange(60) % 2)
    assert set(found) == {"confidence", "influence_on_errors", "variability", QUEUE}
    assert found["confidence"][0] > found["confidence"][1]


def test_every_score_is_described_and_named_once():
    names = [score.name for producer in all_producers().values() for score in producer.scores]
    assert len(names) == len(set(names)) == len(all_scores())
    for score in all_scores().values():
        assert all((score.title, score.high, score.formula, score.source, score.sentence))
    for producer in all_producers().values():
        assert producer.cost


def test_a_score_that_ties_for_a_whole_class_is_no_reason(train):
    against = np.array([float(label == "bad") for label in train.labels])
    table = table_of(train, alignment=np.linspace(-1, 1, len(train)), alignment_negative=against)
    items = make_queue(table, train, {}, QueueFilter())
    found = [[each.score for each in item.reasons] for item in items if item.reasons]
    assert found == [["alignment"]] * len(found) and 0 < len(found) < sum(against)


def test_many_that_tie_for_the_worst_are_no_reason(train):
    """After two checks half of all rows may never have been right: nothing tells them apart."""
    never = np.where(np.arange(len(train)) < 30, 0.0, 1.0)
    learnt = np.ones(len(train), dtype=bool)
    items = make_queue(table_of(train, correctness=never, class_learnt=learnt), train, {}, QueueFilter())
    assert items.with_reason == 0


def test_reasons_are_taken_within_the_class_and_only_where_the_model_knows_it():
    score = all_scores()["confidence"]
    classes = np.array([0] * 900 + [1] * 80 + [2] * 12)
    values = np.linspace(0.2, 0.9, len(classes))[::-1].copy()  # the rare classes have the lowest confidence
    reasons = reason_ranks(score, score.suspicion(values), classes)
    counts = np.bincount(classes, weights=reasons > 0)
    assert counts.tolist() == [45, 4, 0]  # a twentieth of each; nobody stands out among twelve
    assert counts[2] == 0 and np.count_nonzero(classes == 2) < LEAST_IN_CLASS
    known = classes == 0
    assert (
        np.bincount(classes, weights=reason_ranks(score, score.suspicion(values), classes, known) > 0)[1] == 0
    )


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 5) | st.just(math.nan)), min_size=1, max_size=60),
    st.sampled_from(["average", "max"]),
)
def test_ranks_are_those_of_scipy(rows, method):
    classes, values = np.array([each for each, _ in rows]), np.array([each for _, each in rows], dtype=float)
    known = np.isfinite(values)
    expected = np.full(len(values), np.nan)
    expected[known] = rankdata(values[known], method) / max(known.sum(), 1)
    np.testing.assert_allclose(rank_of(values, method), expected)
    within = rank_within(values, classes, method)
    for each in set(classes.tolist()):
        rows_of = classes == each
        half = 0.5 / max(known[rows_of].sum(), 1) if method == "average" else 0.0
        np.testing.assert_allclose(within[rows_of], rank_of(values[rows_of], method) - half)


def test_an_absolute_limit_is_a_reason_for_all_beyond_it(train):
    wrong = np.where(np.arange(len(train)) < 25, 0.9, 0.1) + np.linspace(0, 0.05, len(train))
    table = table_of(train, wrong_label=wrong, right_label=["bad"] * len(train))
    found = make_queue(table, train, {}, QueueFilter(reason="wrong_label"))
    assert len(found) == 25 and set(found.ids) == set(train.ids[:25])


def test_a_channel_that_knows_nothing_leaves_the_order_to_the_others(train):
    columns = {"confidence": np.linspace(0.1, 0.9, len(train)), "pvi": np.linspace(-1, 1, len(train))}
    nothing = {"wrong_label": np.full(len(train), np.nan), "right_label": [""] * len(train)}
    cv = {"cv_label": ["bad" if each == "good" else "good" for each in train.labels]}
    cv["cv_probability"] = [0.9] * len(train)
    without = make_queue(table_of(train, **columns, **cv), train, {}, QueueFilter())
    found = make_queue(table_of(train, **columns, **cv, **nothing), train, {}, QueueFilter())
    assert found.ids == without.ids and len({each.suspicion for each in found}) > 20
    assert {each.action for each in found} == {"relabel"}


def test_without_the_channel_suspicion_is_the_mean_rank_of_what_is_there():
    rows = np.arange(4)
    table = ScoreTable(
        pa.table(
            {
                "id": [str(row) for row in rows],
                "pvi": [3.0, 2.0, 1.0, math.nan],
                "token_association": [1.0, 2.0, 3.0, 4.0],
            }
        )
    )
    found = suspicion_for(table, np.zeros(4, dtype=int), "suspect label")
    expected = [(1 / 6 + 1) / 2, (3 / 6 + 0.75) / 2, (5 / 6 + 0.5) / 2, 0.25]
    assert found.tolist() == pytest.approx(expected)
    nothing = ScoreTable(table.table.select(["id"]))
    assert len(suspicion_for(nothing, np.zeros(4, dtype=int), "suspect label")) == 0


def noisy_views(good: bool):
    """1,000 rows, a tenth wrong; a channel that half knows it, and a model that knows more or nothing."""
    generator = np.random.default_rng(0)
    wrong = np.arange(1000) < 100
    probability = np.clip(generator.normal(np.where(wrong, 0.35, 0.1), 0.12), 0.001, 0.999)
    sees = np.where(wrong, 1.0, 0.0) if good else np.zeros(1000)
    confidence = -(sees * 2 + generator.normal(size=1000))
    table = pa.table(
        {
            "id": [str(row) for row in range(1000)],
            "wrong_label": probability,
            "confidence": confidence,
            "class_learnt": np.ones(1000, dtype=bool),
        }
    )
    return ScoreTable(table), wrong, probability


def auroc(values, wrong) -> float:
    return roc_auc_score(wrong, values)


def test_a_model_that_knows_the_rows_helps_and_one_that_does_not_does_no_harm():
    classes = np.zeros(1000, dtype=int)
    table, wrong, probability = noisy_views(good=True)
    together = auroc(suspicion_for(table, classes, "suspect label"), wrong)
    alone = auroc(-table.values("confidence"), wrong)
    assert together > max(alone, auroc(probability, wrong)) + 0.02
    table, wrong, probability = noisy_views(good=False)
    found = suspicion_for(table, classes, "suspect label")
    assert auroc(found, wrong) > auroc(probability, wrong) - 0.01
    unlearnt = table.table.set_column(3, "class_learnt", [np.zeros(1000, dtype=bool)])
    blind = suspicion_for(ScoreTable(unlearnt), classes, "suspect label")
    np.testing.assert_allclose(blind, probability, atol=1e-9)


def test_all_scores_of_a_real_workspace_stand_side_by_side(tiny_workspace):
    tiny_workspace.compute_influence()
    assert tiny_workspace.scores.compute() == []
    cheap = {name for name, each in producers_for("classification").items() if each.default}
    assert {path.stem for path in tiny_workspace.folder.scores.glob("*.parquet")} >= cheap
    assert not (tiny_workspace.folder.scores / "vog.parquet").exists()
    computed = cheap | {"vog", "grand", "alignment"}
    assert tiny_workspace.scores.compute(["vog", "grand", "alignment"]) == []
    table = tiny_workspace.scores.table()
    expected = {
        score.name for name in computed for score in all_producers()[name].scores_for("classification")
    }
    assert expected <= set(table.names)
    assert len(set(table.names)) == len(table.names)
    before = {path.name: path.stat().st_mtime_ns for path in tiny_workspace.folder.scores.iterdir()}
    assert tiny_workspace.scores.compute() == []
    assert {path.name: path.stat().st_mtime_ns for path in tiny_workspace.folder.scores.iterdir()} == before
    for serves in ("suspect label", "redundant", "hard", "off-domain"):
        items = tiny_workspace.scores.queue(QueueFilter(serves=serves))
        assert len(items) == len(tiny_workspace.train_split)
        assert all(r.sentence for each in items for r in each.reasons)
        assert list(items) == list(tiny_workspace.scores.queue(QueueFilter(serves=serves)))
    assert table.values(QUEUE).tolist() == [
        {each.id: each.suspicion for each in tiny_workspace.scores.queue(QueueFilter())}[row]
        for row in table.ids
    ]
