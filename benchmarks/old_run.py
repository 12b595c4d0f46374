"""A run made by an older transformers, in an environment of its own, attached and held against the truth.

    python -m benchmarks.old_run [--transformers 4.46.3] [--keep FOLDER]

Makes a venv, trains a tiny BERT there with plain Trainer (a callback writes down every update's real rate),
attaches the checkpoints here, and compares: etas with the mean of the real rates, scores of ``explain
--exact`` with gradients by autograd at the whole table. Takes minutes, most of them pip's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from backend.data.columns import Columns
from backend.workspace import Workspace
from benchmarks.report import machine

PINNED = {"4.46.3": ("accelerate==1.1.1", "numpy<2.3", "torch==2.13.0")}
TRAINING = r"""
import json, sys
import torch, transformers as hf
from pathlib import Path
model, rows, out = sys.argv[1:]
tokenizer = hf.AutoTokenizer.from_pretrained(model)
classifier = hf.AutoModelForSequenceClassification.from_pretrained(model)
classifier.config.id2label = {0: "bad", 1: "good"}
data = [json.loads(line) for line in Path(rows).read_text().splitlines()]
encoded = [{**tokenizer(each["text"], truncation=True, max_length=32),
            "labels": int(each["label"] == "good")} for each in data]
rates = []
class Note(hf.TrainerCallback):
    def on_pre_optimizer_step(self, args, state, control, optimizer=None, **_):
        rates.append(optimizer.param_groups[0]["lr"])
arguments = hf.TrainingArguments(out, num_train_epochs=5, per_device_train_batch_size=8, learning_rate=1e-3,
    logging_steps=5, save_steps=10, report_to="none", use_cpu=True, disable_tqdm=True)
trainer = hf.Trainer(classifier, arguments, train_dataset=encoded, callbacks=[Note()],
                     data_collator=hf.DataCollatorWithPadding(tokenizer))
trainer.train()
tokenizer.save_pretrained(out)
Path(out, "rates.json").write_text(json.dumps({"version": hf.__version__, "rates": rates}))
"""


def made(home: Path, version: str) -> Path:
    """The output folder of a run by ``version``."""
    from tests.factories import SENTENCES, tiny

    rows = [
        {
            "id": f"r{number}",
            "text": f"{SENTENCES[number % len(SENTENCES)]}, {word} film {number}",
            "label": label,
        }
        for number, (word, label) in enumerate([("gorgeous", "good"), ("dull", "bad")] * 32)
    ]
    (home / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tiny("bert", home / "model", [row["text"] for row in rows])
    python = home / "venv" / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
        wanted = [f"transformers=={version}", *PINNED.get(version, ("accelerate", "torch==2.13.0"))]
        subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    (home / "training.py").write_text(TRAINING)
    subprocess.run(
        [python, home / "training.py", home / "model", home / "train.jsonl", home / "run"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return home / "run"


def dense(workspace: Workspace, query: int, label: str) -> np.ndarray:
    """sum_c eta_c <dL(x)/dE, dL(q)/dE> over the whole table, by transformers' own loading: float64 (n)."""
    manifest, split = workspace.manifest, workspace.train_split
    total = np.zeros(len(split))
    for checkpoint in manifest.checkpoints:
        path = workspace.folder.checkpoint_path(checkpoint)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(path).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent)
        table = model.get_input_embeddings().weight

        def gradient(
            text: str, name: str, model: Any = model, tokenizer: Any = tokenizer, table: Any = table
        ) -> torch.Tensor:
            inputs = tokenizer(text, truncation=True, max_length=manifest.max_length, return_tensors="pt")
            wanted = torch.tensor([manifest.classes.index(name)])
            loss = torch.nn.functional.cross_entropy(model(**inputs).logits, wanted)
            return torch.autograd.grad(loss, table)[0].double()

        asked = gradient(split.texts[query], label)
        for place, (text, own) in enumerate(zip(split.texts, split.labels, strict=True)):
            total[place] += checkpoint.weight * float((gradient(text, own) * asked).sum())
    return total


def compare(run: Path, home: Path) -> None:
    """Attach, explain, and print the largest differences."""
    workspace, _ = Workspace.create(
        home / "ws",
        train=str(home / "train.jsonl"),
        eval="0.2",
        columns=Columns("text", "label", id="id"),
        model="attached",
    )
    for note in workspace.attach(run):
        print(f"note: {note}")
    recorded = json.loads((run / "rates.json").read_text())
    print(f"transformers {recorded['version']}; {machine()}")
    start = 0
    for checkpoint in workspace.manifest.checkpoints:
        true = float(np.mean(recorded["rates"][start : checkpoint.step]))
        print(f"step {checkpoint.step}: eta {checkpoint.weight:.6e}, true {true:.6e}")
        start = checkpoint.step
    workspace.precompute()
    row = workspace.train_split.ids[0]
    found = workspace.explain(row=row, split="train", label="good", exact=True, score="dot", k=50)
    expected = dense(workspace, 0, "good")
    own = [(entry.score, expected[workspace.train_split.position(entry.id)]) for entry in found.proponents]
    scale = np.abs(expected).max()
    worst = max(abs(one - other) for one, other in own) / scale
    print(f"{len(own)} scores against the dense definition: off by {worst:.1e} of the largest at most")


def main() -> None:
    """Make the run, or take the one that is there, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--transformers", default="4.46.3")
    parser.add_argument("--keep", type=Path, help="where all is kept; the venv there is used again")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = asked.keep or Path(scratch)
        home.mkdir(parents=True, exist_ok=True)
        compare(made(home, asked.transformers), home)


if __name__ == "__main__":
    main()
