"""How the new workspace's model is trained: fields that start from what is usual."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.components import keys
from pages.components.number_field import Faults, ask_number, ask_whole
from pages.components.typed_number import Limits, spell

EPOCHS, RATE = Limits(0.1, 1_000), Limits(1e-9, 10)
LENGTH, BATCH, SEED = (
    Limits(low, high, whole=True) for low, high in ((4, 8_192), (1, 4_096), (0, 2**32 - 1))
)


@dataclass(frozen=True)
class Training:
    """What is set in the fields."""

    epochs: float
    lr: float
    batch_size: int
    max_length: int
    seed: int

    def args(self) -> list[str]:
        """As options of the command line."""
        return [
            f"--epochs={self.epochs:.12g}",
            f"--lr={self.lr:.12g}",
            f"--batch-size={self.batch_size}",
            f"--max-length={self.max_length}",
            f"--seed={self.seed}",
        ]

    @property
    def words(self) -> str:
        """12 epochs, lr 3e-4, batch 32, up to 128 tokens, seed 0."""
        return (
            f"{self.epochs:g} epochs, lr {spell(self.lr, RATE)}, batch {self.batch_size:,}, "
            f"up to {self.max_length:,} tokens, seed {self.seed}"
        )


def ask_training(faults: Faults) -> Training:
    """Draw the fields; what can't be read is said beside them and in ``faults``."""
    with st.expander("Training", expanded=True):
        first, second, third, fourth, fifth = st.columns(5)
        with first:
            epochs = ask_number("Passes over the rows", keys.NEW_EPOCHS, EPOCHS, 2.0, faults)
        with second:
            help = "Its peak; written as 5e-4 or 0.0005."
            rate = ask_number("Learning rate", keys.NEW_RATE, RATE, 5e-5, faults, help=help)
        with third:
            batch = ask_whole("Batch size", keys.NEW_BATCH, BATCH, 32, faults, help="Rows a step.")
        with fourth:
            length = ask_whole("Longest text in tokens", keys.NEW_LENGTH, LENGTH, 128, faults)
        with fifth:
            help = "Of the held-out share and of the training: the same seed gives the same workspace."
            seed = ask_whole("Seed", keys.NEW_SEED, SEED, 0, faults, help=help)
    return Training(epochs or 2.0, rate or 5e-5, batch, length, seed)
