from hypothesis import given
from hypothesis import strategies as st

from backend.model.batching import length_sorted_batches


@given(
    st.lists(st.integers(0, 200), max_size=80),
    st.integers(1, 16),
    st.integers(1, 600),
    st.integers(0, 4),
)
def test_bounds_hold_and_every_position_comes_once(lengths, examples, tokens, several):
    kinds = [(length % several,) for length in lengths] if several else None
    batches = list(length_sorted_batches(lengths, examples, tokens, kinds))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        sizes = [lengths[position] for position in batch]
        assert 1 <= len(batch) <= examples
        assert len(batch) == 1 or max(sizes) * len(batch) <= tokens
        assert not several or len({length % several for length in sizes}) == 1
    flat = [
        (length % several if several else 0, length) for batch in batches for length in _at(lengths, batch)
    ]
    assert flat == sorted(flat)


def _at(lengths, batch):
    return [lengths[position] for position in batch]


def test_batches_are_as_full_as_allowed():
    assert list(length_sorted_batches([4] * 10, 4, 1000)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(length_sorted_batches([5, 1, 5], 8, 10)) == [[1, 0], [2]]
