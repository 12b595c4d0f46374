"""Which arm another must beat, and what a report says of it."""

import numpy as np
import pytest

from backend.data.targets.class_space import ClassSpace
from backend.trials.arm import Arm, Trial
from backend.trials.report import report
from backend.trials.runner import Outcome

N = 400


def outcome(correct: np.ndarray) -> Outcome:
    """Sure predictions of class 0 where ``correct``, of class 1 elsewhere; all rows are of class 0."""
    sure = np.where(correct[:, None], [0.9, 0.1], [0.1, 0.9]).astype(np.float32)
    return Outcome(evaluation=sure, queries=np.zeros((0, 2), np.float32), seconds=1.0, logs=[])


def right(first: int, last: int) -> list[Outcome]:
    """Three seeds that are right on rows ``first`` to ``last`` but for a row or two."""
    found = []
    for seed in range(3):
        correct = np.zeros(N, bool)
        correct[first : last - seed] = True
        found.append(outcome(correct))
    return found


def reported(outcomes: dict[str, list[Outcome]], **trial) -> dict:
    arms = tuple(Arm(name, name, lambda seed: []) for name in outcomes)
    made = report(
        Trial("prune", arms, np.arange(N), **trial),
        outcomes,
        seeds=(0, 1, 2),
        ids=[str(each) for each in range(N)],
        targets=["good"] * N,
        space=ClassSpace(("good", "bad")),
        groups=None,
        queries=[],
    )
    return {arm["name"]: arm for arm in made["arms"]}


def test_an_arm_is_held_against_its_own_control():
    outcomes = {"all": right(0, 300), "el2n 50%": right(0, 200), "random 50%": right(0, 250)}
    arms = reported(outcomes, controls={"el2n 50%": "random 50%"})
    assert arms["el2n 50%"]["control"] == "random 50%"
    assert arms["el2n 50%"]["verdict"].endswith("worse than all and than random 50%, beyond chance")
    assert "control" not in arms["random 50%"] and "control" not in arms["all"]
    assert arms["random 50%"]["verdict"].endswith("worse than all, beyond chance")


def test_as_good_as_all_rows_but_better_than_chance_is_said():
    outcomes = {"all": right(0, 300), "el2n 50%": right(0, 300), "random 50%": right(0, 200)}
    outcomes["el2n 50%"] = outcomes["el2n 50%"][::-1]  # other seeds, so that there is some noise
    arms = reported(outcomes, controls={"el2n 50%": "random 50%"})
    assert arms["el2n 50%"]["verdict"].endswith("not told apart from all, but better than random 50%")


@pytest.mark.parametrize(
    ("control", "controls", "name", "expected"),
    [
        (None, {}, "a", None),
        ("c", {}, "a", "c"),
        ("c", {}, "c", None),
        ("c", {"a": "b"}, "a", "b"),
        (None, {"a": "b"}, "b", None),
    ],
)
def test_the_control_of_an_arm(control, controls, name, expected):
    arms = tuple(Arm(each, each, lambda seed: []) for each in ("r", "a", "b", "c"))
    assert Trial("t", arms, np.arange(2), control, controls=controls).control_of(name) == expected
