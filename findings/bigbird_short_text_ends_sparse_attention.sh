#!/usr/bin/env bash
# transformers 5.23.0, BigBird with attention_type="block_sparse": one text that is too short for blocks switches
# the model to full attention, and it stays there for every text after it. In eval mode, with the same weights,
# the same text then has other outputs: predictions depend on what the model has read before, and on its order.
# One would expect the short text alone to be read with full attention. (The model says so once, as a warning.)
# Seen here: logits of a text of 60 tokens are [-0.03, 0.48] before and [-0.39, 0.17] after a text of 4;
# config.attention_type still says block_sparse.
# Runs on its own in a temporary folder; exit 0 as long as the behaviour is this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3.11 -m venv "$place/env"
"$place/env/bin/pip" install -q torch==2.13.0 transformers==5.23.0
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES= "$place/env/bin/python" - <<'PY'
import numpy as np
import torch
import transformers
from transformers import BigBirdConfig, BigBirdForSequenceClassification

assert transformers.__version__ == "5.23.0"
torch.manual_seed(0)
config = BigBirdConfig(
    vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
    attention_type="block_sparse", block_size=4, num_random_blocks=1, initializer_range=0.5,
    max_position_embeddings=64, sep_token_id=3,
)
model = BigBirdForSequenceClassification(config).eval()
long, short = torch.arange(60)[None] % 50 + 5, torch.arange(5, 9)[None]


def outputs(text: torch.Tensor) -> torch.Tensor:
    np.random.seed(0)  # from which the random blocks are drawn
    with torch.no_grad():
        return model(text).logits[0]


first, again = outputs(long), outputs(long)
outputs(short)
after = outputs(long)
print("60 tokens, read twice:      ", first.tolist(), again.tolist())
print("60 tokens, after a short one:", after.tolist())
print("attention now:", model.bert.attention_type, "- the config says", model.config.attention_type)
assert torch.equal(first, again)
assert float((after - first).abs().max()) > 1e-3, "the behaviour has changed"
assert model.bert.attention_type == "original_full", "the behaviour has changed"
PY
