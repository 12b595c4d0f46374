#!/usr/bin/env bash
# peft 0.21.0: LoRA that begins with init_lora_weights="pissa_niter_4" takes a randomised singular value
# decomposition of each base layer and leaves the rest in the base. An adapter saved plainly is laid upon a base
# that loading decomposes anew, with other random numbers: the loaded model has other logits than the trained one,
# and two loads differ from each other. Nothing is warned about. With "pissa" (exact) both are the same.
set -euo pipefail
home=$(mktemp -d); trap 'rm -rf "$home"' EXIT
python3.11 -m venv "$home/venv"
"$home/venv/bin/pip" install -q torch==2.13.0 transformers==5.23.0 peft==0.21.0
cd "$home"
OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 venv/bin/python - <<'PY'
import torch, peft
from transformers import AutoModelForSequenceClassification as Auto, BertConfig, BertForSequenceClassification

torch.manual_seed(0)
size = dict(vocab_size=40, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2)
BertForSequenceClassification(BertConfig(**size, initializer_range=0.3)).save_pretrained("base")
ids = torch.tensor([[5, 6, 7, 8]])
off = {}
for start in ("pissa", "pissa_niter_4"):
    wanted = peft.LoraConfig(task_type="SEQ_CLS", r=4, target_modules=["query", "value"], init_lora_weights=start)
    model = peft.get_peft_model(Auto.from_pretrained("base"), wanted)
    optimizer = torch.optim.SGD([each for each in model.parameters() if each.requires_grad], lr=0.1)
    for label in (0, 1, 1):
        optimizer.zero_grad()
        model(input_ids=ids, labels=torch.tensor([label])).loss.backward()
        optimizer.step()
    model.eval().save_pretrained(start)
    with torch.no_grad():
        truth = model(input_ids=ids).logits
        loads = [
            peft.PeftModel.from_pretrained(Auto.from_pretrained("base"), start).eval()(input_ids=ids).logits
            for _ in range(2)
        ]
    off[start] = max(float((each - truth).abs().max()) for each in loads)
    print(f"{start}: logits of the loaded model are {off[start]:.1e} off those of the trained one")
assert off["pissa"] < 1e-4, "the exact beginning is no longer repeated"
assert off["pissa_niter_4"] > 1e-3, "the random beginning is repeated now"
PY
