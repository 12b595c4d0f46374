"""What the folder of a PEFT adapter (LoRA and its kin) says; reads JSON and headers only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from backend.data.messages import shown_value
from backend.errors import InputError
from backend.files import read_json

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
"""What PEFT puts before the names of the model's own parameters."""
_REPEATED = (None, True, False, "gaussian", "orthogonal", "olora", "pissa", "eva")
"""How LoRA may have begun: loading repeats it, or it leaves the base as it was."""
_RANKS = ("r", "init_r", "target_r")
_HEADS = ("score", "classifier", "classification_head", "logits_proj")
# Kinds that put learnt positions before the text, or whose weights depend on what is asked.
_REFUSED = {
    **dict.fromkeys(
        ("PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "CPT", "CARTRIDGE"),
        "it puts learnt positions before the text",
    ),
    **dict.fromkeys(("ADAPTION_PROMPT",), "it puts learnt prompts into the layers"),
    **dict.fromkeys(("XLORA", "POLY"), "it mixes several adapters"),
}


@dataclass(frozen=True)
class Adapter:
    """What an adapter's folder says, without its weights: ``shapes`` of its tensors by PEFT's names."""

    folder: Path
    kind: str
    """In PEFT's words, such as ``LORA``."""
    recorded_base: str
    """Folder or hub id of the model that it was trained on, as recorded."""
    shapes: dict[str, tuple[int, ...]]
    revision: str | None = None
    """Of the hub's, as recorded."""

    @property
    def outputs(self) -> int | None:
        """Outputs of the head that was trained with it; None where none was."""
        names = (f"{PREFIX}{head}{last}.weight" for head in _HEADS for last in ("", ".out_proj"))
        found = [self.shapes[name] for name in names if len(self.shapes.get(name, ())) == 2]
        return found[0][0] if found else None


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no whole model."""
    return (folder / CONFIG).is_file() and not any(folder.glob("model*.safetensors"))


def doubled(folder: Path) -> str | None:
    """Why a whole model with an adapter beside it is not loaded (it would be applied again), or None."""
    if (folder / CONFIG).is_file() and not is_adapter(folder):
        return (
            f"it holds a whole model and {CONFIG} beside it, so transformers would apply that adapter once "
            f"more; move {CONFIG} away if it is merged"
        )
    return None


def adapter_defect(folder: Path) -> str | None:
    """Why an adapter's folder cannot be used, or None."""
    config = read_json(folder / CONFIG)
    if not isinstance(config, dict) or not isinstance(config.get("peft_type"), str):
        return f"{CONFIG} is damaged"
    kind, start = config["peft_type"], config.get("init_lora_weights")
    if kind in _REFUSED:
        return f"its adapter ({shown_value(kind)}) is of a kind that is not explained: {_REFUSED[kind]}"
    if start not in _REPEATED:
        return (
            f"its adapter began by changing the base (init_lora_weights {shown_value(start)}), which can't "
            "be repeated; save it with path_initial_model_for_weight_conversion, or merge it"
        )
    if config.get("megatron_config") is not None:
        return "its adapter is for layers of Megatron, whose code is never loaded"
    if not (folder / WEIGHTS).is_file():
        pickled = (folder / "adapter_model.bin").is_file()
        return (
            "its adapter is a pickle (.bin), which is never read; save it as safetensors"
            if pickled
            else f"it has no {WEIGHTS}"
        )
    try:
        with safe_open(folder / WEIGHTS, framework="np") as file:
            empty = not file.keys()
    except (OSError, SafetensorError):
        return f"{WEIGHTS} is damaged"
    return f"{WEIGHTS} is empty" if empty else None


def read_adapter(folder: Path) -> Adapter:
    """What a folder says; `InputError` for `adapter_defect`."""
    if defect := adapter_defect(folder):
        raise InputError(f"{folder}: {defect}")
    config: dict[str, Any] = read_json(folder / CONFIG) or {}
    with safe_open(folder / WEIGHTS, framework="np") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    _check_ranks(folder, config, shapes)
    revision = config.get("revision")
    return Adapter(
        folder,
        config["peft_type"],
        recorded_base(folder),
        shapes,
        revision if isinstance(revision, str) and revision else None,
    )


def _check_ranks(folder: Path, config: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    """`InputError` for a rank that no tensor of the file has room for: it would be allocated before anything
    is compared."""
    pattern = config.get("rank_pattern")
    ranks = [config.get(name) for name in _RANKS] + list(
        pattern.values() if isinstance(pattern, dict) else []
    )
    largest = max((size for shape in shapes.values() for size in shape), default=0)
    for rank in ranks:
        if isinstance(rank, int) and rank > largest:
            raise InputError(f"{folder}: {CONFIG} says rank {shown_value(rank)}, its tensors hold {largest}")


def recorded_base(folder: Path) -> str:
    """Folder or hub id of the model that an adapter's config names; empty where it names none."""
    base = (read_json(folder / CONFIG) or {}).get("base_model_name_or_path")
    return base if isinstance(base, str) else ""
