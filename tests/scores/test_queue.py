"""The queue: order, reasons, suggestions, filters."""

import numpy as np
import pyarrow as pa
import pytest

from backend.data.dataset import load_split
from backend.data.rowstate import RowState
from backend.errors import InputError
from backend.folder import Folder
from backend.scores.queue import QUEUE, QueueFilter, combined, make_queue, ranks, suspicions
from backend.scores.registry import all_producers, all_scores
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


def decided(action: str, label: str | None = None) -> RowState:
    return RowState(action, label, "", "me", "2026-11-24")


def test_the_most_suspicious_come_first_with_their_reasons(train, table):
    items = make_queue(table, train, {}, QueueFilter())
    assert [each.id for each in items[:3]] == ["r0", "r1", "r2"]
    assert [each.rank for each in items] == list(range(1, len(items) + 1))
    assert items[0].suspicion == pytest.approx(1.0)
    by_id = {each.id: each for each in items}
    assert [each.score for each in by_id["r3"].reasons] == ["influence_on_errors"]
    assert "(sum -5); among the 10 most harmful rows of 4 of these 9" in by_id["r3"].reasons[0].sentence
    assert by_id["r3"].reasons[0].value == -5.0
    assert "r40" not in by_id
    assert "variability" not in {reason.score for each in items for reason in each.reasons}


def test_another_decision_has_a_queue_of_its_own(train, table):
    items = make_queue(table, train, {}, QueueFilter(serves="hard"))
    assert {reason.score for each in items for reason in each.reasons} == {"variability"}


def test_a_reason_of_another_queue_is_said_to_be_one(train, table):
    with pytest.raises(InputError, match="is a reason of --serves 'hard'"):
        make_queue(table, train, {}, QueueFilter(reason="variability"))


def test_equal_suspicions_are_ordered_by_id(train):
    items = make_queue(table_of(train, confidence=np.r_[np.zeros(3), np.ones(57)]), train, {}, QueueFilter())
    assert [each.id for each in items] == ["r0", "r1", "r2"]
    assert len({each.suspicion for each in items}) == 1


def test_a_row_without_a_value_is_not_suspicious(train):
    values = np.linspace(0.5, 0.9, len(train))
    values[7] = np.nan
    items = make_queue(table_of(train, confidence=values), train, {}, QueueFilter())
    assert items and "r7" not in [each.id for each in items]


def test_cross_validation_suggests_a_label_when_it_is_sure(train):
    count = len(train)
    others = ["bad" if label == "good" else "good" for label in train.labels]
    probabilities = np.full(count, 0.97)
    probabilities[1], others[2] = 0.3, train.labels[2]
    table = table_of(
        train, confidence=np.linspace(0.1, 0.9, count), cv_label=others, cv_probability=probabilities
    )
    first, second, third = make_queue(table, train, {}, QueueFilter())[:3]
    assert (first.action, first.suggested_label, first.confidence) == ("relabel", others[0], 0.97)
    assert (second.action, second.suggested_label) == ("flag", None)
    assert (third.action, third.suggested_label) == ("flag", None)


def test_filters(train, table):
    states = {"r0": decided("keep"), "r1": decided("relabel", "good")}
    everything = make_queue(table, train, states, QueueFilter(state="all"))
    assert [each.state for each in everything[:3]] == ["keep", "relabel", "undecided"]
    assert [each.id for each in make_queue(table, train, states, QueueFilter(state="keep"))] == ["r0"]
    assert make_queue(table, train, states, QueueFilter())[0].id == "r2"
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


def test_ranks_turn_every_score_so_that_one_is_the_most_suspicious(train, table):
    found = ranks(table, "suspect label")
    assert found["confidence"][0] == 1.0 and found["influence_on_errors"][3] == 1.0
    assert all(((each >= 0) & (each <= 1)).all() for each in found.values())


