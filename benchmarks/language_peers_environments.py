"""Environments of the peers of `benchmarks.language_peers`: one each, with pins, made once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_COMMON = ["torch==2.13.0", "transformers==5.23.0", "accelerate==1.15.0"]
_DATA = ["datasets==5.2.0", "peft==0.21.0", "jaxtyping==0.3.11", "ml_dtypes==0.6.0", "natsort==8.4.0"]
_OPTIONS = ["petname==2.9", "simple-parsing==0.1.9", "torchopt==0.7.3"]
# Each list is one call of pip. bergson also asks for torchvision, torchaudio and bitsandbytes, which are not
# imported here and would bring another torch.
_PINS: dict[str, list[list[str]]] = {
    "bergson": [_COMMON + _DATA + _OPTIONS, ["--no-deps", "bergson==2.5.1"]],
    "dattri-llm": [[*_COMMON, "dattri-llm==0.1.0"]],
}


def python_of(contender: str, home: Path) -> str:
    """The interpreter that runs a contender: this one for ours, else that of its library's environment under
    ``home``, which is made unless it is there. `RuntimeError` says what pip could not do."""
    library = next((each for each in _PINS if contender.startswith(each)), None)
    if library is None:
        return sys.executable
    place = home / library
    python, done = place / "bin" / "python", place / "pins.json"
    if not done.exists() or json.loads(done.read_text(encoding="utf-8")) != _PINS[library]:
        _run(sys.executable, "-m", "venv", "--clear", str(place))
        for pins in _PINS[library]:
            _run(str(python), "-m", "pip", "install", "-q", *pins)
        done.write_text(json.dumps(_PINS[library]), encoding="utf-8")
    return str(python)


def _run(*command: str) -> None:
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        last = (found.stderr or found.stdout).strip().splitlines()[-1:]
        raise RuntimeError(f"{' '.join(command[-3:])}: {last[0] if last else found.returncode}")
