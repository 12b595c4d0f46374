"""What became of rows in SFT runs, held against the data that TRL's own SFTTrainer prepares and trains."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backend.errors import InputError
from backend.run_rows.fates import CUT, KEPT, LEFT_OUT, NO_LOSS, NOT_KNOWN, SPLIT, RunRows
from backend.run_rows.packing import pack
from backend.run_rows.settings import Given
from backend.run_rows.sft import sft_rows
from tests.sft_runs import chats, pairs, sft_trainer, texts, words

CHAT_PAIRS = [
    {
        "prompt": [{"role": "user", "content": row["prompt"].strip()}],
        "completion": [{"role": "assistant", "content": row["completion"]}],
    }
    for row in pairs(14)
]
SHAREGPT = [
    {"conversations": [{"from": each["role"], "value": each["content"]} for each in row["messages"]]}
    for row in chats(9)
]
CASES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "prompt and completion": (pairs(20), {}),
    "prompt and completion, all in the loss": (pairs(20), {"completion_only_loss": False}),
    "prompts fill the length": (pairs(20), {"max_length": 8}),
    "the end is kept": (pairs(20), {"max_length": 8, "truncation_mode": "keep_end"}),
    "not cut": (pairs(20), {"max_length": None}),
    "words that grow together": ([{**row, "prompt": row["prompt"].strip()} for row in pairs(12)], {}),
    "ends are there already": ([{**row, "completion": row["completion"] + "</s>"} for row in pairs(9)], {}),
    "texts": (texts(20), {}),
    "text column": ([{"body": row["text"]} for row in texts(9)], {"dataset_text_field": "body"}),
    "chats": (chats(12), {}),
    "chats, assistant only": (chats(12), {"assistant_only_loss": True, "max_length": 20}),
    "chats of from and value": (SHAREGPT, {"max_length": 24}),
    "pairs of messages": (CHAT_PAIRS, {}),
    "pairs of messages, assistant only": (CHAT_PAIRS, {"assistant_only_loss": True}),
    "packed": (pairs(30), {"packing": True}),
    "packed texts": (texts(30), {"packing": True, "max_length": 24}),
    "packed and split": (texts(30), {"packing": True, "packing_strategy": "bfd_split", "max_length": 8}),
    "packed, wrapped": (pairs(30), {"packing": True, "packing_strategy": "wrapped"}),
    "packed chats, assistant only": (chats(14), {"packing": True, "assistant_only_loss": True}),
    "shuffled": (pairs(20), {"shuffle_dataset": True, "seed": 7}),
    "packed and shuffled": (pairs(20), {"packing": True, "shuffle_dataset": True, "seed": 7}),
}


def learnt(trainer: Any, prepared: dict[str, Any]) -> int:
    """How many tokens of a prepared row a causal model is asked to predict, by the trainer's own collator."""
    return int((trainer.data_collator([prepared])["labels"][:, 1:] != -100).sum())


def saved(trainer: Any, folder: Path) -> Path:
    """The run's folder as a user has it: with the tokenizer in it."""
    trainer.processing_class.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("case", CASES)
def test_rows_are_what_the_trainer_made_of_them(case, tmp_path):
    rows, given = CASES[case]
    trainer = sft_trainer(tmp_path, rows, num_train_epochs=2, **given)
    trainer.train()
    found = sft_rows(saved(trainer, tmp_path), rows)
    data = list(trainer.train_dataset)
    assert found.matched == found.recorded == len(data)
    in_pack: dict[int, list[int]] = {place: [] for place in range(len(data))}
    for fate in found.rows:
        assert fate.packs is not None and fate.kept_tokens is not None and fate.seen is not None
        assert NOT_KNOWN not in fate.fate
        for place in fate.packs:
            in_pack[place].append(fate.row)
        together = {other for place in fate.packs for other in in_pack_of(found, place)} - {fate.row}
        assert set(fate.packed_with or ()) == together
        assert fate.seen == (2 if fate.packs else 0)
        assert (fate.fate == NO_LOSS) == (fate.loss_tokens == 0)
    split = {fate.row for fate in found.rows if len(fate.packs or ()) > 1}
    for place, prepared in enumerate(data):
        if not split & set(in_pack[place]):
            fates = [found.rows[row] for row in in_pack[place]]
            assert sum(each.kept_tokens for each in fates) == len(prepared["input_ids"])
            assert sum(each.loss_tokens for each in fates) == learnt(trainer, prepared)
        if "seq_lengths" in prepared:
            pieces = Counter(in_pack[place])
            assert len(pieces) <= len(prepared["seq_lengths"])
    kept = [each for each in found.rows if each.packs]
    assert sum(each.kept_tokens for each in kept) == sum(len(each["input_ids"]) for each in data)
    assert sum(each.loss_tokens for each in kept) == sum(learnt(trainer, each) for each in data)
    if not given.get("packing"):
        assert len(rows) - len(kept) == len(rows) - len(data)