def test_all_that_tie_for_the_worst_have_the_reason(train):
    """cleanlab names more than a twentieth of noisy data; all of them have that as a reason."""
    issues = np.arange(len(train)) < 20
    table = table_of(train, label_issue=issues, cv_says=["prefers bad"] * len(train))
    items = make_queue(table, train, {}, QueueFilter(reason="label_issue"))
    assert len(items) == 20 and items[0].reasons[0].sentence.startswith("counted among the label errors")
    nothing = table_of(train, label_issue=np.zeros(len(train), dtype=bool), cv_says=[""] * len(train))
    assert make_queue(nothing, train, {}, QueueFilter()) == []


def test_a_value_that_does_not_speak_against_the_row_is_no_reason(train):
    """Where hardly any row is harmful, the top twentieth holds rows that are not."""
    errors = np.full(len(train), 1.0)
    errors[4] = -0.1
    table = table_of(train, influence_on_errors=errors, harms_errors=errors, errors=errors, listed=errors)
    assert [each.id for each in make_queue(table, train, {}, QueueFilter())] == ["r4"]


def test_only_a_copy_of_a_row_that_stays_may_be_removed(train):
    count = len(train)
    copies, copy_of = np.zeros(count), [""] * count
    copies[:3], copy_of[1], copy_of[2] = 2, "r0", "r0"
    contradiction = np.zeros(count)
    contradiction[2] = 1.0
    table = table_of(train, near_duplicates=copies, copy_of=copy_of, contradiction=contradiction)
    wanted = QueueFilter(serves="redundant")
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
    first = make_queue(table, train, states, QueueFilter(state="all"))[0]
    assert (first.id, first.label, first.action) == ("r0", others[0], "flag")
    for label in (others[0], train.labels[0]):  # neither class loses the row: what is decided adds up
        found = make_queue(table, train, states, QueueFilter(state="all", label=label))
        assert "r0" in [each.id for each in found]


def test_the_combined_score_is_the_mean_rank_of_its_members():
    first, second = np.array([0.0, 1.0]), np.array([0.5, 0.0])
    assert combined({"confidence": first, "self_influence": second}).tolist() == first.tolist()
    assert combined({"self_influence": first, "aum": second}).tolist() == [0.25, 0.5]


def test_a_member_without_a_value_has_no_say():
    found = combined({"confidence": np.array([np.nan, 0.5, np.nan]), "pvi": np.array([0.8, 0.1, np.nan])})
    assert found.tolist() == pytest.approx([0.8, 0.3, 0.0])


def test_suspicions_hold_every_score_and_the_queue(table):
    found = suspicions(table)
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
    assert [[each.score for each in item.reasons] for item in items] == [["alignment"]] * len(items)
    assert 0 < len(items) < sum(against)


def test_all_scores_of_a_real_workspace_stand_side_by_side(tiny_workspace):
    tiny_workspace.compute_influence()
    assert tiny_workspace.compute_scores() == []
    cheap = {name for name, producer in all_producers().items() if producer.default}
    assert {path.stem for path in tiny_workspace.folder.scores.glob("*.parquet")} >= cheap
    assert not (tiny_workspace.folder.scores / "vog.parquet").exists()
    computed = cheap | {"vog", "grand", "alignment"}
    assert tiny_workspace.compute_scores(["vog", "grand", "alignment"]) == []
    table = tiny_workspace.scores()
    expected = {score.name for name in computed for score in all_producers()[name].scores}
    assert expected <= set(table.names)
    assert len(set(table.names)) == len(table.names)
    before = {path.name: path.stat().st_mtime_ns for path in tiny_workspace.folder.scores.iterdir()}
    assert tiny_workspace.compute_scores() == []
    assert {path.name: path.stat().st_mtime_ns for path in tiny_workspace.folder.scores.iterdir()} == before
    for serves in ("suspect label", "redundant", "hard", "off-domain"):
        items = tiny_workspace.queue(QueueFilter(serves=serves))
        assert items or serves == "off-domain"  # the tiny splits can't be told apart
        assert all(each.reasons and all(r.sentence for r in each.reasons) for each in items)
        assert items == tiny_workspace.queue(QueueFilter(serves=serves))
