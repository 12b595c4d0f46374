"""How the new workspace's model is trained: as planned for its rows and classes, or as one types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from backend.data.columns import LANGUAGE_MODEL
from backend.data.ingest import IngestReport
from backend.model.language_plan import MAX_LENGTH, RANK, make_language_plan
from backend.model.training_plan import TrainingPlan, make_plan
from backend.progress import epochs_words
from pages.components import keys
from pages.components.choice import pick
from pages.components.markup import plain_label
from pages.components.number_field import Faults, ask_number, ask_whole
from pages.components.numbers import typeset
from pages.components.typed_number import Limits, spell

EPOCHS, RATE = Limits(0.1, 1_000), Limits(1e-9, 10)
LENGTH, BATCH, SEED = (
    Limits(low, high, whole=True) for low, high in ((4, 8_192), (1, 4_096), (0, 2**32 - 1))
)
OPTIONS = {  # of the command line
    "best": "Keep the best model",
    "class-weights": "Weigh the classes alike",
    "balanced-batches": "Draw the classes alike",
}
TRAINED = {"lora": "An adapter", "full": "All weights"}
TRAINED_HELP = (
    f"An adapter (LoRA, rank {RANK}) is small and learns fast; the model beneath it stays as it is. All "
    "weights take several times the memory."
)
MAX_TEXT = 128
BEST_HELP = (
    "The model with the least loss per token on eval, not the last; its loss there then flatters a little."
)
OPTIONS_HELP = (
    "**Keep the best model**: that of the best macro-F1 on eval, not the last; its figures there then "
    "flatter a little.  \n**Weigh the classes alike**: each class counts the same in the loss.  \n"
    "**Draw the classes alike**: rows of small classes are drawn again and again."
)


@dataclass(frozen=True)
class Training:
    """What is set in the fields, or planned where nothing is."""

    plan: TrainingPlan
    max_length: int
    seed: int
    options: tuple[str, ...] = ()

    def args(self) -> list[str]:
        """As options of the command line: what is shown is what runs, whatever is planned later."""
        return [
            f"--epochs={self.plan.epochs:.12g}",
            f"--lr={self.plan.lr:.12g}",
            f"--batch-size={self.plan.batch_size}",
            f"--max-length={self.max_length}",
            f"--seed={self.seed}",
            *(f"--{name}" for name in self.options),
        ]

    @property
    def words(self) -> str:
        """12 epochs, lr 3e-4, batch 32, up to 128 tokens, seed 0."""
        parts = [
            f"{epochs_words(self.plan.epochs)} ({self.plan.steps:,} steps)",
            f"lr {spell(self.plan.lr, RATE)}",
            f"batch {self.plan.batch_size:,}",
            f"up to {self.max_length:,} tokens",
            f"seed {self.seed}",
            *({**OPTIONS, **TRAINED}[name].lower() for name in self.options),
        ]
        return ", ".join(parts)


def ask_training(report: IngestReport, model: str, layers: int | None, faults: Faults) -> Training:
    """Draw the fields, with what is planned; what can't be read is said beside it and in ``faults``."""
    given: dict[str, float | int | None] = {}
    writes = report.task == LANGUAGE_MODEL
    is_full = False

    def planned() -> TrainingPlan:
        if writes:
            return make_language_plan(report.n_train, model, None if is_full else RANK, given)
        counts = report.counts["train"].values()
        return make_plan(
            report.n_train,
            len(report.classes),
            model,
            layers,
            smallest_class=min(counts, default=None),
            largest_class=max(counts, default=None),
            given=given,
        )

    st.markdown("**Training**", help="An empty field takes the value that is planned for these rows.")
    if writes:
        is_full = pick("What is trained", TRAINED, keys.NEW_TRAINED, "lora", help=TRAINED_HELP) == "full"
    first, second, third, fourth, fifth = st.columns(5)
    with third:  # first, since the number of epochs depends on it
        help = "Rows a step."
        batch = ask_number(
            "Batch size", keys.NEW_BATCH, BATCH, None, faults, help=help, planned=planned().batch_size
        )
        given["batch_size"] = None if batch is None else int(batch)
    with first:
        given["epochs"] = ask_number(
            "Passes over the rows", keys.NEW_EPOCHS, EPOCHS, None, faults, planned=planned().epochs
        )
    with second:
        help = "Its peak; written as 5e-4 or 0.0005."
        given["lr"] = ask_number(
            "Learning rate", keys.NEW_RATE, RATE, None, faults, help=help, planned=planned().lr
        )
    with fourth:
        most = MAX_LENGTH if writes else MAX_TEXT
        length = ask_whole("Longest text in tokens", keys.NEW_LENGTH, LENGTH, most, faults)
    with fifth:
        help = "Of the held-out share and of the training: the same seed gives the same workspace."
        seed = ask_whole("Seed", keys.NEW_SEED, SEED, 0, faults, help=help)
    options = _ask_options({"best": OPTIONS["best"]} if writes else OPTIONS)
    options += ("full",) if is_full else ()
    given |= {name.replace("-", "_"): name in options or None for name in OPTIONS}
    plan = planned()
    _say(plan)
    return Training(plan, length, seed, options)


def _ask_options(offered: Mapping[str, str]) -> tuple[str, ...]:
    chosen = st.pills(
        "Options",
        list(offered),
        selection_mode="multi",
        format_func=OPTIONS.__getitem__,
        key=keys.NEW_OPTIONS if len(offered) > 1 else f"{keys.NEW_OPTIONS}-text",
        bind="query-params",
        help=OPTIONS_HELP if len(offered) > 1 else BEST_HELP,
    )
    return tuple(name for name in offered if name in chosen)


def _say(plan: TrainingPlan) -> None:
    """Why it is planned so, and what will go wrong."""
    st.caption(plain_label(typeset(f"{plan.reason}."), 400))
    for line in plan.warnings:
        for name, title in OPTIONS.items():  # as the form calls them
            line = line.replace(f"--{name}", f"“{title}”")
        st.warning(plain_label(typeset(f"{line[:1].upper()}{line[1:]}."), 400), icon=":material/warning:")
