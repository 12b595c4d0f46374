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

    @property
    def outputs(self) -> int | None:
        """Outputs of the head that was trained with it; None where none was."""
        names = (f"{PREFIX}{head}{last}.weight" for head in _HEADS for last in ("", ".out_proj"))
        found = [self.shapes[name] for name in names if len(self.shapes.get(name, ())) == 2]
        return found[0][0] if found else None


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no whole model."""
    return (folder / CONFIG).is_file() and not any(folder.glob("model*.safetensors"))


def adapter_defect(folder: Path) -> str | None:
    """Why an adapter's folder cannot be used, or None."""
    config = read_json(folder / CONFIG)
    if not isinstance(config, dict) or not isinstance(config.get("peft_type"), str):
        return f"{CONFIG} is damaged"
    kind = config["peft_type"]
    if kind in _REFUSED:
        return f"its adapter ({shown_value(kind)}) is of a kind that is not explained: {_REFUSED[kind]}"
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
    return Adapter(folder, config["peft_type"], recorded_base(folder), shapes)


def recorded_base(folder: Path) -> str:
    """Folder or hub id of the model that an adapter's config names; empty where it names none."""
    base = (read_json(folder / CONFIG) or {}).get("base_model_name_or_path")
    return base if isinstance(base, str) else ""
