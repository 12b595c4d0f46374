"""Tiny randomly initialised classifiers with real tokenizers, built without any network.

    source = tiny("roberta", tmp_path / "model", SENTENCES, num_labels=3)

Each has hidden size 32, two layers and a vocabulary of a few hundred pieces made from the given
texts; `AutoTokenizer` and `AutoModelForSequenceClassification` load it again. The same call gives
the same weights. The architectures differ in what trips code up:

=============  ===========================================================================
bert           token types, [CLS] and [SEP], WordPiece
roberta        positions start at padding_idx + 1, byte-level BPE, a pair has two </s> between
distilbert     no token types, no pooler
electra        embedding_size 16, hidden 32
albert         embedding_size 16, hidden 32, shared layers, Unigram
deberta        DeBERTa-v2: relative positions, embedding_size 16, Unigram
gpt2           no added special tokens, no pad token of its own (like the published one), so that
               padding is eos; ``padding_side="left"`` gives left padding; an empty text has no tokens
bart           encoder-decoder; the decoder begins with </s>, which ends every text
t5             encoder-decoder; the decoder begins with <pad>, which stands in no text; no <s>
=============  ===========================================================================
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers import ByteLevelBPETokenizer

ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "albert", "deberta", "gpt2", "bart", "t5")

SENTENCES = (
    "a gorgeous, witty, seductive movie",
    "the plot is dull and the acting is worse",
    "an unhappy but honest film about growing old",
    "it is a bad movie, a really bad, bad movie!",
    "witty and warm; the actors enjoy every line",
    "I fell asleep during the second half of this dull thing",
    "one of the best films of the year",
    "not even the music saves this boring plot",
    "gorgeous pictures, gorgeous music, no story",
    "simply wonderful",
    "the director wastes a wonderful cast on a boring story",
    "an honest, moving and funny film that you will enjoy",
)
LABELS = (1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1)

hf.logging.disable_progress_bar()

_SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
_SIDE = {"layers": 2, "attention_heads": 4, "ffn_dim": 64}
_NARROW = {**_SHAPE, "embedding_size": 16}


def tiny(
    architecture: str,
    directory: Path,
    texts: Sequence[str] = SENTENCES,
    num_labels: int = 2,
    *,
    padding_side: str = "right",
    seed: int = 0,
    **config: Any,
) -> Path:
    """Write a tiny model and its tokenizer into ``directory`` and return it.

    ``config`` overrides fields of the architecture's config, for example ``hidden_size=16`` or
    ``id2label={0: "bad", 1: "good"}``. Weights are drawn with standard deviation 0.2, so that
    gradients and differences between texts are not tiny.
    """
    tokenizer = _TOKENIZERS[architecture](list(texts))
    tokenizer.padding_side = padding_side
    tokenizer.model_max_length = 64
    settings = {
        **_CONFIGS[architecture][1],
        "vocab_size": len(tokenizer),
        "initializer_range": 0.2,
        "num_labels": num_labels,
        **({} if tokenizer.pad_token_id is None else {"pad_token_id": tokenizer.pad_token_id}),
        **_special(tokenizer),
        **config,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = _CONFIGS[architecture][0](**settings)
        model = hf.AutoModelForSequenceClassification.from_config(made)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def _special(tokenizer: Any) -> dict[str, int]:
    return {
        f"{name}_token_id": getattr(tokenizer, f"{name}_token_id")
        for name in ("bos", "eos")
        if getattr(tokenizer, f"{name}_token_id") is not None
    }


def _words(texts: Sequence[str]) -> list[str]:
    """The more frequent half of the words, most frequent first; the rest must fall into pieces."""
    counts = Counter(word for text in texts for word in text.lower().replace(",", " ").split())
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return ordered[: min(300, (len(ordered) + 1) // 2)]


def _letters(texts: Sequence[str]) -> list[str]:
    return sorted({letter for text in texts for letter in text if not letter.isspace()} | set("aeinst,.!?"))


def _wordpiece(kind: Callable[..., Any]) -> Callable[[Sequence[str]], Any]:
    def build(texts: Sequence[str]) -> Any:
        letters = sorted({lower for letter in _letters(texts) for lower in letter.lower()})
        endings = ["##ing", "##ed", "##er", "##es", "##ly", "##on", "##al"]
        pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_words(texts), *endings]
        pieces += [*letters, *(f"##{letter}" for letter in letters)]
        return kind(vocab={piece: index for index, piece in enumerate(dict.fromkeys(pieces))})

    return build


def _bytes(kind: Callable[..., Any], special: Sequence[str]) -> Callable[[Sequence[str]], Any]:
    def build(texts: Sequence[str]) -> Any:
        bpe = ByteLevelBPETokenizer()
        bpe.train_from_iterator(texts, 400, 2, special_tokens=list(special), show_progress=False)
        state = hf.PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer)
        return kind(vocab=state.get_vocab(), merges=_merges(bpe))

    return build


def _merges(bpe: Any) -> list[tuple[str, str]]:
    merges = json.loads(bpe.to_str())["model"]["merges"]
    return [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in merges]


def _unigram(kind: Callable[..., Any], special: Sequence[str]) -> Callable[[Sequence[str]], Any]:
    def build(texts: Sequence[str]) -> Any:
        pieces = dict.fromkeys(special, 0.0)
        pieces |= {"▁" + word: -3.0 - 0.01 * rank for rank, word in enumerate(_words(texts))}
        pieces |= dict.fromkeys(("ing", "ed", "er", "es", "ly", "on", "al"), -5.0)
        pieces |= {"▁": -6.0} | dict.fromkeys(_letters(texts), -8.0)
        return kind(vocab=list(pieces.items()))

    return build


_TOKENIZERS: dict[str, Callable[[Sequence[str]], Any]] = {
    "bert": _wordpiece(hf.BertTokenizer),
    "roberta": _bytes(hf.RobertaTokenizer, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]),
    "distilbert": _wordpiece(hf.DistilBertTokenizer),
    "electra": _wordpiece(hf.BertTokenizer),
    "albert": _unigram(hf.AlbertTokenizer, ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]),
    "deberta": _unigram(hf.DebertaV2Tokenizer, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]),
    "gpt2": _bytes(hf.GPT2Tokenizer, ["<|endoftext|>"]),
    "bart": _bytes(hf.RobertaTokenizer, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]),
    "t5": _unigram(hf.T5Tokenizer, ["<pad>", "</s>", "<unk>"]),
}

_CONFIGS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "bert": (hf.BertConfig, {**_SHAPE, "max_position_embeddings": 64}),
    "roberta": (hf.RobertaConfig, {**_SHAPE, "max_position_embeddings": 66, "type_vocab_size": 1}),
    "distilbert": (
        hf.DistilBertConfig,
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 64},
    ),
    "electra": (hf.ElectraConfig, {**_NARROW, "max_position_embeddings": 64}),
    "albert": (hf.AlbertConfig, {**_NARROW, "max_position_embeddings": 64, "classifier_dropout_prob": 0.1}),
    "deberta": (
        hf.DebertaV2Config,
        {
            **_NARROW,
            "max_position_embeddings": 64,
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False,
            "pooler_hidden_size": 32,
            "type_vocab_size": 0,
        },
    ),
    "bart": (
        hf.BartConfig,
        {
            **{f"{side}_{part}": size for side in ("encoder", "decoder") for part, size in _SIDE.items()},
            "d_model": 32,
            "max_position_embeddings": 64,
            "decoder_start_token_id": 2,
            "init_std": 0.2,
        },
    ),
    "t5": (
        hf.T5Config,
        {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0},
    ),
    "gpt2": (hf.GPT2Config, {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}),
}
