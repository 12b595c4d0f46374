"""The rough forecast of a build: it grows with all that it should grow with, and knows the embedded model."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.build_time import build_time, weights_of
from backend.model.training_plan import make_plan


def test_weights_of_the_embedded_model_and_of_part_of_it():
    inner, embedding = weights_of("minilm")
    assert inner == pytest.approx(10.6e6, rel=0.02) and embedding == pytest.approx(11.7e6, rel=0.02)
    assert weights_of("minilm", 2)[0] == pytest.approx(inner / 3)


@pytest.mark.parametrize(
    "config", [{}, {"hidden_size": "x"}, {"hidden_size": -1, "num_hidden_layers": 2}, [1]]
)
def test_a_model_whose_shape_is_not_said_counts_as_the_usual_base_model(tmp_path, config):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert weights_of(str(tmp_path)) == weights_of("owner/not-in-the-cache")


@settings(deadline=None)  # the first call measures the processor
@given(st.integers(10, 100_000), st.integers(2, 200), st.floats(1, 3_000))
def test_more_rows_longer_texts_and_more_layers_take_longer(rows, classes, characters):
    def seconds(rows, characters, layers, model="minilm"):
        plan = make_plan(rows, classes, model, layers, given={"epochs": 2.0})
        return build_time(rows, rows // 5, characters, plan, model, layers, max_length=128).seconds

    usual = seconds(rows, characters, 3)
    assert usual > 0
    assert seconds(2 * rows + 100, characters, 3) > usual
    assert seconds(rows, characters, 6) > usual
    assert seconds(rows, 2 * characters, 3) >= usual


def test_an_attached_run_is_only_traced():
    found = build_time(1_000, 200, 100, None, "minilm")
    assert found.training == 0 and found.seconds == found.tracing > 0
