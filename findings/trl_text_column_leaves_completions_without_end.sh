#!/usr/bin/env bash
# trl 1.16.0 (transformers 5.23.0): SFTTrainer adds the end-of-sequence token to the completions of plain prompt
# and completion rows, so that the model learns to stop. If the rows also have a column "text" (as what became of
# Alpaca's files does), it adds the token to that column, which it then does not train on, and leaves the
# completions as they are: no row teaches where an answer ends. Nothing is warned about.
# Seen: without the column, last label 2 (the end); with it, last label 6, the completion's last word.
set -euo pipefail
home=$(mktemp -d); trap 'rm -rf "$home"' EXIT
python3.11 -m venv "$home/venv"
"$home/venv/bin/pip" install -q torch==2.13.0 transformers==5.23.0 trl==1.16.0
cd "$home"
OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 venv/bin/python -W error::UserWarning:trl - <<'PY'
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

words = ["<pad>", "<unk>", "</s>", "two", "plus", "makes", "four"]
plain = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
special = dict(pad_token="<pad>", unk_token="<unk>", eos_token="</s>")
tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, **special)
size = dict(vocab_size=7, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)


def learnt(row):
    """The labels of the only row as the trainer trains on it."""
    settings = SFTConfig(output_dir="out", use_cpu=True, bf16=False, report_to="none")
    trainer = SFTTrainer(
        model=LlamaForCausalLM(LlamaConfig(**size)),
        args=settings,
        train_dataset=Dataset.from_list([row]),
        processing_class=tokenizer,
    )
    batch = next(iter(trainer.get_train_dataloader()))
    return [int(each) for each in batch["labels"][0] if each != -100]


row = {"prompt": "two plus two ", "completion": "makes four"}
without, beside = learnt(row), learnt({**row, "text": "two plus two makes four"})
print("labels of prompt and completion:", without)
print("the same rows with a column text:", beside)
assert without == [5, 6, 2], "the end is no longer added to completions"
assert beside == [5, 6], "a column text no longer keeps the end away"
PY
