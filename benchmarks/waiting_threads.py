"""How long waiting OpenMP threads should spin: a training step alone, and beside a busy process.

python -m benchmarks.waiting_threads
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

SETTINGS: dict[str, dict[str, str]] = {
    "library default": {"GOMP_SPINCOUNT": ""},
    "GOMP_SPINCOUNT=100000": {"GOMP_SPINCOUNT": "100000"},
    "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000"},
    "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
}


def step_seconds(steps: int) -> float:
    """Median time of a training step of the embedded model: 32 texts of 32 tokens, bf16 autocast."""
    import torch

    from backend.manifest import TaskInfo
    from backend.model.loading import load_classifier
    from backend.model.source import resolve

    model = load_classifier(resolve("minilm"), task=TaskInfo(classes=("a", "b")), attention="eager").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    ids, labels = torch.randint(1000, 20_000, (32, 32)), torch.randint(0, 2, (32,))
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


def measure(setting: dict[str, str], busy: bool) -> float:
    """Seconds a step in a fresh process with ``setting``; ``busy``: beside a process that uses one core."""
    environment = {**os.environ, **setting}
    if environment.get("GOMP_SPINCOUNT") == "":
        environment.pop("GOMP_SPINCOUNT")
        environment["OMP_WAIT_POLICY"] = ""  # keeps backend/__init__.py from choosing
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
    try:
        code = "from benchmarks.waiting_threads import step_seconds; print(step_seconds(12))"
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        return float(done.stdout)
    finally:
        if other:
            other.kill()


def main() -> None:
    """Print the table."""
    print("| setting | alone, s | beside a busy process, s |\n|---|---|---|")
    for name, setting in SETTINGS.items():
        print(f"| {name} | {measure(setting, False):.2f} | {measure(setting, True):.2f} |", flush=True)


if __name__ == "__main__":
    main()
