#!/usr/bin/env bash
# transformers 5.23.0: a tokenizer that is written in Python takes return_offsets_mapping=True and returns no
# offsets, without an error or a warning; a fast one of the same call returns them. Whoever maps tokens back to
# characters finds out by a KeyError later, or, with .get, never. (Up to 4.x the same call raised
# NotImplementedError.) Seen: ByT5Tokenizer -> keys ['attention_mask', 'input_ids'], is_fast False.
# Runs on its own in a temporary folder; exit 0 as long as the behaviour is this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3.11 -m venv "$place/env"
"$place/env/bin/pip" install -q transformers==5.23.0
HF_HUB_OFFLINE=1 "$place/env/bin/python" -W error::UserWarning - <<'PY'
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

assert transformers.__version__ == "5.23.0"
slow = transformers.ByT5Tokenizer()
found = slow("two words", return_offsets_mapping=True)
print("ByT5Tokenizer, fast:", slow.is_fast, "->", sorted(found))
assert not slow.is_fast and "offset_mapping" not in found

words = Tokenizer(WordLevel({"[UNK]": 0, "two": 1, "words": 2}, unk_token="[UNK]"))
words.pre_tokenizer = Whitespace()
fast = transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")
found = fast("two words", return_offsets_mapping=True)
print("PreTrainedTokenizerFast ->", found["offset_mapping"])
assert [tuple(each) for each in found["offset_mapping"]] == [(0, 3), (4, 9)]
PY
