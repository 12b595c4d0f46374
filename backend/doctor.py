"""What this machine has of what Firstword needs: versions, devices, room, models, a browser."""

from __future__ import annotations

import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from backend.errors import InputError
from backend.other_work import OtherWork
from backend.program import CHECKOUT

_OLDEST = (3, 11)
_ROOM, _MEMORY = 3.0, 4.0  # GB that the demos take
_REQUIREMENTS = ("requirements.txt", "requirements-common.txt")
_FOR_TESTS = {"pytest": "the tests", "trl": "tests of TRL runs", "playwright": "browser journeys"}
_GPU = "pip install -r requirements-gpu.txt" if CHECKOUT else "pip install firstword[gpu]"
_WATCHED = 0.5  # seconds


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``found``: what is there; ``serves``: what needs it.

    ``advice``: what to do about it, "" where it is as it should be; ``needed``: nothing works without it.
    """

    what: str
    found: str
    serves: str
    advice: str = ""
    needed: bool = False

    @property
    def is_missing(self) -> bool:
        """Whether Firstword cannot work because of it."""
        return self.needed and bool(self.advice)


def examine(home: Path) -> list[Finding]:
    """Everything, in the order in which it matters. ``home``: the folder where workspaces are to go."""
    return [
        _python(),
        *_libraries(),
        *_devices(),
        _memory(),
        _disk(home),
        *_embedded(),
        *(_for_tests() if CHECKOUT else []),
        *_others(),
    ]


def _python() -> Finding:
    old = sys.version_info < _OLDEST
    advice = f"use Python {'.'.join(map(str, _OLDEST))} or newer" if old else ""
    return Finding("Python", platform.python_version(), "everything", advice, needed=True)


def wanted() -> dict[str, SpecifierSet]:
    """By package: the version that a checkout pins, or those that a wheel was tested with."""
    if CHECKOUT is None:
        asked = [Requirement(each) for each in requires("firstword") or [] if "extra ==" not in each]
    else:
        files = [(CHECKOUT / name).read_text(encoding="utf-8") for name in _REQUIREMENTS]
        lines = [line.split("#")[0].strip() for text in files for line in text.splitlines()]
        asked = [Requirement(line) for line in lines if "==" in line]
    return {each.name: each.specifier for each in asked}


def _libraries() -> list[Finding]:
    """One line if all are as pinned, else one for each that is not."""
    how = "pip install -r requirements.txt" if CHECKOUT else "pip install --force-reinstall firstword"
    asked, odd = wanted(), []
    for name, versions in asked.items():
        found = _installed(name)
        if found is None and name.startswith("faiss"):
            found = _installed("faiss-gpu")
        if found is None:
            advice = f"run `{how}`"
            odd.append(Finding(name, "not installed", "everything", advice, needed=True))
        elif not versions.contains(found.split("+")[0], prereleases=True):
            advice = f"tested with {str(versions).removeprefix('==')}; `{how}` brings it"
            odd.append(Finding(name, found, "everything", advice))
    right, which = len(asked) - len(odd), "pinned" if CHECKOUT else "tested"
    return [Finding("libraries", f"{right} of {len(asked)} as {which}", "everything"), *odd]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> list[Finding]:
    if find_spec("torch") is None:
        return []
    import torch

    from backend.model.devices import fast_bf16

    halves = "bf16 in hardware" if fast_bf16(torch.device("cpu")) else "fp32 only"
    found = f"{psutil.cpu_count() or 1} cores, {torch.get_num_threads()} threads of torch, {halves}"
    devices = [Finding("processor", found, "everything")]
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        devices.append(Finding("GPU", f"{card.name}, {card.total_memory / 1e9:.0f} GB", "--device auto"))
        if _installed("faiss-gpu") is None:
            advice = f"run `{_GPU}` for an index on the GPU"
            devices.append(Finding("faiss-gpu", "not installed", "searches on the GPU", advice))
    else:
        devices.append(Finding("GPU", "none", "speed only"))
    return devices


def _memory() -> Finding:
    free = psutil.virtual_memory().available / 1e9
    advice = "" if free >= _MEMORY else f"the demos take {_MEMORY:.0f} GB: close something"
    return Finding("free memory", f"{free:.1f} GB", "training and precompute", advice)


def _disk(home: Path) -> Finding:
    place = next(each for each in (home.absolute(), *home.absolute().parents) if each.is_dir())
    free = shutil.disk_usage(place).free / 1e9
    advice = "" if free >= _ROOM else f"the demos take {_ROOM:.0f} GB: free some, or name another folder"
    return Finding("free disk", f"{free:.0f} GB at {place}", "workspaces", advice)


def _embedded() -> list[Finding]:
    from backend.model.embedded import EMBEDDED, embedded_model_path
    from backend.model.smollm2 import SMOLLM2, smollm2_home

    def smollm2() -> str:
        home = smollm2_home()
        return "ready" if home.is_dir() else f"there; written to {home.parent} once, when it is first used"

    return [
        _model(EMBEDDED, lambda: "ready" if embedded_model_path() else "", "the demo, scores, Explore's map"),
        _model(SMOLLM2, smollm2, "the demo of a language model"),
    ]


def _model(name: str, found: Callable[[], str], serves: str) -> Finding:
    try:
        return Finding(f"model {name}", found(), serves)
    except InputError as error:
        return Finding(f"model {name}", "not installed", serves, str(error).split("; ")[-1])


def _browser() -> Finding:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    advice = "" if found else "your own browser shows the app; `apt install chromium` for the journeys"
    return Finding("chromium", found or "not found", "browser journeys among the tests", advice)


def _for_tests() -> list[Finding]:
    """What only tests need: a wheel brings none."""
    advice = "run `pip install -r requirements-dev.txt`"
    return [
        _browser(),
        *(
            Finding(name, found or "not installed", serves, "" if found else advice)
            for name, serves in _FOR_TESTS.items()
            for found in (_installed(name),)
        ),
    ]


def _others() -> list[Finding]:
    """Work of others that will make everything slower."""
    others = OtherWork()
    time.sleep(_WATCHED)
    line = others.line()
    return [Finding("other work", "busy", "speed", line)] if line else []
