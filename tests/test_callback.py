"""`FirstwordCallback` in real runs of three trainers, held against what their steps were given."""

import json
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForSequenceClassification,
    DataCollatorForSeq2Seq,
    DataCollatorWithPadding,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    Trainer,
    TrainingArguments,
    set_seed,
)

from backend import FirstwordCallback
from backend.callback import row_digest
from backend.model.callback_log import CallbackLog, read_callback_log
from tests.sft_runs import pairs, sft_trainer, word_tokenizer

QUIET = {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "save_strategy": "no"}


def watched(base: type) -> type:
    """A trainer that notes the tokens and rates that its training steps really get, update by update."""

    class Watched(base):  # type: ignore[misc]
        def training_step(self, model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
            self.__dict__.setdefault("given", {}).setdefault(self.state.global_step + 1, []).append(
                inputs["input_ids"].tolist()
            )
            rates = [float(group["lr"]) for group in self.optimizer.param_groups]
            self.__dict__.setdefault("rates_used", {})[self.state.global_step + 1] = rates
            return super().training_step(model, inputs, *rest, **more)

    return Watched


def rows_of(count: int, labels: Any = None) -> Dataset:
    """Rows of different tokens and lengths."""
    tokens = [[8 + (at + 3 * place) % 60 for place in range(2 + at % 5)] for at in range(count)]
    assert len({tuple(each) for each in tokens}) == count
    columns = {"input_ids": tokens, "attention_mask": [[1] * len(each) for each in tokens]}
    return Dataset.from_dict(
        {**columns, "labels": [at % 2 for at in range(count)] if labels is None else labels}
    )


def tiny_bert() -> BertForSequenceClassification:
    set_seed(0)
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return BertForSequenceClassification(BertConfig(vocab_size=68, pad_token_id=1, **size))


def classifier(folder: Path, data: Dataset, base: type = Trainer, **given: Any) -> Any:
    usual = {"per_device_train_batch_size": 4, "num_train_epochs": 2, "learning_rate": 1e-3}
    optimizers = given.pop("optimizers", None)
    model = given.pop("model", None) or tiny_bert()
    return watched(base)(
        model=model,
        args=TrainingArguments(output_dir=str(folder), **{**usual, **QUIET, **given}),
        train_dataset=data,
        data_collator=DataCollatorWithPadding(word_tokenizer()),
        callbacks=[FirstwordCallback],
        **({"optimizers": (optimizers(model), None)} if optimizers else {}),
    )


def written(folder: Path) -> CallbackLog:
    found = read_callback_log(folder)
    assert found is not None
    return found


def unpadded(batch: Sequence[Sequence[int]], pad: int = 1) -> list[list[int]]:
    return [[token for token in row if token != pad] for row in batch]


def check(log: CallbackLog, trainer: Any, data: Any) -> None:
    """Every update of the log names the rows that its training steps were given, and its rates."""
    assert [each.step for each in log.updates] == sorted(trainer.given) == list(trainer.given)
    for each in log.updates:
        assert each.batches is not None
        named = [[list(data[row]["input_ids"]) for row in batch] for batch in each.batches]
        assert named == [unpadded(batch) for batch in trainer.given[each.step]]
        assert list(each.rates) == trainer.rates_used[each.step]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"gradient_accumulation_steps": 3},
        {"dataloader_num_workers": 2, "gradient_accumulation_steps": 2},
        {"dataloader_drop_last": True, "train_sampling_strategy": "group_by_length"},
        {"max_steps": 4},
    ],
    ids=["plain", "accumulated", "workers", "grouped", "stopped"],
)
def test_a_classifier_run(given, tmp_path):
    data = rows_of(21)
    trainer = classifier(tmp_path, data, **given)
    trainer.train()
    log = written(tmp_path)
    check(log, trainer, data)
    assert log.why_not is None and log.covers(trainer.state.global_step)
    seen = log.seen()
    assert seen is not None
    if not given:
        assert {row: len(steps) for row, steps in seen.items()} == dict.fromkeys(range(21), 2)
    assert {each.trained for each in log.updates} == {True}
    prepared = log.rows()
    assert prepared is not None
    assert [each.tokens for each in prepared] == [len(each) for each in data["input_ids"]]
    assert [each.digest for each in prepared] == [row_digest(each) for each in data["input_ids"]]
    assert log.arguments["per_device_train_batch_size"] == 4 and log.versions["transformers"]


