"""Two small classifiers, trained from scratch in seconds: what thousands of retrainings are made with.

``cnn`` (see `backend.model.conv`) and ``transformer``, two layers of BERT of small width. Both are ordinary
models of transformers: a workspace trains, explains and attaches them like any other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from transformers import BertConfig, BertTokenizer, PreTrainedModel

from backend.data.examples import Examples
from backend.errors import InputError
from backend.model.conv import WIDTH, ConvConfig, ConvForSequenceClassification
from backend.model.loading import load_tokenizer
from backend.model.quiet import quiet
from backend.model.tokenization import encode_ids
from backend.tasks.heads import auto_class

Kind = Literal["cnn", "transformer"]
KINDS: tuple[Kind, ...] = ("cnn", "transformer")
_LENGTH = 128


def write_small_model(
    folder: Path,
    kind: str,
    examples: Examples,
    *,
    tokenizer: str,
    seed: int = 0,
) -> Path:
    """Write an untrained small model with the word pieces of ``tokenizer`` that occur in the texts.

    A vocabulary without those that never occur cuts the same texts in the same way, and has hundreds of
    thousands of weights less. `InputError` for an unknown kind, or a tokenizer that is not WordPiece.
    """
    if kind not in KINDS:
        raise InputError(f"--model {kind}: must be one of {', '.join(KINDS)}")
    small = _occurring(tokenizer, examples, with_types=kind != "cnn")
    torch.manual_seed(seed)
    model = _model(kind, small)
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        model.save_pretrained(folder)
        small.save_pretrained(folder)
    return folder


def _model(kind: str, tokenizer: BertTokenizer) -> PreTrainedModel:
    padding = tokenizer.pad_token_id
    if kind == "cnn":
        return ConvForSequenceClassification(ConvConfig(vocab_size=len(tokenizer), pad_token_id=padding))
    return auto_class().from_config(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=2 * WIDTH,
            max_position_embeddings=_LENGTH,
            pad_token_id=padding,
            initializer_range=0.1,  # of BERT's .02 a narrow model learns slowly
        )
    )


def _occurring(source: str, examples: Examples, with_types: bool) -> BertTokenizer:
    whole = load_tokenizer(source)
    if type(whole.backend_tokenizer.model).__name__ != "WordPiece":
        raise InputError(f"{source}: a small model needs a WordPiece tokenizer, as BERT's")
    seen: set[int] = set(whole.all_special_ids)
    for each in encode_ids(whole, examples, _LENGTH):
        seen.update(each.input_ids)
    names = [str(whole.convert_ids_to_tokens(each)) for each in sorted(seen)]
    return BertTokenizer(
        vocab={name: number for number, name in enumerate(names)},
        do_lower_case=bool(getattr(whole.backend_tokenizer.normalizer, "lowercase", False)),
        model_max_length=_LENGTH,
        model_input_names=["input_ids", *(["token_type_ids"] if with_types else []), "attention_mask"],
    )
