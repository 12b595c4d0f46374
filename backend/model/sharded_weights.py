"""Weights that lie in parts which only a pickle holds together: FSDP and DeepSpeed checkpoints.

torch's own reader of FSDP shards unpickles their index, too (`FileSystemReader.read_metadata`), so that
neither kind is read here: the line says which tool makes one file of them.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from backend.errors import InputError

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_READ = (*WEIGHTS, "adapter_model.safetensors")
_FSDP = ("*.distcp", "pytorch_model_fsdp_*/*.distcp")  # where accelerate and transformers write shards
_ZERO = "global_step*/*_states.pt"


def how_to_merge(folder: Path) -> str | None:
    """Why weights are not read and what makes safetensors of them; None unless they lie in such parts.

    Shards beside safetensors (ZeRO with gathered weights, merged already, an adapter's) are of no concern.
    """
    if any((folder / name).is_file() for name in _READ):
        return None
    shard = next((found for form in _FSDP for found in sorted(folder.glob(form))), None)
    if shard is not None:
        command = shlex.join(["accelerate", "merge-weights", str(shard.parent), str(folder)])
        return (
            f"its weights are FSDP shards (.distcp) with a pickle as their index, {_merged(folder, command)}"
        )
    if any(folder.glob(_ZERO)):
        script = str(folder / "zero_to_fp32.py")
        command = shlex.join(["python", script, str(folder), str(folder), "--safe_serialization"])
        return f"its weights are parts of DeepSpeed ZeRO, which are pickles, {_merged(folder, command)}"
    return None


def refuse_shards(folder: Path, what: str) -> None:
    """`InputError` about ``what`` the user gave, if the weights in ``folder`` lie in such parts."""
    if said := how_to_merge(folder):
        raise InputError(f"{what}: {said}")


def _merged(folder: Path, command: str) -> str:
    missing = "" if (folder / "config.json").is_file() else "; put the model's config.json there, too"
    return f"and pickles are never read; if you trust them, merge them: {command}{missing}"
