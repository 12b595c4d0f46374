"""The plan of a training: enough steps for the classes, wishes that win, and lines that warn of bad ones."""

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.model.training_plan import make_plan
from backend.model.training_schedule import total_steps
from backend.model.training_settings import TrainingSettings


@pytest.mark.parametrize("rows", [20, 299, 300, 999, 1000, 3000, 5000, 100_000])
@pytest.mark.parametrize("classes", [2, 6, 77])
def test_a_plan_is_valid_settings_of_as_many_steps_as_it_says(rows, classes):
    plan = make_plan(rows, classes)
    settings = TrainingSettings(**plan.settings())
    assert total_steps(rows, settings) == plan.steps
    assert 2 <= plan.epochs <= 20
    json.dumps(plan.to_json(), allow_nan=False)


def test_more_classes_want_more_steps_and_more_rows_fewer_epochs():
    steps = [make_plan(3000, classes).steps for classes in (2, 20, 77)]
    assert steps == sorted(steps) and steps[-1] > 3 * steps[0]
    epochs = [make_plan(rows, 20).epochs for rows in (1000, 3000, 10_000, 100_000)]
    assert epochs == sorted(epochs, reverse=True)


def test_the_demo_stays_short():
    assert make_plan(5000, 2).epochs <= 3


def test_the_rate_falls_with_the_width(tmp_path):
    rates = []
    for width in (384, 768, 1024):
        folder = tmp_path / str(width)
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"hidden_size": width}))
        rates.append(make_plan(3000, 4, str(folder)).lr)
    assert rates == sorted(rates, reverse=True) and rates[1] == pytest.approx(5e-5, rel=0.25)
    assert 1e-4 <= rates[0] <= 5e-4 and 2e-5 <= rates[2] <= 5e-5
    assert make_plan(3000, 4, "somebody/unknown").lr == rates[1]


def test_wishes_win_and_none_is_no_wish():
    plan = make_plan(3000, 4, given={"epochs": 7, "lr": None, "batch_size": 10, "seed": 3})
    assert (plan.epochs, plan.batch_size, plan.lr) == (7, 10, make_plan(3000, 4).lr)
    assert "epochs, batch_size as you asked" in plan.reason and plan.steps == 2100


def test_two_epochs_at_a_low_rate_are_warned_of_and_the_plan_itself_is_not():
    (warning,) = make_plan(3000, 77, given={"epochs": 2, "lr": 5e-5}).warnings
    assert "hardly learn 77 classes" in warning and f"{make_plan(3000, 77).epochs:g} epochs" in warning
    for rows, classes in ((3000, 77), (3000, 6), (5000, 2), (300, 2), (100_000, 77)):
        assert make_plan(rows, classes).warnings == ()


def test_the_demo_is_not_warned_of_for_it_learns():
    """Two classes are told apart (84 % right) at settings that teach 77 nothing."""
    settings = TrainingSettings()
    asked = {"epochs": settings.epochs, "lr": settings.lr, "batch_size": settings.batch_size, "warmup": 0.0}
    assert make_plan(5000, 2, given=asked).warnings == ()
    assert make_plan(5000, 2, given={**asked, "lr": 1e-5}).warnings
    assert make_plan(5000, 77, given=asked).warnings


def hardly(plan) -> list[str]:
    return [line for line in plan.warnings if "hardly learn" in line]


ADVICE = re.compile(r"about (\S+) epochs at (\S+?)(?: with --batch-size (\d+))? would do")


@given(
    st.integers(0, 20_000),
    st.integers(2, 300),
    st.fixed_dictionaries(
        {
            "epochs": st.none() | st.floats(0.1, 40),
            "lr": st.none() | st.floats(1e-6, 1e-3),
            "batch_size": st.none() | st.integers(1, 2048),
        }
    ),
)
def test_whoever_follows_the_advice_is_not_warned_again(rows, classes, asked):
    assert not hardly(make_plan(rows, classes)), "of the plan itself"
    for line in hardly(make_plan(rows, classes, given=asked)):
        epochs, rate, batch = ADVICE.search(line).groups()
        better = {**asked, "epochs": float(epochs), "lr": float(rate)}
        if batch:
            better["batch_size"] = int(batch)
        assert better != asked
        assert not hardly(make_plan(rows, classes, given=better))


def test_batches_too_large_for_the_rows_are_part_of_the_advice():
    (line,) = hardly(make_plan(3000, 77, given={"batch_size": 512}))
    assert "about 15 epochs at 0.0003 with --batch-size 32 would do" in line
    assert "batch" not in hardly(make_plan(3000, 77, given={"epochs": 1}))[0]


@pytest.mark.parametrize(("rows", "classes"), [(60, 50), (1, 2)])
def test_too_few_rows_are_said_once_and_the_steps_as_they_are(rows, classes):
    plan = make_plan(rows, classes)
    (line,) = plan.warnings
    assert "rows a class are too few" in line
    assert f"are {plan.steps:,}; " in plan.reason


def test_few_rows_and_uneven_classes_are_said_beforehand():
    assert "3.9 rows a class" in " ".join(make_plan(300, 77).warnings)
    uneven = make_plan(3000, 3, smallest_class=100, largest_class=2500)
    assert any("--balanced-batches" in each for each in uneven.warnings)
    balanced = make_plan(3000, 3, smallest_class=100, largest_class=2500, given={"class_weights": True})
    assert balanced.warnings == ()
    assert any("diverge" in each for each in make_plan(3000, 2, given={"lr": 0.5}).warnings)


def test_planning_does_not_wait_for_torch():
    code = (
        "import sys; from backend.model.training_plan import make_plan; make_plan(3000, 77); "
        "sys.exit(any(each in sys.modules for each in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
