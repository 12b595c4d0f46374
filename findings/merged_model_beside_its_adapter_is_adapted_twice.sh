#!/usr/bin/env bash
# transformers 5.23.0 with peft 0.21.0: a LoRA checkpoint whose adapter is merged and saved into the same folder
# holds a whole model and, still, adapter_config.json. AutoModelForSequenceClassification.from_pretrained loads
# the merged weights and applies the adapter to them once more: logits are those of no model that was trained.
# Nothing is warned about. Without peft installed, or with the adapter's files moved away, it loads as merged.
set -euo pipefail
home=$(mktemp -d); trap 'rm -rf "$home"' EXIT
python3.11 -m venv "$home/venv"
"$home/venv/bin/pip" install -q torch==2.13.0 transformers==5.23.0 peft==0.21.0
cd "$home"
OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 venv/bin/python - <<'PY'
import torch, peft
from transformers import AutoModelForSequenceClassification as Auto, BertConfig, BertForSequenceClassification

torch.manual_seed(0)
size = dict(vocab_size=40, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
BertForSequenceClassification(BertConfig(**size)).save_pretrained("base")
wanted = peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules=["query", "value"], init_lora_weights=False)
adapted = peft.get_peft_model(Auto.from_pretrained("base"), wanted).eval()
adapted.save_pretrained("checkpoint")
ids = torch.tensor([[5, 6, 7, 8]])
with torch.no_grad():
    truth = adapted(input_ids=ids).logits
    adapted.merge_and_unload().save_pretrained("checkpoint")
    loaded = Auto.from_pretrained("checkpoint").eval()
    twice = loaded(input_ids=ids).logits
layers = [name for name, _ in loaded.named_parameters() if "lora_" in name]
print("logits of what was trained:", truth.tolist())
print("logits of the merged folder:", twice.tolist())
print("adapter layers in the loaded model:", len(layers))
assert layers and (twice - truth).abs().max() > 1e-3, "the adapter is no longer applied again"
PY