def in_pack_of(found: RunRows, place: int) -> set[int]:
    return {each.row for each in found.rows if place in (each.packs or ())}


def test_the_cases_hold_what_they_are_for(tmp_path):
    rows, given = CASES["prompts fill the length"]
    trainer = sft_trainer(tmp_path, rows, **given)
    trainer.train()
    found = sft_rows(saved(trainer, tmp_path), rows)
    counts = Counter(each.fate for each in found.rows)
    assert set(counts) == {KEPT, CUT, NO_LOSS} and counts[NO_LOSS] == len(rows) - len(trainer.train_dataset)
    for each in found.rows:
        whole = len(
            trainer.processing_class(rows[each.row]["prompt"] + rows[each.row]["completion"]).input_ids
        )
        assert each.tokens == whole + 1 and each.kept_tokens == min(each.tokens, 8)
    assert [each.seen for each in found.rows if each.fate == NO_LOSS] == [0] * counts[NO_LOSS]


def test_steps_are_those_in_which_a_row_was_trained(tmp_path):
    rows = pairs(10)
    trainer = sft_trainer(tmp_path, rows, num_train_epochs=3, max_length=64, per_device_train_batch_size=4)
    trainer.train()
    found = sft_rows(saved(trainer, tmp_path), rows)
    steps = np.array([each.steps for each in found.rows])
    assert steps.shape == (10, 3) and ((steps - 1) // 3 == [0, 1, 2]).all()
    assert Counter(steps.ravel().tolist()) == {step: 2 if step % 3 == 0 else 4 for step in range(1, 10)}


def test_without_a_record_options_say_it_and_the_rest_is_not_known(tmp_path):
    rows = pairs(20)
    trainer = sft_trainer(tmp_path, rows, max_length=8)
    run = saved(trainer, tmp_path)
    exact = sft_trainer(tmp_path / "other", rows, max_length=8).train_dataset
    told = sft_rows(run, rows, Given(max_length=8, packing="none", completion_only=True))
    assert [each.seen for each in told.rows] == [None] * 20
    assert [each.kept_tokens for each in told.rows if each.packs] == [len(row["input_ids"]) for row in exact]
    assert told.settings.max_length.origin == "option" and told.recorded is None
    nothing = sft_rows(run, rows)
    assert {each.fate for each in nothing.rows} == {NOT_KNOWN}
    assert [each.tokens for each in nothing.rows] == [each.tokens for each in told.rows]
    assert any("--packing" in note for note in nothing.notes)
    length_only = sft_rows(run, rows, Given(max_length=8))
    assert [each.fate for each in length_only.rows] == [
        KEPT if each.tokens <= 8 else NOT_KNOWN for each in length_only.rows
    ]
    no_loss = sft_rows(run, rows, Given(max_length=8, packing="none"))
    assert {each.loss_tokens for each in no_loss.rows} == {None}


def test_other_data_than_the_runs_is_seen(tmp_path):
    rows = pairs(20)
    trainer = sft_trainer(tmp_path, rows, max_length=64)
    trainer.train()
    run = saved(trainer, tmp_path)
    changed = [{**row, "completion": words(50, 3)} if at == 4 else row for at, row in enumerate(rows)]
    found = sft_rows(run, changed)
    assert (found.recorded, found.matched) == (20, 19)
    assert [each.row for each in found.rows if each.fate == NOT_KNOWN] == [4]
    assert found.rows[4].seen is None and found.rows[5].seen == 1
    assert any("19 are made of this data" in note for note in found.notes)
    more = sft_rows(run, [*rows, {"prompt": words(3, 4), "completion": words(9, 9)}])
    assert (more.rows[-1].fate, more.rows[-1].seen) == (LEFT_OUT, 0)


def test_the_same_text_twice_is_told_apart_by_order_only(tmp_path):
    rows = [*pairs(6), pairs(6)[2]]
    trainer = sft_trainer(tmp_path, rows, max_length=64)
    trainer.train()
    found = sft_rows(saved(trainer, tmp_path), rows)
    assert found.rows[2].packs == (2,) and found.rows[6].packs == (6,)


def test_a_template_without_marks_leaves_the_loss_open(tmp_path):
    rows = chats(6)
    plain = "{% for m in messages %}{{ m['role'] + ' ' + m['content'] + ' ' }}{% endfor %}"
    trainer = sft_trainer(tmp_path, rows, template=plain)
    run = saved(trainer, tmp_path)
    found = sft_rows(run, rows, Given(max_length=0, packing="none", assistant_only=True))
    assert {each.loss_tokens for each in found.rows} == {None} and {each.fate for each in found.rows} == {
        KEPT
    }


def test_an_option_against_the_record_is_refused(tmp_path):
    rows = pairs(6)
    trainer = sft_trainer(tmp_path, rows)
    trainer.train()
    run = saved(trainer, tmp_path)
    with pytest.raises(InputError, match="--max-length: the run's own record says 16"):
        sft_rows(run, rows, Given(max_length=8))
    assert sft_rows(run, rows, Given(max_length=16, completion_only=True)).matched == 6


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "a"}, "no prompt and completion"),
        ({"prompt": "a", "completion": None}, "both be texts"),
        ({"messages": [{"role": "user"}]}, "cannot read it"),
        ({"messages": "hello"}, "no prompt and completion"),
    ],
)
def test_rows_of_another_form_are_refused_in_one_line(row, said, tmp_path):
    run = saved(sft_trainer(tmp_path, pairs(2)), tmp_path)
    with pytest.raises(InputError, match=f"row 2: .*{said}"):
        sft_rows(run, [pairs(1)[0] if "messages" not in row else chats(1)[0], row])


