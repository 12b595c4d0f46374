"""Runs of language models by TRL and by Trainer are attached: whole models and adapters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import transformers as hf

from backend import FirstwordCallback
from backend.errors import InputError
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.prediction import predict
from backend.model.token_labels import token_labels
from backend.model.tokenization import encode
from backend.workspace import Workspace
from tests.adapter_runs import adapter_run, lora
from tests.conftest import without_model, write_rows
from tests.factories import tiny
from tests.language_models import MARKED, QUESTIONS, tiny_lm

_ROWS = [QUESTIONS[at % len(QUESTIONS)] for at in range(24)]
CHATS = [
    {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
    for asked, said in _ROWS
]
PAIRS = [{"prompt": asked, "completion": f" {said}"} for asked, said in _ROWS]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return tiny_lm(tmp_path_factory.mktemp("base") / "lm", template=MARKED)


def sft_run(base: Path, folder: Path, rows: list[dict[str, Any]], told: bool = True, **given: Any) -> Path:
    """A finished run of TRL: 18 steps, a checkpoint every 6; ``told``: with our callback."""
    trl = pytest.importorskip("trl")
    from datasets import Dataset

    config = given.pop("peft_config", None)
    settings = {
        **{"output_dir": str(folder), "per_device_train_batch_size": 4, "num_train_epochs": 3},
        **{"learning_rate": 1e-2, "logging_steps": 2, "save_steps": 6, "max_length": 64},
        **{"report_to": "none", "disable_tqdm": True, "use_cpu": True, "bf16": False},
        **{"gradient_checkpointing": False, "seed": 0},
        **given,
    }
    trainer = trl.SFTTrainer(
        model=hf.AutoModelForCausalLM.from_pretrained(base),
        args=trl.SFTConfig(**settings),
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(rows[:6]),
        processing_class=hf.AutoTokenizer.from_pretrained(base),
        peft_config=config,
        callbacks=[FirstwordCallback()] if told else [],
    )
    trainer.remove_callback(hf.PrinterCallback)
    trainer.train()
    return folder


def workspace_of(folder: Path, rows: list[dict[str, Any]], loss: str = "answers") -> Workspace:
    """A workspace without a model that its rows could be trained on."""
    from backend.commands.columns import Turns, columns_of

    train = write_rows(folder / "train.jsonl", rows)
    evaluation = write_rows(folder / "eval.jsonl", rows[:6])
    names = {name: name for name in rows[0] if name in ("messages", "prompt", "completion")}
    named = {name: names.get(name) for name in ("prompt", "completion", "messages")}
    turns = Turns(**named, loss=None if loss == "answers" else loss)
    columns = columns_of("causal-lm", None, None, None, merge=False, names=None, turns=turns)
    return Workspace.create(
        folder / "ws", train=str(train), eval=str(evaluation), columns=columns, model="smollm2"
    )[0]


def outputs(workspace: Workspace) -> np.ndarray:
    """What the last attached checkpoint says of the eval rows."""
    manifest = workspace.manifest
    tokenizer = load_tokenizer(workspace.folder.tokenizer_path(manifest))
    model = load_classifier(workspace.folder.checkpoint_path(manifest.checkpoints[-1]))
    return predict(model, encode(tokenizer, workspace.eval_split.examples, 64), tokenizer)


@pytest.mark.parametrize("adapter", [False, True])
@pytest.mark.parametrize("rows", [CHATS, PAIRS], ids=["chats", "pairs"])
def test_runs_of_trl_are_attached_and_their_loss_is_found_again(adapter, rows, base, tmp_path):
    config = peft.LoraConfig(r=4, target_modules="all-linear") if adapter else None
    run = sft_run(base, tmp_path / "run", rows, peft_config=config, eval_strategy="steps", eval_steps=6)
    workspace = workspace_of(tmp_path, rows)
    notes = workspace.attach(run, base=str(base) if adapter else None)
    manifest = workspace.manifest
    assert [each.step for each in manifest.checkpoints] == [6, 12, 18]
    assert manifest.max_length == 64
    assert manifest.task.loss == ("all" if rows is CHATS else "answers")
    found = outputs(workspace)
    state = json.loads((run / "checkpoint-18" / "trainer_state.json").read_text())
    logged = [each["eval_loss"] for each in state["log_history"] if "eval_loss" in each][-1]
    assert found[:, 0].sum() / found[:, 1].sum() == pytest.approx(
        logged, rel=2e-2
    )  # TRL's is a mean of batches
    assert any("as good as the log" in each.lower() for each in notes)


def test_an_attached_adapter_says_what_peft_says(base, tmp_path):
    config = peft.LoraConfig(r=4, target_modules="all-linear")
    run = sft_run(base, tmp_path / "run", PAIRS, peft_config=config)
    workspace = workspace_of(tmp_path, PAIRS)
    workspace.attach(run, base=str(base))
    own = peft.PeftModel.from_pretrained(hf.AutoModelForCausalLM.from_pretrained(base), run / "checkpoint-18")
    tokenizer = load_tokenizer(run / "checkpoint-18")
    for row, each in zip(
        outputs(workspace), encode(tokenizer, workspace.eval_split.examples, 64), strict=True
    ):
        with torch.no_grad():
            loss = own.eval()(input_ids=torch.tensor([each.input_ids]), labels=token_labels([each])).loss
        assert row[0] / row[1] == pytest.approx(loss.item(), rel=1e-4)


def test_what_a_run_did_not_write_down_is_asked_for(base, tmp_path):
    run = sft_run(base, tmp_path / "run", CHATS, told=False)
    workspace = workspace_of(tmp_path, CHATS)
    notes = workspace.attach(run)
    assert workspace.manifest.task.loss == "answers" and workspace.manifest.max_length is None
    assert any("--loss all" in each for each in notes)
    notes = workspace.attach(run, loss="all", max_length=32)
    assert workspace.manifest.task.loss == "all" and workspace.manifest.max_length == 32
    assert not any("--loss" in each for each in notes)
    assert workspace.eval_split.examples.reading.loss == "all"
    with pytest.raises(InputError, match="--loss 'some': must be one of all, completion, assistant"):
        workspace.attach(run, loss="some")


def test_a_run_of_assistants_only(base, tmp_path):
    run = sft_run(base, tmp_path / "run", CHATS, assistant_only_loss=True)
    workspace = workspace_of(tmp_path, CHATS, loss="all")
    assert any("only the answers" in each for each in workspace.attach(run))
    assert workspace.manifest.task.loss == "answers"


def test_runs_that_do_not_fit_the_task(base, tmp_path):
    (tmp_path / "classes").mkdir()
    language, classes = workspace_of(tmp_path, PAIRS), without_model(tmp_path / "classes", 40)
    classifier = adapter_run(tiny("bert", tmp_path / "bert"), tmp_path / "run", lora())
    with pytest.raises(InputError, match="has a head on a sequence"):
        language.attach(classifier, base=str(tmp_path / "bert"))
    with pytest.raises(InputError, match=r"its model writes text.*--task causal-lm"):
        classes.attach(base)
    with pytest.raises(InputError, match="--loss: for language models"):
        classes.attach(classifier, base=str(tmp_path / "bert"), loss="all")
    with pytest.raises(InputError, match="--classes: texts have none"):
        language.attach(base, classes=["a", "b"])
    assert "checkpoints" not in language.manifest.artifacts


def test_a_tokenizer_of_more_tokens_than_the_model_has(base, tmp_path):
    workspace = workspace_of(tmp_path, PAIRS)
    tokenizer = hf.AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens([f"<new{number}>" for number in range(20)])
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    with pytest.raises(InputError, match=r"the tokenizer has \d+ tokens, but the model's embedding only \d+"):
        workspace.attach(base, tokenizer=str(tmp_path / "tokenizer"))