def test_rows_in_a_plain_list_are_written_down_too(tmp_path):
    data = rows_of(9)
    trainer = classifier(tmp_path, list(data))
    trainer.train()
    log = written(tmp_path)
    check(log, trainer, data)
    assert [each.digest for each in log.rows() or ()] == [row_digest(each) for each in data["input_ids"]]


def test_rates_are_those_of_the_group_of_the_embeddings(tmp_path):
    def groups(model):
        layer = model.get_input_embeddings().weight
        others = [each for each in model.parameters() if each is not layer]
        return torch.optim.SGD([{"params": others, "lr": 1e-1}, {"params": [layer], "lr": 1e-3}])

    trainer = classifier(tmp_path, rows_of(12), optimizers=groups)
    trainer.train()
    log = written(tmp_path)
    assert [each.group for each in log.updates] == [1] * 6
    assert [each.rates[0] / each.rates[1] for each in log.updates] == pytest.approx([100] * 6)
    assert [rate for _, rate in log.rates()] == pytest.approx([1e-3 * (1 - at / 6) for at in range(6)])


def test_a_frozen_embedding_is_told(tmp_path):
    model = tiny_bert()
    model.get_input_embeddings().weight.requires_grad_(False)
    classifier(tmp_path, rows_of(8), model=model).train()
    assert {(each.group, each.trained) for each in written(tmp_path).updates} == {(None, False)}


@pytest.mark.parametrize("accumulated", [1, 2])
def test_a_resumed_run_goes_on_where_it_was(accumulated, tmp_path):
    data = rows_of(21)
    saved = {"save_strategy": "steps", "save_steps": 2, "gradient_accumulation_steps": accumulated}
    first = classifier(tmp_path, data, **saved)
    first.train()
    whole = written(tmp_path)
    assert first.state.global_step > 4
    with (tmp_path / "firstword/steps.jsonl").open("a") as file:
        file.write('{"event": "step", "step": 99, "rat')  # killed while it wrote
    again = classifier(tmp_path, data, **saved)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    log = written(tmp_path)
    assert min(again.given) == 3
    check(
        log,
        type(
            "Both",
            (),
            {
                "given": {1: first.given[1], 2: first.given[2], **again.given},
                "rates_used": {**first.rates_used, **again.rates_used},
            },
        ),
        data,
    )
    assert log.seen() == whole.seen()  # the sampler has a seed


def test_a_resume_with_other_data_leaves_the_order_open(tmp_path):
    saved = {"save_strategy": "steps", "save_steps": 2}
    classifier(tmp_path, rows_of(12), **saved).train()
    classifier(tmp_path, rows_of(16), **saved).train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    log = written(tmp_path)
    assert log.why_not == "the run was resumed with other data" and log.seen() is None
    assert log.covers(log.updates[-1].step)


def test_a_run_begun_anew_replaces_the_earlier(tmp_path):
    classifier(tmp_path, rows_of(12)).train()
    trainer = classifier(tmp_path, rows_of(8), num_train_epochs=1)
    trainer.train()
    check(written(tmp_path), trainer, rows_of(8))


