"""What a model name means, and a first look at it without loading torch."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path

from backend.data.messages import shown_value
from backend.errors import InputError
from backend.files import existing
from backend.manifest import TaskName
from backend.model.embedded import EMBEDDED, embedded_model_path
from backend.model.language_models import require_language_model
from backend.model.python_tokenizers import refuse_python_tokenizer
from backend.model.sharded_weights import refuse_shards
from backend.model.smollm2 import LAYERS, SMOLLM2, smollm2_home, smollm2_path
from backend.progress import Progress
from backend.tasks.heads import CAUSAL_LM

_LONGEST_ID = 96  # characters of a hub id, the hub's own limit
REFUSED = {
    "canine": "it reads hashes of characters and has no table of words",
    "ibert": "its word embeddings are quantised, in a layer of their own kind",
    "perceiver": "it reads bytes and has no table of words",
    "reformer": "it can't be differentiated outside of a training",
}
"""Model types that the trial pass refuses whatever the weights (docs/architectures.md), and why."""


def resolve(name: str) -> str:
    """What a model name means: ``minilm``, ``smollm2``, the path of an existing folder, or else a hub id."""
    if name == EMBEDDED:
        return str(embedded_model_path())
    if name == SMOLLM2:
        return str(smollm2_path())
    path = existing(name)
    if name.strip() and path is not None and path.is_dir():
        return str(path)
    if (
        not name.strip()
        or path is not None
        or len(name) > _LONGEST_ID
        or name.startswith(("/", ".", "~"))
        or name.count("/") > 1
    ):
        raise InputError(
            f"model {shown_value(name, 300)}: no such folder; give a model folder, a hub id, `{EMBEDDED}` or "
            f"`{SMOLLM2}`"
        )
    return name


def make_ready(name: str, progress: Progress) -> None:
    """Write the embedded language model where it is meant and was never needed before; `InputError`."""
    if name == SMOLLM2:
        smollm2_path(progress)


def check_source(name: str, layers: int | None, task: TaskName = "classification") -> None:
    """`InputError` if a local model cannot be what is meant; a hub id is looked up only by ``train``."""
    if name == SMOLLM2:  # it is written when it is needed
        smollm2_home()
        if layers is not None and layers > LAYERS:
            raise InputError(f"model {name!r}: cannot keep {layers} layers; it has {LAYERS}")
        return
    folder = Path(resolve(name))
    if not folder.is_dir():
        if close := get_close_matches(name.strip().lower(), [EMBEDDED, SMOLLM2], cutoff=0.8):
            raise InputError(f"model {name!r}: no such model; did you mean `{close[0]}`?")
        return
    refuse_shards(folder, f"model {name!r}")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"model {name!r}: no readable config.json in {folder}, so it is no model") from error
    if not isinstance(config, dict):
        raise InputError(f"model {name!r}: the config.json in {folder} describes no model")
    if task == CAUSAL_LM:
        require_language_model(config, f"model {name!r}")
    kind = config.get("model_type")
    if isinstance(kind, str) and kind in REFUSED:
        raise InputError(f"model {name!r}: a model of type {kind} can't be explained: {REFUSED[kind]}")
    refuse_python_tokenizer(folder, f"model {name!r}")
    keys = ("num_hidden_layers", "n_layers", "n_layer")
    available = next((config[key] for key in keys if key in config), None)
    if layers is not None and isinstance(available, int) and layers > available:
        raise InputError(f"model {name!r}: cannot keep {layers} layers; it has {available}")
