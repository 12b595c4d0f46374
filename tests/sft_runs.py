"""Tiny real runs of TRL's SFTTrainer, with a tokenizer of whole words and a template to train with."""

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

from backend import FirstwordCallback

WORDS = [f"w{number}" for number in range(60)]
SPECIAL = ["<unk>", "<pad>", "<s>", "</s>", "<user>", "<assistant>", "<system>", "<end>"]
TEMPLATE = (
    "{{ '<s>' }}{% for message in messages %}{{ ' <' + message['role'] + '> ' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}"
    "{{ message['content'] + ' <end>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + ' <end>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ ' <assistant> ' }}{% endif %}"
)


def word_tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    """Every word is a token."""
    inner = Tokenizer(
        models.WordLevel({word: at for at, word in enumerate(SPECIAL + WORDS)}, unk_token="<unk>")
    )
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    named = {"unk_token": "<unk>", "pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner, **named, additional_special_tokens=SPECIAL[4:], model_max_length=512
    )
    made.chat_template = template
    return made


def words(first: int, count: int) -> str:
    """So many words, beginning with a certain one."""
    return " ".join(WORDS[(first + 7 * at) % len(WORDS)] for at in range(count))


def pairs(count: int, longest: int = 12) -> list[dict[str, Any]]:
    """Prompts and completions of many lengths, all different."""
    return [
        {"prompt": words(at, 1 + 5 * at % longest) + " ", "completion": words(at + 1, 1 + 3 * at % 7)}
        for at in range(count)
    ]


def texts(count: int) -> list[dict[str, Any]]:
    """The same as texts."""
    return [{"text": row["prompt"] + row["completion"]} for row in pairs(count)]


def chats(count: int) -> list[dict[str, Any]]:
    """Chats of one or two turns."""
    made = []
    for at, row in enumerate(pairs(count)):
        turn = [
            {"role": "user", "content": row["prompt"].strip()},
            {"role": "assistant", "content": row["completion"]},
        ]
        made.append({"messages": turn * (1 + at % 2)})
    return made


def small_llama() -> LlamaForCausalLM:
    """One layer of width 16."""
    set_seed(0)
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=len(SPECIAL) + len(WORDS), num_key_value_heads=2, pad_token_id=1, **size)
    )


def sft_trainer(folder: Path, rows: list[dict[str, Any]], base: type | None = None, **given: Any) -> Any:
    """A trainer that has prepared its data and trained nothing yet; ``base``: a subclass of SFTTrainer."""
    trl = pytest.importorskip("trl")
    from datasets import Dataset

    lora = given.pop("peft_config", None)
    template = given.pop("template", TEMPLATE)
    usual = {"max_length": 16, "per_device_train_batch_size": 4, "learning_rate": 1e-3, "logging_steps": 1}
    quiet = {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "bf16": False, "save_strategy": "no"}
    plain = {"gradient_checkpointing": False, "num_train_epochs": 1, "dataset_num_proc": None}
    return (base or trl.SFTTrainer)(
        model=small_llama(),
        args=trl.SFTConfig(output_dir=str(folder), **{**usual, **quiet, **plain, **given}),
        train_dataset=Dataset.from_list(rows),
        processing_class=word_tokenizer(template),
        peft_config=lora,
        callbacks=[FirstwordCallback()],
    )