def test_translations(tmp_path):
    data = rows_of(13, [[9 + at, 2] for at in range(13)])
    set_seed(0)
    sides = {
        f"{side}_{name}": size
        for side in ("encoder", "decoder")
        for name, size in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 16))
    }
    model = BartForConditionalGeneration(BartConfig(vocab_size=68, d_model=16, pad_token_id=1, **sides))
    trainer = watched(Seq2SeqTrainer)(
        model=model,
        args=Seq2SeqTrainingArguments(
            output_dir=str(tmp_path), per_device_train_batch_size=4, num_train_epochs=2, **QUIET
        ),
        train_dataset=data,
        data_collator=DataCollatorForSeq2Seq(word_tokenizer(), model),
        callbacks=[FirstwordCallback()],
    )
    trainer.train()
    log = written(tmp_path)
    check(log, trainer, data)
    assert [each.labelled for each in log.rows() or ()] == [2] * 13
    assert {(each.group is not None, each.trained) for each in log.updates} == {(True, True)}


@pytest.mark.parametrize("packing", [False, True])
def test_supervised_fine_tuning(packing, tmp_path):
    from trl import SFTTrainer

    given = {"packing": packing, "gradient_accumulation_steps": 2, "per_device_train_batch_size": 2}
    trainer = sft_trainer(tmp_path, pairs(20), watched(SFTTrainer), **given)
    trainer.train()
    log = written(tmp_path)
    data = trainer.train_dataset
    for each in log.updates:
        for batch, given_ids in zip(each.batches, trainer.given[each.step], strict=True):
            named = [list(data[row]["input_ids"]) for row in batch]
            packed = [[token for row in named for token in row]]
            assert (packed if packing else named) == unpadded(given_ids)
    assert log.arguments["packing"] is packing and log.arguments["max_length"] == 16
    assert {"trl", "peft", "transformers"} <= set(log.versions)
    prepared = log.rows()
    assert prepared is not None and len(prepared) == len(data)
    assert [each.labelled for each in prepared] == [sum(x != -100 for x in row["labels"]) for row in data]
    if packing:
        assert [list(each.lengths or ()) for each in prepared] == list(data["seq_lengths"])


def test_a_lora_run_tells_that_embeddings_were_not_trained(tmp_path):
    peft = pytest.importorskip("peft")
    lora = peft.LoraConfig(target_modules=["q_proj"], r=2, task_type="CAUSAL_LM")
    sft_trainer(tmp_path, pairs(8), peft_config=lora, max_steps=2).train()
    log = written(tmp_path)
    assert {(each.group, each.trained) for each in log.updates} == {(None, False)}
    assert [rate for _, rate in log.rates()] == pytest.approx([1e-3, 5e-4])


def test_data_without_row_numbers_have_rates_only(tmp_path):
    stream = rows_of(12).to_iterable_dataset()
    trainer = classifier(tmp_path, stream, max_steps=2)
    trainer.train()
    log = written(tmp_path)
    assert log.covers(2) and log.seen() is None and "stream" in str(log.why_not)


def test_rows_that_have_no_numbers_are_left_open(tmp_path):
    class Named(torch.utils.data.Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, name):
            return {"input_ids": [8 + int(name[1:]), 9], "attention_mask": [1, 1], "labels": 0}

    class Trained(Trainer):
        def _get_train_sampler(self, *_):
            return [f"n{at}" for at in range(8)]

    trainer = classifier(tmp_path, Named(), Trained)
    trainer.train()
    log = written(tmp_path)
    assert log.covers(4) and log.seen() is None and log.why_not == "the rows of some steps were not seen"


def test_a_fault_of_the_callback_is_told_once_and_stops_nothing(tmp_path):
    (tmp_path / "firstword").write_text("in the way")
    trainer = classifier(tmp_path, rows_of(8))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        trainer.train()
    assert trainer.state.global_step == 4
    told = [str(each.message) for each in said if "FirstwordCallback" in str(each.message)]
    assert len(told) == 1 and "the training goes on" in told[0]


def test_the_sampler_is_the_trainers_own_afterwards(tmp_path):
    trainer = classifier(tmp_path, rows_of(8))
    trainer.train()
    loader = trainer.callback_handler.train_dataloader
    assert type(loader.batch_sampler).__module__.startswith(("torch", "accelerate"))


