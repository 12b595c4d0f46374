#!/usr/bin/env bash
# transformers 5.23.0 (tokenizers 0.23.3): where a SentencePiece-like tokenizer splits a word, and "▁", its mark of
# a word's beginning, becomes a token of its own, that token's offset is the first letter of the word, which is
# also the offset of the token after it: two tokens claim one letter. XLM-R and ALBERT do so (below; T5, mBART, XLNet, too);
# DeBERTa-v3 says the blank before the word instead.
# One would expect disjoint offsets, and the same rule for the same mark. Whoever sums a score over characters
# counts that letter twice; whoever looks a character up finds the mark, which holds none.
# Runs on its own in a temporary folder; exit 0 as long as the behaviour is this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3.11 -m venv "$place/env"
"$place/env/bin/pip" install -q transformers==5.23.0 tokenizers==0.23.3
HF_HUB_OFFLINE=1 "$place/env/bin/python" - <<'PY'
import transformers
from transformers import AlbertTokenizer, DebertaV2Tokenizer, XLMRobertaTokenizer

assert transformers.__version__ == "5.23.0"
letters = [(letter, -8.0) for letter in "abcdefghijklmnopqrstuvwxyz"]
text, seen = "so odd", {}
for kind, special in (
    (XLMRobertaTokenizer, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]),
    (AlbertTokenizer, ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]),
    (DebertaV2Tokenizer, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]),
):
    pieces = [(name, 0.0) for name in special] + [("▁", -6.0), ("▁so", -3.0), *letters]
    tokenizer = kind(vocab=pieces)
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    tokens = tokenizer.convert_ids_to_tokens(found["input_ids"])
    seen[kind.__name__] = {(token, *span) for token, span in zip(tokens, found["offset_mapping"])}
    print(f"{kind.__name__}: {list(zip(tokens, found['offset_mapping']))}")
for name in ("XLMRobertaTokenizer", "AlbertTokenizer"):
    assert {("▁", 3, 4), ("o", 3, 4)} <= seen[name], "the behaviour has changed"
assert ("▁", 2, 3) in seen["DebertaV2Tokenizer"], "the behaviour has changed"
PY
