"""Which device a name means, and what it can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.errors import InputError

if TYPE_CHECKING:  # commands that only name a device must not wait for torch
    import torch


def resolve_device(name: str) -> torch.device:
    """``auto`` is the GPU where there is one, else the CPU; `InputError` for what this machine lacks."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: no CUDA device is available here; use cpu")
    if name not in ("cpu", "cuda"):
        raise InputError(f"device {name!r}: unknown; use auto, cpu or cuda")
    return torch.device(name)


def check_device(name: str) -> None:
    """`InputError` for a device that this machine lacks; loads torch only to look for a GPU."""
    if name not in ("auto", "cpu"):
        resolve_device(name)


def fast_bf16(device: torch.device) -> bool:
    """Whether bfloat16 products run in hardware: AMX or AVX512-BF16, or a GPU that supports them."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))
