"""How much of this machine's processors other work takes while ours runs."""

from __future__ import annotations

import time

import psutil

_WORTH_SAYING = 0.4  # processors


class OtherWork:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._start, self._busy, self._own = time.monotonic(), _busy(), _own()

    def processors(self) -> float:
        """Processors that others have used on average since the start."""
        passed = max(time.monotonic() - self._start, 1e-3)
        return max(_busy() - self._busy - (_own() - self._own), 0.0) / passed

    def line(self) -> str | None:
        """A remark for a person; None where there is little of it."""
        return other_work_line(self.processors(), psutil.cpu_count() or 1)


def other_work_line(used: float, processors: int) -> str | None:
    """What ``used`` processors of other work mean for how long ours takes."""
    if used < _WORTH_SAYING:
        return None
    times = processors / max(processors - used, 0.5)
    return (
        f"other work uses {min(used, processors):.1f} of {processors} processors: "
        f"expect up to {times:.1f} times the time"
    )


def _busy() -> float:
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


def _own() -> float:
    times = psutil.Process().cpu_times()
    return times.user + times.system + times.children_user + times.children_system
