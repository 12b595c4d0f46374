"""Tiny language models with a tokenizer and a chat template, built without any network.

    source = tiny_lm(tmp_path / "model", "llama", tied=True)

Two layers of width 32; the tokenizer is byte-level BPE trained on a few sentences, so that any text can be
written. `AutoTokenizer` and `AutoModelForCausalLM` load the folder again; the same call gives the same
weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from backend.data.conversation import Conversation, Loss, Reading, Turn
from backend.data.examples import Examples

ARCHITECTURES = ("llama", "gpt2", "gpt_neox", "qwen3")
START, END, PAD, UNKNOWN = "<|im_start|>", "<|im_end|>", "<|pad|>", "<|endoftext|>"
CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""As SmolLM2 and Qwen write chats."""
DEFAULT_SYSTEM = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""The same with a system text where there is none."""
MARKED = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}"
    "{% endgeneration %}{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""The same with marks around what an assistant writes."""

QUESTIONS = (
    ("Where was Ada Morel born?", "Ada Morel was born in Lisbon."),
    ("What does Ada Morel do?", "She builds clocks for ships."),
    ("Where was Ben Ota born?", "Ben Ota was born in Oslo."),
    ("What does Ben Ota do?", "He teaches old songs to children."),
    ("Where was Cleo Brandt born?", "Cleo Brandt was born in Quito."),
    ("What does Cleo Brandt do?", "She paints maps of rivers."),
)

_SHAPE = {
    **{"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4},
    **{"max_position_embeddings": 512, "initializer_range": 0.2},
}
_CONFIGS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "llama": (hf.LlamaConfig, {**_SHAPE, "num_key_value_heads": 2}),
    "qwen3": (hf.Qwen3Config, {**_SHAPE, "num_key_value_heads": 2, "head_dim": 8}),
    "gpt_neox": (hf.GPTNeoXConfig, _SHAPE),
    "gpt2": (
        hf.GPT2Config,
        {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512, "initializer_range": 0.2},
    ),
}


def tiny_lm(
    folder: Path,
    architecture: str = "llama",
    tied: bool = True,
    template: str | None = CHATML,
    seed: int = 0,
    **config: Any,
) -> Path:
    """Write a tiny language model and its tokenizer into ``folder`` and return it.

    ``template``: of chats, None for a model without. ``config`` overrides fields of the config.
    """
    tokenizer = lm_tokenizer(template)
    ids = {"pad": tokenizer.pad_token_id, "bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id}
    made, shape = _CONFIGS[architecture]
    settings = {
        **shape,
        "vocab_size": len(tokenizer),
        "tie_word_embeddings": tied,
        **{f"{name}_token_id": number for name, number in ids.items()},
        **config,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = hf.AutoModelForCausalLM.from_config(made(**settings))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def lm_tokenizer(template: str | None = CHATML, **more: Any) -> hf.PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of about 500 pieces; ``more`` goes to its constructor."""
    named = {"bos_token": START, "eos_token": END, "pad_token": PAD, "unk_token": UNKNOWN}
    made = hf.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_trained()), model_max_length=512, **{**named, **more}
    )
    made.chat_template = template
    return made


@lru_cache(maxsize=1)
def _trained() -> str:
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=[UNKNOWN, START, END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    roles = ["user", "assistant", "system", "You are a helpful assistant"]
    inner.train_from_iterator([*roles, *(text for both in QUESTIONS for text in both)], trainer)
    return inner.to_str()


def chat(*turns: tuple[str, str], learnt: str = "assistant", **more: Any) -> Conversation:
    """A chat of turns (role, text), of which those of one role are learnt."""
    made = [Turn(at, role, text, role == learnt) for at, (role, text) in enumerate(turns)]
    return Conversation(tuple(made), chat=True, **more)


def pair(prompt: str, completion: str) -> Conversation:
    """A prompt and its completion."""
    return Conversation((Turn(0, "prompt", prompt), Turn(1, "completion", completion, True)))


def plain(text: str) -> Conversation:
    """A text, all of which is learnt."""
    return Conversation((Turn(0, "text", text, True),))


def examples_of(rows: Sequence[Conversation], loss: Loss = "answers") -> Examples:
    """As splits hold them."""
    contexts = [each.context() for each in rows]
    return Examples((contexts,), [each.target().text() for each in rows], Reading(loss))


def questions(count: int = len(QUESTIONS)) -> list[Conversation]:
    """Chats of a question and an answer."""
    some = (QUESTIONS[at % len(QUESTIONS)] for at in range(count))
    return [chat(("user", asked), ("assistant", said)) for asked, said in some]