@pytest.mark.parametrize("strategy", ["bfd", "bfd_split", "wrapped"])
@pytest.mark.parametrize("processes", [None, 2])
def test_packs_are_those_of_trl(strategy, processes):
    pytest.importorskip("trl")
    from datasets import Dataset
    from trl import pack_dataset

    drawn = np.random.default_rng(3)
    lengths = [int(each) for each in drawn.integers(0, 40, 2300)]
    starts = np.cumsum([0, *lengths])
    ids = [list(range(start, start + length)) for start, length in zip(starts, lengths, strict=False)]
    theirs = pack_dataset(
        Dataset.from_dict({"input_ids": ids}), 24, strategy, {"num_proc": processes} if processes else None
    )
    ours = pack(range(len(lengths)), lengths, 24, strategy, processes)
    made = [[token for piece in each for token in ids[piece.row][piece.start : piece.stop]] for each in ours]
    assert made == list(theirs["input_ids"])


def test_split_rows_are_called_so(tmp_path):
    rows, given = CASES["packed and split"]
    trainer = sft_trainer(tmp_path, rows, **given)
    trainer.train()
    found = sft_rows(saved(trainer, tmp_path), rows)
    assert {each.fate for each in found.rows if each.tokens > 8} == {SPLIT}


def test_the_summary_adds_up(tmp_path):
    rows, given = CASES["packed"]
    trainer = sft_trainer(tmp_path, rows, **given)
    trainer.train()
    found = sft_rows(saved(trainer, tmp_path), rows)
    said = found.summary()
    assert sum(said["fates"].values()) == said["rows"] == found.table().num_rows == 30
    assert said["kept_tokens"] == sum(len(each["input_ids"]) for each in trainer.train_dataset)
    assert said["settings"]["packing"] == {"value": "bfd", "from": "run"}
    assert json.loads(json.dumps(said)) == said and torch.is_grad_enabled()
