"""The result of the last noise self-test of a workspace, kept where the app finds it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from backend.evaluation.detection import Detection
from backend.files import write_json
from backend.folder import Folder

_FILE = "mislabel.json"


@dataclass(frozen=True)
class NoiseTest:
    """``share`` of the labels of ``n_train`` rows were made wrong; ``found``: how well each score, and the
    queue, found them, best first. ``fingerprint``: of the data; ``left_out``: scores that can't be had.
    """

    share: float
    seed: int
    n_train: int
    fingerprint: str
    created: str
    found: tuple[Detection, ...]
    left_out: tuple[str, ...]

    def of(self, name: str) -> Detection | None:
        """What was found by one score, or by the queue; None if it was not measured."""
        return next((each for each in self.found if each.name == name), None)


def write_noise_test(
    folder: Folder, share: float, seed: int, found: Sequence[Detection], left_out: Sequence[str]
) -> None:
    """Keep a result in place of the last one."""
    data = folder.manifest().data
    at = datetime.now(UTC).isoformat(timespec="seconds")
    result = NoiseTest(share, seed, data.n_train, data.fingerprint, at, tuple(found), tuple(left_out))
    _place(folder).parent.mkdir(exist_ok=True)
    write_json(_place(folder), asdict(result))


def read_noise_test(folder: Folder) -> NoiseTest | None:
    """The last result; None if there is none that can be read."""
    try:
        content = json.loads(_place(folder).read_text(encoding="utf-8"))
        found = tuple(Detection(**each) for each in content.pop("found"))
        return NoiseTest(**{**content, "found": found, "left_out": tuple(content["left_out"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _place(folder: Folder) -> Path:
    return folder.path / "evaluations" / _FILE
