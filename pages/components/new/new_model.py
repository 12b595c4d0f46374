"""The model of the new workspace: embedded, from a folder, from the hub, or a Trainer run that is there."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.errors import InputError
from backend.model.source import check_source
from pages.components import keys
from pages.components.messages import show_error

EMBEDDED, FOLDER, HUB, RUN = "embedded", "folder", "hub", "run"
KINDS = {EMBEDDED: "Embedded MiniLM", FOLDER: "Folder", HUB: "Hub id", RUN: "My Trainer run"}
MINILM_LAYERS = 6
RATES = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3)


def ask_model() -> list[str] | None:
    """The choice as options of ``build``; None, with a line that says why, until it is complete."""
    with st.container(border=True):
        st.subheader("5. Model")
        st.segmented_control(
            "Model",
            list(KINDS),
            format_func=KINDS.__getitem__,
            default=EMBEDDED,
            required=True,
            key=keys.NEW_MODEL,
            bind="query-params",
            label_visibility="collapsed",
        )
        kind = keys.get(keys.NEW_MODEL) or EMBEDDED
        try:
            if kind == RUN:
                return _ask_run()
            chosen = _ask_start(kind)
        except InputError as error:
            show_error(error)
            return None
        return [*chosen, *_ask_training()] if chosen else None


def _ask_start(kind: str) -> list[str] | None:
    if kind == EMBEDDED:
        help = "Fewer layers train and explain faster, and know a little less."
        layers = st.slider(
            "Layers", 1, MINILM_LAYERS, MINILM_LAYERS, key=keys.NEW_LAYERS, bind="query-params", help=help
        )
        check_source("minilm", layers)
        return ["--model=minilm", *([] if layers == MINILM_LAYERS else [f"--layers={layers}"])]
    is_folder = kind == FOLDER
    name = st.text_input(
        "Folder of the model" if is_folder else "Hub id of the model",
        key=keys.NEW_FOLDER if is_folder else keys.NEW_HUB,
        bind="query-params",
        placeholder="/models/my-bert" if is_folder else "prajjwal1/bert-tiny",
        max_chars=1_000,
        help="Weights and tokenizer, as save_pretrained writes them."
        if is_folder
        else "Fetched when training begins. No code from the hub is run.",
    )
    name = (name or "").strip()
    if not name:
        return None
    if is_folder and not Path(name).expanduser().is_dir():
        raise InputError(f"{name}: no such folder")
    check_source(name, None)
    return [f"--model={name}"]


def _ask_training() -> list[str]:
    with st.expander("Training"):
        epochs, rate, length = st.columns(3)
        with epochs:
            passes = st.number_input(
                "Passes over the rows", 0.5, 100.0, 2.0, 0.5, key=keys.NEW_EPOCHS, bind="query-params"
            )
        with rate:
            peak = st.selectbox(
                "Learning rate",
                RATES,
                RATES.index(5e-5),
                lambda each: f"{each:g}",
                key=keys.NEW_RATE,
                bind="query-params",
            )
        with length:
            tokens = st.number_input(
                "Longest text in tokens", 8, 512, 128, 8, key=keys.NEW_LENGTH, bind="query-params"
            )
    return [f"--epochs={passes:g}", f"--lr={peak:g}", f"--max-length={tokens}"]


def _ask_run() -> list[str] | None:
    run = st.text_input(
        "Output folder of the run",
        key=keys.NEW_RUN,
        bind="query-params",
        placeholder="/runs/my-model",
        max_chars=1_000,
        help="Of transformers.Trainer, with checkpoints; it should have been trained on these rows.",
    )
    run = (run or "").strip()
    if not run:
        return None
    if not any(Path(run).expanduser().glob("checkpoint-*")):
        raise InputError(f"{run}: no Trainer run, it has no checkpoint folders")
    return [f"--run={Path(run).expanduser()}"]
