"""The model of the new workspace: embedded, from a folder, from the hub, or a Trainer run that is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from backend.data.columns import LANGUAGE_MODEL
from backend.data.ingest import IngestReport
from backend.errors import InputError
from backend.files import existing
from backend.manifest import TaskName
from backend.model.adapter_files import is_adapter
from backend.model.run_folder import require_run
from backend.model.smollm2 import SMOLLM2
from backend.model.source import check_source
from pages.components import keys
from pages.components.markup import short
from pages.components.messages import show_error
from pages.components.new.new_training import Training, ask_training
from pages.components.new.steps import step_title
from pages.components.number_field import Faults
from pages.components.numbers import plural
from pages.components.typed_name import allowed_model, allowed_path, typed_hub_id

EMBEDDED, FOLDER, HUB, RUN = "embedded", "folder", "hub", "run"
KINDS = {EMBEDDED: "Embedded MiniLM", FOLDER: "Folder", HUB: "Hub id", RUN: "My Trainer run"}
MINILM_LAYERS = 6
PLACEHOLDERS = {  # whether a folder is asked for, and whether the model shall write
    (True, False): "/models/my-bert",
    (True, True): "/models/my-llama",
    (False, False): "prajjwal1/bert-tiny",
    (False, True): "HuggingFaceTB/SmolLM2-360M-Instruct",
}


@dataclass(frozen=True)
class Start:
    """A model before training; ``layers``: how many of it are kept, None for all."""

    name: str
    layers: int | None
    words: str

    def options(self) -> list[str]:
        """Of ``build``."""
        return [f"--model={self.name}", *([] if self.layers is None else [f"--layers={self.layers}"])]


@dataclass(frozen=True)
class Model:
    """The model that was chosen; ``faults`` are fields of it that can't be read."""

    options: list[str]
    words: str
    start: Start | None = None
    training: Training | None = None
    faults: Faults = field(default_factory=Faults)

    def args(self) -> list[str]:
        """As options of ``build``."""
        return [*self.options, *(self.training.args() if self.training else [])]


def ask_model(report: IngestReport) -> Model | None:
    """The choice; None, with a line that says why, until it is complete."""
    kinds = {**KINDS, EMBEDDED: "Embedded SmolLM2"} if report.task == LANGUAGE_MODEL else KINDS
    with st.container(border=True):
        step_title("Model")
        st.segmented_control(
            "Model",
            list(kinds),
            format_func=kinds.__getitem__,
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
            chosen = _ask_start(kind, report.task)
        except InputError as error:
            show_error(error)
            return None
        if chosen is None:
            return None
        faults = Faults()
        training = ask_training(report, chosen.name, chosen.layers, faults)
        return Model(chosen.options(), chosen.words, chosen, training, faults)


def _ask_start(kind: str, task: TaskName = "classification") -> Start | None:
    """The model that training starts from."""
    writes = task == LANGUAGE_MODEL
    if kind == EMBEDDED and writes:
        check_source(SMOLLM2, None, task)
        st.caption("SmolLM2-135M-Instruct; written into the cache once, 538 MB, when training begins.")
        return Start(SMOLLM2, None, SMOLLM2)
    if kind == EMBEDDED:
        help = "Fewer layers train and explain faster, and know a little less."
        layers = st.slider(
            "Layers", 1, MINILM_LAYERS, MINILM_LAYERS, key=keys.NEW_LAYERS, bind="query-params", help=help
        )
        check_source("minilm", layers)
        return Start(
            "minilm", None if layers == MINILM_LAYERS else layers, f"minilm {plural(layers, 'layer')}"
        )
    is_folder = kind == FOLDER
    name = st.text_input(
        "Folder of the model" if is_folder else "Hub id of the model",
        key=keys.NEW_FOLDER if is_folder else keys.NEW_HUB,
        bind="query-params",
        placeholder=PLACEHOLDERS[is_folder, writes],
        max_chars=1_000,
        help="Weights and tokenizer, as save_pretrained writes them."
        if is_folder
        else "Fetched when training begins. No code from the hub is run.",
    )
    name = allowed_path(name) if is_folder else typed_hub_id(name)
    if not name:
        return None
    folder = existing(name)
    if is_folder and (folder is None or not folder.is_dir()):
        raise InputError(f"{name}: no such folder")
    if not is_folder and folder is not None:
        raise InputError(f"{name}: is a folder here; choose Folder")
    check_source(name, None, task)
    return Start(name, None, short(name, 60))


def _ask_run() -> Model | None:
    run = st.text_input(
        "Output folder of the run",
        key=keys.NEW_RUN,
        bind="query-params",
        placeholder="/runs/my-model",
        max_chars=1_000,
        help="Of transformers.Trainer, with checkpoints; it should have been trained on these rows.",
    )
    run = allowed_path(run)
    if not run:
        return None
    folder = existing(run) or Path(run)
    require_run(folder)
    return Model([f"--run={folder}", *_ask_base(folder)], f"the run in {short(run, 60)}")


def _ask_base(run: Path) -> list[str]:
    """Asked where the run's checkpoints are adapters: where their model lies, unless where they say."""
    if not any(is_adapter(each) for each in run.glob("checkpoint-*")):
        return []
    base = allowed_model(
        st.text_input(
            "Model that its adapters belong to",
            key=keys.NEW_BASE,
            bind="query-params",
            placeholder="where the run says",
            max_chars=1_000,
            help="Folder or hub id; only needed where the run's own record of it is out of date.",
        )
    )
    return [f"--base={base}"] if base else []
