"""One contender of `benchmarks.language_peers` in a process of its own.

python -m benchmarks.language_peers_worker NAME SCRATCH JOB [WARM_UP]

It says ``ready`` and then, for each line that it reads, makes one pass and says what that took: lines of
JSON. Without rows to warm up with it says the scores of every pair of rows instead.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.language_peers_job import Contender, Job, peak_gib

MODULES = {
    "bare": "language_peers_firstword",
    "bare-learnt": "language_peers_firstword",
    "firstword": "language_peers_firstword",
    "bergson": "language_peers_bergson",
    "bergson-tokens": "language_peers_bergson",
    "dattri-llm": "language_peers_dattri_llm",
    "dattri-llm-both": "language_peers_dattri_llm",
}


def main() -> None:
    """Answer until the input ends."""
    name, scratch, job, *warm_up = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is not an answer

    def say(**found: Any) -> None:
        print(json.dumps(found), file=answers, flush=True)

    module = import_module(f"benchmarks.{MODULES[name]}")
    if not warm_up:
        say(scores=module.scores(Job.read(Path(job)), Path(scratch)))
        return
    whole = Job.read(Path(job))
    contender: Contender = module.contender(name, whole, Path(scratch))
    contender.open(Job.read(Path(warm_up[0])))
    contender.run()
    contender.clear()
    contender.open(whole)
    say(ready=True, loaded_gib=peak_gib())
    for _ in sys.stdin:
        started, worked = time.perf_counter(), time.process_time()
        contender.run()
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
        say(seconds=seconds, cpu_seconds=cpu, peak_gib=peak_gib(), kept=contender.kept())
        contender.clear()


if __name__ == "__main__":
    main()
