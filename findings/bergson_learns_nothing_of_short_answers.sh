#!/usr/bin/env bash
# bergson 2.5.1: of chats and of prompts with completions it takes the loss at the answers, whose place it finds
# by searching the answer's text from the right in what the chat template wrote. The template writes an end mark
# behind the answer, and an answer that is a part of the mark is found in it: with ChatML's <|im_end|> the answers
# "d" and "e" of a multiple choice (and i, m, n, end) begin and end within that one token, so that no token of
# the row is in the loss. Its gradient and all its scores are zero. Nothing is warned about.
# Seen: answer "b" -> labels ['b']; answer "d" -> labels []. With SmolLM2's own tokenizer the same.
set -euo pipefail
home=$(mktemp -d); trap 'rm -rf "$home"' EXIT
python3.11 -m venv "$home/venv"
"$home/venv/bin/pip" install -q torch==2.13.0 transformers==5.23.0 accelerate==1.15.0 datasets==5.2.0 \
  peft==0.21.0 jaxtyping==0.3.11 ml_dtypes==0.6.0 natsort==8.4.0 petname==2.9 simple-parsing==0.1.9 torchopt==0.7.3
"$home/venv/bin/pip" install -q --no-deps bergson==2.5.1  # its torchvision, torchaudio, bitsandbytes are not needed
cd "$home"
OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 venv/bin/python -W error::UserWarning:bergson - <<'PY'
from bergson.config.config import DataConfig
from bergson.data import tokenize
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

words = ["<unk>", "user", "assistant", "Which", "?", "a", "b", "d", "e"]
plain = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
plain.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<unk>")
tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
tokenizer.chat_template = (
    "{% for each in messages %}<|im_start|>{{ each['role'] }}\n{{ each['content'] }}<|im_end|>\n{% endfor %}"
)


def learnt(answer):
    """The tokens that bergson takes the loss at."""
    rows = {"prompt": ["Which?"], "completion": [answer]}
    columns = DataConfig(prompt_column="prompt", completion_column="completion")
    found = tokenize(rows, args=columns, tokenizer=tokenizer)
    return tokenizer.convert_ids_to_tokens([each for each in found["labels"][0] if each != -100])


for answer in "abde":
    print(f"answer {answer!r}: labels {learnt(answer)}")
assert learnt("a") == ["a"] and learnt("b") == ["b"]
assert learnt("d") == learnt("e") == [], "short answers are found where they are"
PY
