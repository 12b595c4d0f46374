#!/usr/bin/env bash
# transformers 5.23.0: a BART classifier of two classes without names can't be loaded again. config.json leaves
# id2label out where there are two labels, "because it is the default", and BartConfig alone takes three for it:
# from_pretrained then ends in "You set `ignore_mismatched_sizes` to `False`", and with that set to True in a
# head drawn at random. num_labels=2 given to from_pretrained helps, or names in id2label before saving.
# Runs on its own in a temporary folder; exit 0 as long as the behaviour is this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3.11 -m venv "$place/env"
"$place/env/bin/pip" install -q torch==2.13.0 transformers==5.23.0
cd "$place"
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES= "$place/env/bin/python" - <<'PY'
import json

import transformers
from transformers import AutoModelForSequenceClassification as Classifier
from transformers import BartConfig

assert transformers.__version__ == "5.23.0"
sizes = {
    f"{side}_{part}": size
    for side in ("encoder", "decoder")
    for part, size in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 32))
}
model = Classifier.from_config(BartConfig(vocab_size=50, d_model=16, num_labels=2, **sizes))
model.save_pretrained("saved")
assert "id2label" not in json.load(open("saved/config.json")), "the behaviour has changed"
print("saved:", model.config.num_labels, "classes; loaded:", BartConfig.from_pretrained("saved").num_labels)
try:
    Classifier.from_pretrained("saved")
except RuntimeError as error:
    print("RuntimeError:", error)
else:
    raise SystemExit("the behaviour has changed")
assert Classifier.from_pretrained("saved", num_labels=2).config.num_labels == 2
PY