def test_importing_the_package_does_not_load_transformers():
    code = "import sys, backend; print('transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    with pytest.raises(ImportError):
        from backend import Nothing  # noqa: F401


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["[]", "null", "3"],
        [json.dumps({"event": "step", "step": 1, "rates": [1.0]})],
        [json.dumps({"event": "begin", "step": "0"})],
    ],
)
def test_files_of_another_shape_are_no_log(lines, tmp_path):
    (tmp_path / "firstword").mkdir()
    (tmp_path / "firstword/steps.jsonl").write_text("\n".join(lines))
    assert read_callback_log(tmp_path) is None


def test_values_of_another_shape_are_not_believed(tmp_path):
    (tmp_path / "firstword").mkdir()
    begin = {"event": "begin", "step": 0, "order": True, "rows": "../../etc/passwd", "arguments": []}
    steps = [
        {"event": "step", "step": 1, "rates": ["a"], "batches": [[0]], "embedding_group": 7},
        {"event": "step", "step": 2, "rates": [float("nan")], "batches": [[-1]]},
        {"event": "step", "step": 3, "rates": [1.0], "batches": 5, "embedding_group": True},
    ]
    lines = [json.dumps(each) for each in [begin, *steps]]
    (tmp_path / "firstword/steps.jsonl").write_text("\n".join(lines))
    log = written(tmp_path)
    assert log.rates() == [(3, 1.0)] and not log.covers(3)
    assert log.rows_file is None and log.arguments == {} and log.seen() is None


def _log_of(folder: Path, *steps: str) -> CallbackLog:
    (folder / "firstword").mkdir()
    begin = json.dumps({"event": "begin", "step": 0, "order": True, "data_rows": 1})
    (folder / "firstword/steps.jsonl").write_text("\n".join([begin, *steps]) + "\n")
    return written(folder)


@pytest.mark.parametrize("rate", ["1" + "0" * 400, "1e300", "1001", "-1e-3", "Infinity", "NaN"])
def test_what_no_optimizer_has_for_a_rate_is_not_used(rate, tmp_path):
    log = _log_of(tmp_path, f'{{"event": "step", "step": 1, "rates": [{rate}], "batches": [[0]]}}')
    assert log.rates() == [] and not log.covers(1) and log.seen() == {0: [1]}


def test_steps_that_no_line_tells_cost_nothing(tmp_path):
    step = {"event": "step", "rates": [0.1], "batches": [[0]]}
    log = _log_of(tmp_path, *(json.dumps({**step, "step": number}) for number in (1, 10**12, -1, 10**400)))
    assert [each.step for each in log.updates] == [1, 10**12]
    assert log.seen() is None and not log.covers(10**12) and log.seen(1) == {0: [1]}


def test_a_line_longer_than_any_update_is_passed_over_piece_by_piece(tmp_path, monkeypatch):
    monkeypatch.setattr("backend.model.callback_log._LONGEST", 200)
    step = '{"event": "step", "step": %d, "rates": [0.1], "batches": [[%s0]]}'
    log = _log_of(tmp_path, step % (1, ""), step % (2, "0, " * 1000), step % (3, ""))
    assert [each.step for each in log.updates] == [1, 3]


def test_rows_of_two_processes_are_put_together(tmp_path):
    (tmp_path / "firstword").mkdir()
    for name, row in (("steps.jsonl", 0), ("steps-1.jsonl", 1)):
        begin = {"event": "begin", "step": 0, "order": True, "arguments": {"world_size": 2}, "data_rows": 2}
        step = {"event": "step", "step": 1, "rates": [0.5], "batches": [[row]], "embedding_group": 0}
        (tmp_path / "firstword" / name).write_text(f"{json.dumps(begin)}\n{json.dumps(step)}\n")
    assert written(tmp_path).seen() == {0: [1], 1: [1]}
    (tmp_path / "firstword/steps-2.jsonl").write_text(
        (tmp_path / "firstword/steps-1.jsonl").read_text()  # of an earlier run with more processes
    )
    assert written(tmp_path).seen() == {0: [1], 1: [1]}
    (tmp_path / "firstword/steps-1.jsonl").unlink()
    assert written(tmp_path).seen() is None
