"""Figures of language models and of their answers: against sums, and intervals against redrawn rows."""

import numpy as np
import pytest
from hypothesis import given as drawn_from
from hypothesis import strategies as st

from backend.data.conversation import Conversation, Turn
from backend.data.targets.text_space import TextSpace
from backend.tasks.causal_lm import TASK
from backend.trials.answers import AnswerMeasure, Prompt, marks_of
from backend.trials.arm import Rows, Trial, same_rows
from backend.trials.measures import measure_of
from backend.trials.outcome import Outcome
from backend.trials.report import report
from backend.trials.statistics import Groups
from tests.language_models import chat

SPACE = TextSpace()


def lengths(count: int, seed: int) -> np.ndarray:
    """Of rows, some of a few tokens and some of hundreds."""
    return np.random.default_rng(seed).geometric(0.02, count).astype(np.float32)


def run(tokens: np.ndarray, seed: int, mean: float = 2.0) -> np.ndarray:
    """Summed losses of rows that are unlike each other."""
    random = np.random.default_rng(seed)
    losses = tokens * mean * np.exp(random.normal(0, 0.4, len(tokens)))
    return np.stack([losses, tokens], axis=1).astype(np.float32)


def groups_of(count: int) -> list[str]:
    return np.random.default_rng(5).choice(("x", "y", "z"), count).tolist()


def test_figures_are_those_of_the_task_and_weigh_by_tokens():
    tokens, groups = lengths(50, 0), groups_of(50)
    outputs = run(tokens, 1)
    measure = measure_of(SPACE, [""] * 50, groups)
    found = dict(zip(measure.names, measure.figures(outputs), strict=True))
    for each in TASK.figures(SPACE, outputs, [""] * 50):
        assert each.name == "likelihood" or found[each.name] == pytest.approx(each.value)
    assert found["loss_per_token"] == pytest.approx(outputs[:, 0].sum() / tokens.sum(), rel=1e-6)
    assert found["loss_per_token"] != pytest.approx((outputs[:, 0] / tokens).mean(), rel=1e-3)
    own = np.array(groups) == "y"
    assert found["group/y"] == pytest.approx(outputs[own, 0].sum() / tokens[own].sum(), rel=1e-6)
    assert measure.right(outputs) is None and not measure.says_one_thing(outputs)


def test_rows_without_a_token_in_the_loss_count_nothing():
    some = run(lengths(20, 0), 1)
    more = np.concatenate([some, np.zeros((5, 2), np.float32)])
    one, other = (measure_of(SPACE, [""] * len(each), None).figures(each) for each in (some, more))
    np.testing.assert_allclose(one, other)
    assert np.isnan(measure_of(SPACE, [""], None).figures(np.zeros((1, 2), np.float32))).all()


def test_the_rows_part_is_that_of_redrawn_rows():
    """One seed: half an interval is 1.96 standard deviations over redrawn rows, for every figure."""
    tokens, groups = lengths(400, 0), np.array(groups_of(400), dtype=object)
    one, other = run(tokens, 1), run(tokens, 2, 2.2)
    found = measure_of(SPACE, [""] * 400, groups.tolist()).differences([one], [other])
    random, drawn = np.random.default_rng(2), []
    for _ in range(600):
        chosen = random.integers(0, 400, 400)
        again = measure_of(SPACE, [""] * 400, groups[chosen].tolist())
        drawn.append(again.figures(one[chosen]) - again.figures(other[chosen]))
    spread = dict(zip(found, np.std(drawn, axis=0), strict=True))
    assert set(found) == {"loss_per_token", "perplexity", "group/x", "group/y", "group/z"}
    for name, each in found.items():
        assert (each.high - each.low) / 2 / 1.96 == pytest.approx(spread[name], rel=0.12), name


@drawn_from(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.sampled_from("ab")), min_size=2))
def test_moves_of_the_ratios_of_groups(rows):
    above, below = (np.array([each[at] for each in rows], dtype=float) for at in (0, 1))
    names = [each[2] for each in rows]
    groups = Groups(names)
    moves = groups.ratio_moves(above, below)
    for place, name in enumerate(groups.sizes):
        own, step = np.array(names) == name, 1e-5
        if not below[own].sum():
            assert np.isnan(groups.ratios(above, below)[place]) and not moves[own].any()
            continue
        for row in np.flatnonzero(own).tolist():
            ratios = []
            for weight in (1 + step, 1 - step):
                weights = np.ones(len(rows))
                weights[row] = weight
                ratios.append((weights * above)[own].sum() / (weights * below)[own].sum())
            assert moves[row] == pytest.approx((ratios[0] - ratios[1]) / (2 * step), abs=1e-4)


