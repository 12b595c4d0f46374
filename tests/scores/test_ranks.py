import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from backend.scores.ranks import rankdata


@pytest.mark.parametrize("method", ["average", "max"])
@given(values=st.lists(st.sampled_from([-np.inf, -1.5, 0.0, 2.0, 7.25, np.inf]) | st.floats(allow_nan=False)))
def test_ranks_are_those_of_scipy(values, method):
    found = np.array(values, dtype=np.float64)
    assert rankdata(found, method).tolist() == stats.rankdata(found, method=method).tolist()
