import numpy as np
import pytest
import torch

from backend.data.examples import Examples
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.prediction import predict
from backend.model.tokenization import encode
from tests.factories import ARCHITECTURES, SENTENCES, tiny


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("side", ["right", "left"])
def test_batching_changes_nothing(architecture, side, tiny_model):
    tokenizer, model = load_tokenizer(tiny_model(architecture)), load_classifier(tiny_model(architecture))
    tokenizer.padding_side = side
    model.train()  # as training leaves it: prediction must not depend on it
    encoded = encode(tokenizer, Examples.of(SENTENCES, SENTENCES[::-1]), 64)
    together = predict(model, encoded, tokenizer)
    assert model.training
    model.eval()
    for row, each in enumerate(encoded):
        tokens = {"input_ids": torch.tensor([each.input_ids])}
        if each.token_type_ids is not None:
            tokens["token_type_ids"] = torch.tensor([each.token_type_ids])
        with torch.inference_mode():
            alone = model(**tokens).logits.softmax(-1)[0].numpy()
        np.testing.assert_allclose(together[row], alone, rtol=1e-4, atol=1e-6)
    assert np.array_equal(together, predict(model, encoded, tokenizer))


def test_shape_progress_and_examples_without_tokens(tmp_path):
    source = tiny("gpt2", tmp_path / "m", num_labels=4, padding_side="left")
    tokenizer, model = load_tokenizer(source), load_classifier(source)
    seen = []
    texts = ["", *SENTENCES, ""]
    result = predict(
        model,
        encode(tokenizer, Examples.of(texts), 64),
        tokenizer,
        batch_examples=3,
        progress=lambda stage, done, total: seen.append((stage, done, total)),
    )
    assert result.shape == (len(texts), 4) and result.dtype == np.float32
    np.testing.assert_allclose(result.sum(1), 1, rtol=1e-5)
    assert (result[[0, -1]] == 0.25).all() and (result[1:-1].std(1) > 0).all()
    assert seen[0] == ("predicting", 2, len(texts)) and seen[-1] == ("predicting", len(texts), len(texts))
    assert predict(model, [], tokenizer).shape == (0, 4)


def test_a_model_that_knows_no_token_types(tiny_model):
    model = load_classifier(tiny_model("distilbert"))
    tokenizer = load_tokenizer(tiny_model("bert"))
    encoded = encode(tokenizer, Examples.of(SENTENCES), 64)
    assert encoded[0].token_type_ids is not None
    assert predict(model, encoded, tokenizer).shape == (len(SENTENCES), 2)
