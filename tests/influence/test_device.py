"""The same rows on a GPU as on the CPU; skipped where there is none."""

import numpy as np
import pytest
import torch

from backend.data.examples import Examples
from backend.influence.gradients.capture import gradient_rows, load_for_tracing
from backend.influence.gradients.settings import TraceSettings
from backend.model.loading import load_tokenizer
from backend.model.tokenization import encode
from tests.factories import LABELS, SENTENCES, tiny

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]


@pytest.mark.parametrize("architecture", ["bert", "deberta", "gpt2"])
def test_rows_on_cuda_equal_those_on_cpu(architecture, tmp_path):
    path = tiny(architecture, tmp_path / "model")
    tokenizer = load_tokenizer(path)
    encoded = encode(tokenizer, Examples.of(list(SENTENCES)), 64)
    parts = []
    for device in ("cpu", "cuda"):
        settings = TraceSettings(device=device)
        model = load_for_tracing(path, settings)
        parts.append(gradient_rows(model, tokenizer, encoded, list(LABELS), settings)[0])
    assert np.array_equal(parts[0].tokens, parts[1].tokens)
    np.testing.assert_allclose(parts[0].rows, parts[1].rows, atol=1e-3 * np.abs(parts[0].rows).max())
