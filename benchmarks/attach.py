"""How long `attach` takes, its trial pass included: the run of a workspace attached to copies of it.

    python -m benchmarks.attach cache/demo [--repeats 5]

The first attachment of a process loads torch and transformers, as a user's command does; it is told apart.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from backend.duplicate import duplicate
from backend.folder import Folder
from benchmarks.report import machine


def attached(source: Path, home: Path) -> tuple[float, float]:
    """Seconds of the whole, and of the trial pass within."""
    from backend.influence.gradients import trial_pass as module
    from backend.workspace import Workspace

    duplicate(Folder(source), home, model="minilm")
    spent = 0.0
    plain = module.trial_pass

    def timed(*arguments: object) -> None:
        nonlocal spent
        begin = time.perf_counter()
        plain(*arguments)  # type: ignore[arg-type]
        spent = time.perf_counter() - begin

    module.trial_pass = timed  # type: ignore[assignment]
    try:
        begin = time.perf_counter()
        Workspace.open(home).attach(source / "checkpoints")
        return time.perf_counter() - begin, spent
    finally:
        module.trial_pass = plain


def main() -> None:
    """Print the first, and the median of the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = [attached(asked.workspace, Path(folder) / str(each)) for each in range(asked.repeats + 1)]
    whole, trial = np.array(found[0])
    print(f"{machine()}\nfirst: {whole:.1f} s, of which the trial pass {trial:.2f} s")
    whole, trial = np.median(found[1:], axis=0)
    print(f"median of {asked.repeats} more: {whole:.1f} s, of which the trial pass {trial:.2f} s")


if __name__ == "__main__":
    main()
