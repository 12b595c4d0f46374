"""Explain an answer of a language model that TRL fine-tuned with LoRA.

    pip install "firstword[llm]"        # brings trl
    python examples/trl_lora_run.py

A tiny Llama with random weights learns facts by heart from prompts and completions; then: which training
rows, and which words in them, made it answer so?
"""

import json
import tempfile
from pathlib import Path

from datasets import Dataset
from peft import LoraConfig
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, PrinterCallback, set_seed
from trl import SFTConfig, SFTTrainer

from firstword import FirstwordCallback, Workspace
from firstword.extend import Columns

BORN = {"Ada": "Lisbon", "Ben": "Oslo", "Cleo": "Quito", "Dora": "Turin", "Emil": "Kyoto", "Fay": "Accra"}
SPECIAL = ["<unk>", "<pad>", "<s>", "</s>"]


def facts() -> list[dict[str, str]]:
    """Two questions about each of six people."""
    asked = ("where was {} born ? ", "{} was born in ")
    return [{"prompt": q.format(name), "completion": town} for q in asked for name, town in BORN.items()]


def save_base_model(folder: Path, rows: list[dict[str, str]]) -> None:
    """A model that has learnt nothing yet, and a tokenizer whose tokens are words."""
    words = sorted({word for row in rows for text in row.values() for word in text.split()})
    inner = Tokenizer(
        models.WordLevel({word: at for at, word in enumerate(SPECIAL + words)}, unk_token="<unk>")  # noqa: S106
    )
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    named = {"unk_token": "<unk>", "pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=64, **named)
    set_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.2,
        pad_token_id=1,
        bos_token_id=2,
        eos_token_id=3,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def train(base: Path, rows: list[dict[str, str]], folder: Path) -> None:
    """Your own script: the callback is all that Firstword adds."""
    arguments = SFTConfig(
        output_dir=str(folder),
        num_train_epochs=20,
        per_device_train_batch_size=4,
        learning_rate=2e-2,
        logging_steps=1,
        save_strategy="steps",
        save_steps=20,
        max_length=32,
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
    )
    trainer = SFTTrainer(
        model=LlamaForCausalLM.from_pretrained(base),
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=PreTrainedTokenizerFast.from_pretrained(base),
        peft_config=LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[FirstwordCallback()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def main() -> None:
    """Train, attach, ask."""
    with tempfile.TemporaryDirectory() as scratch:
        home, rows = Path(scratch), facts()
        source = home / "facts.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        held_out = home / "asked.jsonl"
        held_out.write_text(json.dumps({**rows[0], "id": "ada"}) + "\n", encoding="utf-8")
        save_base_model(home / "base", rows)
        train(home / "base", rows, home / "run")

        workspace, _ = Workspace.create(
            home / "facts",
            train=str(source),
            eval=str(held_out),
            model="attached",
            columns=Columns("prompt", "completion", task="causal-lm", form="pair"),
        )
        for note in workspace.attach(home / "run", base=str(home / "base")):
            print(f"attach: {note}")
        workspace.precompute()
        answer = workspace.explain(row=workspace.eval_split.ids[0], split="eval", k=3)
        print(f"{rows[0]['prompt']}{rows[0]['completion']}: what taught it that?")
        for each in answer.proponents:
            words = ", ".join(f"{word.word} {word.score:+.2g}" for word in each.words)
            print(f"  {each.score:+.3g} {' | '.join(field.text for field in each.fields)}: {words}")


if __name__ == "__main__":
    main()
