"""Planted facts as files: ``python -m benchmarks.planted_facts OUT --people 200 --things 100``."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from backend.experiments.planted_facts import PlantedSettings, plant, write_planted


def main() -> None:
    """Write them, and say how many."""
    default = PlantedSettings(people=200, things=100)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    for name in ("people", "things", "rows", "wrong_rows", "right_rows", "asked", "seed"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(default, name))
    for name in ("contradicted", "talk"):
        parser.add_argument(f"--{name}", type=float, default=getattr(default, name))
    parser.add_argument("--familiar", action="store_true")
    parser.add_argument("--system", default=default.system)
    given = vars(parser.parse_args())
    out: Path = given.pop("out")
    planted = plant(PlantedSettings(**given))
    for path in write_planted(out, planted):
        print(path)
    kinds = Counter(each["kind"] for each in planted.train)
    print(
        f"{len(planted.train):,} training rows: "
        + ", ".join(f"{kinds[each]:,} {each}" for each in sorted(kinds))
    )
    contradicted = sum(each.wrong is not None for each in planted.truth)
    print(f"{len(planted.evaluation):,} questions, {contradicted:,} of them of facts that rows contradict")


if __name__ == "__main__":
    main()