@pytest.mark.parametrize("seeds", [2, 3])
def test_chance_between_seeds_is_not_called_an_effect(seeds):
    false = {"loss_per_token": 0, "perplexity": 0}
    for world in range(120):
        tokens, random = lengths(100, world), np.random.default_rng(world)
        arms = [
            [run(tokens, int(random.integers(2**31)), 2 * float(np.exp(random.normal(0, 0.05))))]
            for _ in range(2 * seeds)
        ]
        runs = [each[0] for each in arms]
        found = measure_of(SPACE, [""] * 100, None).differences(runs[:seeds], runs[seeds:])
        for name in false:
            false[name] += found[name].beyond_noise
    assert max(false.values()) <= 13, false  # of 120: 6 are expected, 13 are 3 standard errors more


# -- answers ----------------------------------------------------------------------------------------


def test_answers_are_exact_apart_from_white_space_and_chrf_is_that_of_sacrebleu():
    from sacrebleu import sentence_chrf

    said = ["It is  Oslo.\n", "It is Rome.", "", "日本語"]
    right = ["It is Oslo.", "It is Oslo.", "Yes.", "日本語"]
    found = marks_of(said, right)
    assert found[:, 0].tolist() == [1, 0, 0, 1]
    expected = [sentence_chrf(one, [other]).score / 100 for one, other in zip(said, right, strict=True)]
    np.testing.assert_allclose(found[:, 1], expected)
    assert found[0, 1] == found[3, 1] == 1 and found[2, 1] == 0 and 0 < found[1, 1] < 1


def test_the_prompts_part_is_that_of_redrawn_prompts():
    random = np.random.default_rng(0)
    one, other = (np.stack([random.random(300) < 0.6, random.random(300)], axis=1) * 1.0 for _ in range(2))
    found = AnswerMeasure(300).differences([one], [other])
    drawn = []
    for _ in range(600):
        rows = random.integers(0, 300, 300)
        drawn.append(one[rows].mean(axis=0) - other[rows].mean(axis=0))
    for each, spread in zip(found.values(), np.std(drawn, axis=0), strict=True):
        assert (each.high - each.low) / 2 / 1.96 == pytest.approx(spread, rel=0.12)


def test_a_handful_of_answers_is_never_beyond_chance():
    right, wrong = np.ones((4, 2)), np.zeros((4, 2))
    found = AnswerMeasure(4).differences([right] * 3, [wrong] * 3)
    assert found["exact"].mean == 1 and not found["exact"].beyond_noise
    more = AnswerMeasure(12).differences([np.ones((12, 2))] * 3, [np.zeros((12, 2))] * 3)
    assert more["exact"].beyond_noise


def test_what_is_right_is_no_part_of_a_prompt():
    """So that a corrected eval row is not answered anew, and a question's answer is not given away."""
    one, other = (chat(("user", "Where?"), ("assistant", said)) for said in ("Oslo.", "Rome."))
    assert Prompt(one).content() == Prompt(other).content() and Prompt(one).text() == "Where?"
    longer = Conversation((*one.turns, Turn(2, "user", "Sure?"), Turn(3, "assistant", "Yes", True)), True)
    assert Prompt(longer).text() == "Sure?" and Prompt(longer).content() != Prompt(one).content()


# -- verdicts ---------------------------------------------------------------------------------------


def small_report(before: float, after: float, random: float) -> dict:
    """Of three arms of three seeds, whose mean losses are these."""
    tokens = lengths(100, 0)
    rows = Rows(np.empty(0, dtype=np.int64), np.empty(0, dtype=object))
    means = {"untouched": before, "cleaned": after, "random": random}
    outcomes = {}
    for name, mean in means.items():
        outputs = [run(tokens, 7, mean * (1 + 0.001 * seed)) for seed in range(3)]
        outcomes[name] = [Outcome(each, np.empty((0, 2), np.float32), [{}], 1.0) for each in outputs]
    arms = tuple(same_rows(rows, name, "") for name in means)
    return report(
        Trial("t", arms, np.arange(100), control="random"),
        outcomes,
        seeds=range(3),
        ids=[f"e{each}" for each in range(100)],
        targets=[""] * 100,
        space=SPACE,
        groups=None,
        queries=[],
    )


@pytest.mark.parametrize(
    ("after", "random", "said"),
    [
        (1.5, 2.0, "better than untouched and than random, beyond chance"),
        (2.5, 2.0, "worse than untouched and than random, beyond chance"),
        (1.5, 1.5, "better than untouched, but not told apart from random"),
    ],
)
def test_a_loss_that_falls_is_better(after, random, said):
    content = small_report(2.0, after, random)
    assert content["headline"] == {"name": "loss_per_token", "title": "Loss per token", "better": "low"}
    verdict = content["arms"][1]["verdict"]
    change = content["arms"][1]["change"]["loss_per_token"]["mean"]
    assert change == pytest.approx(after - 2.0, abs=0.05)
    assert verdict.startswith(f"loss per token {change:+.3g} (95 %") and verdict.endswith(said), verdict
    assert [each["name"] for each in content["shown"]] == ["loss_per_token", "perplexity"]
