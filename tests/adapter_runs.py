"""Real runs of PEFT's adapters on a tiny model, each by a plain Trainer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import transformers as hf

from tests.conftest import tiny_rows

CLASSES = ("bad", "good")
_ATTENTION = ("query", "value")


def lora(**more: Any) -> peft.LoraConfig:
    """What most people take."""
    return peft.LoraConfig(task_type="SEQ_CLS", r=2, lora_alpha=8, target_modules=list(_ATTENTION), **more)


def _of(kind: type, **more: Any) -> Callable[[], peft.PeftConfig]:
    return lambda: kind(task_type="SEQ_CLS", target_modules=list(_ATTENTION), **more)


KINDS: dict[str, Callable[[], peft.PeftConfig]] = {
    "lora": lora,
    "rslora": lambda: lora(use_rslora=True, bias="all"),
    "dora": lambda: lora(use_dora=True),
    "adalora": _of(peft.AdaLoraConfig, init_r=3, target_r=2, total_step=24, tinit=2, tfinal=4),
    "ia3": lambda: peft.IA3Config(
        task_type="SEQ_CLS",
        target_modules=["key", "value", "output.dense"],
        feedforward_modules=["output.dense"],
    ),
    "loha": _of(peft.LoHaConfig, r=2),
    "lokr": _of(peft.LoKrConfig, r=2),
    "oft": _of(peft.OFTConfig, oft_block_size=4),
    "vera": _of(peft.VeraConfig, r=2),
    "hra": _of(peft.HRAConfig, r=2),
    "norms": lambda: peft.LNTuningConfig(task_type="SEQ_CLS", target_modules=["LayerNorm"]),
    "with embeddings": lambda: peft.LoraConfig(
        task_type="SEQ_CLS", r=2, target_modules=["query", "word_embeddings"]
    ),
    "embeddings whole": lambda: lora(modules_to_save=["word_embeddings"]),
    "some tokens": lambda: lora(trainable_token_indices=[7, 9, 11, 12]),
}
TRAINS_EMBEDDINGS = ("with embeddings", "embeddings whole", "some tokens")


def adapter_run(
    source: Path,
    folder: Path,
    config: peft.PeftConfig,
    classes: tuple[str, ...] = CLASSES,
    more_tokens: int = 0,
    **arguments: Any,
) -> Path:
    """60 rows of `tiny_rows`, batch 8, 3 epochs: 24 steps, a checkpoint every 8, logged every 2."""
    tokenizer = hf.AutoTokenizer.from_pretrained(source)
    hf.set_seed(0)
    model = hf.AutoModelForSequenceClassification.from_pretrained(
        source, num_labels=len(classes), ignore_mismatched_sizes=True
    )
    if more_tokens:
        tokenizer.add_tokens([f"<new{number}>" for number in range(more_tokens)])
        model.resize_token_embeddings(len(tokenizer))
    rows = [
        {**tokenizer(row["text"], truncation=True, max_length=32), "labels": classes.index(row["label"])}
        for row in tiny_rows(60)
    ]
    settings = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 8,
        "num_train_epochs": 3,
        "learning_rate": 1e-2,
        "logging_steps": 2,
        "save_steps": 8,
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        **arguments,
    }
    trainer = hf.Trainer(
        model=peft.get_peft_model(model, config),
        args=hf.TrainingArguments(**settings),
        train_dataset=rows,
        processing_class=tokenizer,
    )
    trainer.remove_callback(hf.PrinterCallback)
    trainer.train()
    return folder
