"""`--threads` reaches torch, numba and BLAS, which read it when they are loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path

_CALL = """
import json, sys
from backend.threads import limit_threads
limit_threads(1)
import numba, torch
from threadpoolctl import threadpool_info
pools = [each["num_threads"] for each in threadpool_info()]
print(json.dumps([torch.get_num_threads(), numba.get_num_threads(), max(pools)]))
"""


def test_every_library_is_limited():
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", _CALL],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": str(root)},
        check=True,
    )
    assert json.loads(done.stdout) == [1, 1, 1]


def test_long_commands_have_it(inside):
    for command in ("all", "build", "demo", "influence", "precompute", "retrain", "scores", "train", "words"):
        assert "--threads" in inside(command, "--help").stdout
    refused = inside("all", "nowhere", "--threads", 0, check=False)
    assert refused.returncode == 2 and "--threads" in refused.stderr


def test_nothing_is_reported_to_a_hub():
    """Read by huggingface_hub when it is imported: set before, whoever imports it first."""
    code = "import backend; from huggingface_hub import constants; print(constants.HF_HUB_DISABLE_TELEMETRY)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"
