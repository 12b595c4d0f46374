"""A callback for anybody's Trainer, Seq2SeqTrainer or SFTTrainer: what the run's own files do not say.

    trainer = Trainer(..., callbacks=[FirstwordCallback()])

Into OUTPUT_DIR/firstword go ``steps.jsonl`` (a line for every update: the learning rate of every group of
parameters, where the word embeddings are, which rows were in it) and ``rows-DIGEST.jsonl`` (a line for every
row as the trainer got it: how many tokens, how many of them in the loss). Both are plain JSON, read by
`backend.model.callback_log`. A run that is killed leaves whole lines; one that is resumed goes on below them.

This file needs nothing but transformers: it may be copied beside a training script. Where it fails, it says
so in one warning and the training goes on without it.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import IterableDataset
from transformers import TrainerCallback

FOLDER = "firstword"
FORMAT = 1
_PACKAGES = ("transformers", "trl", "peft", "accelerate", "datasets", "torch")
_ARGUMENTS = (
    *("max_length", "packing", "packing_strategy", "padding_free", "truncation_mode", "shuffle_dataset"),
    *("completion_only_loss", "assistant_only_loss", "dataset_text_field", "eos_token", "dataset_num_proc"),
    *("loss_type", "label_smoothing_factor", "per_device_train_batch_size", "gradient_accumulation_steps"),
    *("num_train_epochs", "max_steps", "learning_rate", "lr_scheduler_type", "warmup_steps", "optim"),
    *("weight_decay", "max_grad_norm", "seed", "data_seed", "train_sampling_strategy", "group_by_length"),
    *("dataloader_drop_last", "dataloader_num_workers", "ignore_data_skip", "world_size"),
)
_AT_ONCE = 1000  # rows of the data that are read together


class FirstwordCallback(TrainerCallback):
    """Writes rates and order of rows of a training into its output folder.

    Parameters
    ----------
    rows
        False leaves out the file of rows, whose data are read once at the start (100,000 rows: seconds).

    Examples
    --------
    >>> from pathlib import Path
    >>> from transformers import Trainer, TrainingArguments
    >>> rows = [{"input_ids": [2, 5, 6, 3], "labels": number % 2} for number in range(8)]
    >>> arguments = TrainingArguments("again", max_steps=2, use_cpu=True, report_to="none", disable_tqdm=True)
    >>> Trainer(model, arguments, train_dataset=rows, callbacks=[FirstwordCallback()]).train()
    {'train_runtime': ...
    >>> sorted(each.name for each in Path("again/firstword").iterdir())
    ['rows-....jsonl', 'steps.jsonl']
    """

    def __init__(self, rows: bool = True) -> None:
        self._rows = rows
        self._off = False
        self._path: Path | None = None
        self._drawn: _Drawn | None = None
        self._rates: list[float] | None = None
        self._batches: list[list[int] | None] = []
        self._step = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Write the settings, and watch which rows the trainer draws."""
        self._tried(lambda: self._begin(args, state, **given))

    def on_step_begin(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        """The rates before the update are those that it uses."""
        self._tried(lambda: self._take_rates(optimizer))

    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any
    ) -> None:
        """The same, later, where this transformers asks for it."""
        self._tried(lambda: self._take_rates(optimizer))

    def on_substep_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A batch was trained that is not the last of its update."""
        self._tried(self._take_batch)

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Write one update down."""
        self._tried(lambda: self._end_step(state, **given))

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """All that was drawn must have been trained, or the rows were not those written down."""
        stopped = control.should_epoch_stop or control.should_training_stop  # what was drawn ahead is left
        self._tried(lambda: self._check(state, stopped))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Say which checkpoint is of this training: a later one in the same folder may have no callback."""
        self._tried(lambda: self._saved(args, state))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The last line; the trainer's own sampler is back in its place."""
        self._tried(lambda: self._write({"event": "end", "step": state.global_step}))
        if self._drawn is not None:
            self._drawn.let_go()
            self._drawn = None

    # -- what is written --------------------------------------------------------------------------

    def _begin(self, args: Any, state: Any, train_dataloader: Any = None, **_: Any) -> None:
        folder = Path(args.output_dir) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        rank = int(getattr(args, "process_index", 0))
        self._path = folder / (f"steps-{rank}.jsonl" if rank else "steps.jsonl")
        self._batches, self._step = [], state.global_step
        self._drawn, why_not = _watched(args, state, train_dataloader)
        data = getattr(train_dataloader, "dataset", None)
        self._write(
            {
                "event": "begin",
                "format": FORMAT,
                "step": state.global_step,
                "max_steps": state.max_steps,
                "arguments": {
                    name: _plain(getattr(args, name)) for name in _ARGUMENTS if hasattr(args, name)
                },
                "versions": {name: found for name in _PACKAGES if (found := _version(name)) is not None},
                "data_rows": None if data is None or isinstance(data, IterableDataset) else len(data),
                "rows": _write_rows(folder, data) if self._rows and not rank else None,
                "order": why_not is None,
                "why_not": why_not,
            }
        )

    def _saved(self, args: Any, state: Any) -> None:
        written = Path(args.output_dir) / f"checkpoint-{state.global_step}" / "trainer_state.json"
        if written.is_file():
            digest = hashlib.blake2b(written.read_bytes(), digest_size=8).hexdigest()
            self._write({"event": "save", "step": state.global_step, "state": digest})

    def _take_rates(self, optimizer: Any) -> None:
        if optimizer is not None:
            self._rates = [float(group["lr"]) for group in optimizer.param_groups]

    def _take_batch(self) -> None:
        self._batches.append(None if self._drawn is None else self._drawn.next_trained())

    def _end_step(self, state: Any, model: Any = None, optimizer: Any = None, **_: Any) -> None:
        self._take_batch()
        group, trained = _embedding(model, optimizer)
        line = {
            "event": "step",
            "step": state.global_step,
            "epoch": state.epoch,
            "rates": self._rates,
            "embedding_group": group,
            "embedding_requires_grad": trained,
            "batches": self._batches,
        }
        if getattr(optimizer, "step_was_skipped", False):  # an overflow of fp16: nothing moved
            line["skipped"] = True
        self._write(line)
        self._batches, self._rates = [], None

    def _check(self, state: Any, stopped: bool) -> None:
        if self._drawn is not None and self._drawn.exhausted and self._drawn.waiting and not stopped:
            line = {"event": "doubt", "after": self._step, "step": state.global_step}
            self._write({**line, "why": f"{self._drawn.waiting} batches were drawn that no step trained"})
        self._step = state.global_step

    def _write(self, line: dict[str, Any]) -> None:
        if self._path is None:
            return
        with self._path.open("a+b") as file:
            cut = file.tell() > 0 and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
            text = json.dumps(line, ensure_ascii=False)  # a NaN stays one: Python reads it
            file.write((b"\n" if cut else b"") + text.encode() + b"\n")

    def _tried(self, do: Callable[[], object]) -> None:
        if self._off:
            return
        try:
            do()
        except Exception as error:  # whatever it is, it is not worth a training
            self._off = True
            warnings.warn(
                f"FirstwordCallback: {type(error).__name__}: {error}; nothing more is written down, "
                "the training goes on",
                stacklevel=2,
            )


class _Drawn:
    """The batches of indices that a loader draws, kept until each has been trained.

    A loader draws ahead (for its workers, and to look for the end), in the order in which it delivers; so
    the n-th batch that is trained is the n-th that was drawn. Of a resumed run's first epoch, ``skip``
    batches are drawn and passed over.
    """

    def __init__(self, loader: Any, skip: int) -> None:
        self._loader, self._sampler, self._skip = loader, loader.batch_sampler, skip
        self._queue: deque[list[int] | None] = deque()
        self._passed_over = 0
        self.exhausted = False
        # A loader forbids another sampler of batches once it is made, since it has read its length.
        object.__setattr__(loader, "batch_sampler", _Watched(self._sampler, self._drawing))

    def _drawing(self) -> Iterator[list[int]]:
        self._passed_over, self._skip = self._skip, 0
        self._queue.clear()
        self.exhausted = False
        for batch in self._sampler:
            if self._passed_over:
                self._passed_over -= 1
            else:
                self._queue.append(_numbers(batch))
            yield batch
        self.exhausted = True

    @property
    def waiting(self) -> int:
        """How many batches were drawn and not trained."""
        return len(self._queue)

    def next_trained(self) -> list[int] | None:
        """The rows of the batch that was just trained; None where they have no numbers, or none was drawn."""
        return self._queue.popleft() if self._queue else None

    def let_go(self) -> None:
        """Put the loader's own sampler back."""
        object.__setattr__(self._loader, "batch_sampler", self._sampler)


class _Watched:
    """A sampler of batches that is another one in all but its drawing."""

    def __init__(self, sampler: Any, drawing: Callable[[], Iterator[list[int]]]) -> None:
        self._sampler, self._drawing = sampler, drawing

    def __iter__(self) -> Iterator[list[int]]:
        return self._drawing()

    def __len__(self) -> int:
        return len(self._sampler)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_sampler", "_drawing"):
            raise AttributeError(name)
        return getattr(self._sampler, name)


def _numbers(batch: Any) -> list[int] | None:
    """Row numbers as a sampler gives them, None where it names rows otherwise; a training waits for it."""
    try:
        return [int(each) for each in batch]
    except Exception:
        return None


def _watched(args: Any, state: Any, loader: Any) -> tuple[_Drawn | None, str | None]:
    """What watches the loader's sampler, or why the order of rows can't be told."""
    plain = getattr(loader, "base_dataloader", loader)
    if getattr(plain, "batch_sampler", None) is None or isinstance(plain.dataset, IterableDataset):
        return None, "the trainer's data come from a stream without row numbers"
    if type(loader).__name__ == "DataLoaderDispatcher":
        return None, "one process draws the rows of all"
    if not getattr(plain, "in_order", True):
        return None, "batches are delivered out of order (dataloader_in_order)"
    size = max(args.gradient_accumulation_steps, 1)
    resumed = state.global_step and not getattr(args, "ignore_data_skip", False)
    if resumed and len(loader) % size and (_version("transformers") or "").startswith("4."):
        return None, "it was resumed by a transformers that counts an epoch's last, smaller update otherwise"
    updates = max(-(-len(loader) // size), 1)  # of an epoch, as Trainer counts
    return _Drawn(plain, state.global_step % updates * size if resumed else 0), None


def _embedding(model: Any, optimizer: Any) -> tuple[int | None, bool | None]:
    """The group of parameters that holds the word embeddings, and whether they require a gradient."""
    try:
        weight = getattr(model, "module", model).get_input_embeddings().weight
    except (AttributeError, NotImplementedError):
        return None, None
    groups = getattr(optimizer, "param_groups", ())
    held = (at for at, group in enumerate(groups) if any(each is weight for each in group["params"]))
    return next(held, None), bool(weight.requires_grad)


# -- rows ------------------------------------------------------------------------------------------


def row_digest(tokens: Any) -> str:
    """Which tokens a row has, in 16 hex digits; ``tokens``: integers (n)."""
    return hashlib.blake2b(np.asarray(tokens, dtype="<i8").tobytes(), digest_size=8).hexdigest()


def _write_rows(folder: Path, data: Any) -> str | None:
    """Write what the trainer made of every row, whole or not at all; the file's name, None without tokens."""
    parts = _parts(data)
    if parts is None:
        return None
    state = hashlib.blake2b(digest_size=8)
    partial = folder / f".rows-{os.getpid()}"
    with partial.open("w", encoding="utf-8") as file:
        for part in parts:
            labels, lengths = part.get("labels"), part.get("seq_lengths")
            for at, tokens in enumerate(part["input_ids"]):
                row = {"tokens": len(tokens), "digest": row_digest(tokens)}
                if labels is not None and getattr(labels[at], "__len__", None):
                    row["labelled"] = int((np.asarray(labels[at]) != -100).sum())
                if lengths is not None:
                    row["lengths"] = [int(each) for each in lengths[at]]
                line = json.dumps(row) + "\n"
                state.update(line.encode())
                file.write(line)
    name = f"rows-{state.hexdigest()}.jsonl"
    partial.replace(folder / name)
    return name


def _parts(data: Any) -> Iterator[dict[str, Any]] | None:
    """Columns of some rows at a time: of a `datasets.Dataset`, or of a list of rows; None without tokens."""
    starts = range(0, 0 if isinstance(data, IterableDataset) else len(data), _AT_ONCE)
    if "input_ids" in (getattr(data, "column_names", None) or ()):
        return (data[start : start + _AT_ONCE] for start in starts)
    if isinstance(data, list | tuple) and all(
        isinstance(row, Mapping) and "input_ids" in row for row in data
    ):
        names = [name for name in ("input_ids", "labels") if all(name in row for row in data)]
        return (
            {name: [row[name] for row in data[start : start + _AT_ONCE]] for name in names}
            for start in starts
        )
    return None


# -- plain values ----------------------------------------------------------------------------------


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return getattr(value, "value", value)
    return getattr(value, "value", None) or str(value)
