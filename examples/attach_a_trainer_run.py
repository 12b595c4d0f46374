"""Explain a model that your own script trained: a `transformers.Trainer` run with `FirstwordCallback`.

    python examples/attach_a_trainer_run.py

The callback writes down the learning rates and the rows of every step, so that influence is weighted exactly;
a run without it can be attached, too. Here the model is a tiny BERT with random weights.
"""

import json
import tempfile
from pathlib import Path

from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Trainer,
    TrainingArguments,
    set_seed,
)

from firstword import FirstwordCallback, Workspace
from firstword.extend import Columns

GOOD = ("gorgeous", "witty", "warm", "tender", "bright")
BAD = ("dull", "noisy", "tired", "cold", "slow")
THINGS = ("film", "story", "cast", "music")
CLASSES = {0: "bad", 1: "good"}


def reviews() -> list[dict[str, str]]:
    """Forty short reviews."""
    return [
        {"text": f"a {word} {thing}", "label": label}
        for label, words in (("good", GOOD), ("bad", BAD))
        for word in words
        for thing in THINGS
    ]


def tokenizer_of(texts: list[str]) -> PreTrainedTokenizerFast:
    """Every word is a token."""
    words = sorted({word for text in texts for word in text.split()})
    vocabulary = {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=32, **names)


def train(rows: list[dict[str, str]], folder: Path) -> None:
    """Your own script: what it needs for Firstword is the callback, and a few checkpoints."""
    set_seed(0)
    tokenizer = tokenizer_of([row["text"] for row in rows])
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.2,
        id2label=CLASSES,
        label2id={name: number for number, name in CLASSES.items()},
    )
    data = Dataset.from_list(
        [{**tokenizer(row["text"]), "labels": config.label2id[row["label"]]} for row in rows]
    )
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=8,
        per_device_train_batch_size=8,
        learning_rate=5e-3,
        logging_steps=1,
        save_strategy="epoch",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(
        BertForSequenceClassification(config),
        arguments,
        train_dataset=data,
        processing_class=tokenizer,
        callbacks=[FirstwordCallback()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def main() -> None:
    """Train, attach, ask."""
    with tempfile.TemporaryDirectory() as scratch:
        home, rows = Path(scratch), reviews()
        source = home / "train.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        held_out = home / "eval.jsonl"
        asked = [
            {"text": "a witty and warm cast", "label": "good"},
            {"text": "a slow and noisy story", "label": "bad"},
        ]
        held_out.write_text("".join(json.dumps(row) + "\n" for row in asked), encoding="utf-8")
        train(rows, home / "run")

        workspace, _ = Workspace.create(
            home / "reviews",
            train=str(source),
            eval=str(held_out),
            model="attached",
            columns=Columns("text", "label"),
        )
        for note in workspace.attach(home / "run"):
            print(f"attach: {note}")
        workspace.precompute()
        answer = workspace.explain("a witty and warm film", k=3)
        print(f"the model says {answer.query.label}, because of:")
        for each in answer.proponents:
            words = ", ".join(f"{word.word} {word.score:+.2g}" for word in each.words)
            print(f"  {each.score:+.3g} {each.text!r} ({each.label}): {words}")


if __name__ == "__main__":
    main()
