import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.model.choice import choose


def test_falling_loss_spreads_evenly():
    assert choose(range(10, 210, 10), [20 - i for i in range(20)], 4) == [50, 100, 150, 200]
    assert choose(range(1, 9), [8 - i for i in range(8)], 4) == [2, 4, 6, 8]


def test_flat_loss_is_left_out_but_for_the_end():
    losses = [1.0, 0.8, 0.6, 0.4, 0.2, 0.1, *[0.1] * 14]
    chosen = choose(range(10, 210, 10), losses, 4)
    assert chosen[-1] == 200
    assert len([step for step in chosen if step <= 0.35 * 200]) == 3
    assert max(chosen[:-1]) >= 50  # not all at the very beginning


def test_noise_does_not_hide_the_fall():
    losses = [1 - 0.04 * i + (0.08 if i % 2 else -0.08) for i in range(20)]
    assert choose(range(1, 21), losses, 4) == [5, 10, 15, 20]


@pytest.mark.parametrize("losses", [[None] * 12, [0.5] * 12, [float(i) for i in range(12)], [None, 1.0] * 6])
def test_without_a_fall_to_see_it_spreads_evenly(losses):
    assert choose(range(1, 13), losses, 3) == [4, 8, 12]


def test_fewer_than_asked_for():
    assert choose([5, 9], [1.0, 0.5], 4) == [5, 9]
    assert choose([5, 9, 12], [1.0, 0.5, 0.1], 1) == [12]


@pytest.mark.parametrize("steps", [[2, 1, 3], [1, 1, 2]])
def test_steps_must_ascend(steps):
    with pytest.raises(ValueError, match="ascending"):
        choose(steps, [1.0, 1.0, 1.0], 2)


@given(st.data())
def test_always_count_different_steps_with_the_last(data):
    steps = sorted(data.draw(st.sets(st.integers(1, 10_000), min_size=1, max_size=40)))
    loss = st.none() | st.floats(0, 100)
    losses = data.draw(st.lists(loss, min_size=len(steps), max_size=len(steps)))
    count = data.draw(st.integers(1, 8))
    chosen = choose(steps, losses, count)
    assert len(chosen) == min(count, len(steps)) == len(set(chosen))
    assert chosen == sorted(chosen) and set(chosen) <= set(steps) and chosen[-1] == steps[-1]
