"""Rows that cannot be used: counted and listed, never silently dropped."""

from dataclasses import dataclass

from backend.errors import InputError


@dataclass(frozen=True)
class Rejected:
    """One row that cannot be used.

    ``row`` is the 1-based data row, or for JSON Lines (``unit`` is ``line``) the line number.
    ``column`` is None where the whole row is at fault.
    """

    file: str
    row: int
    column: str | None
    reason: str
    unit: str = "row"

    def __str__(self) -> str:
        column = f", column {self.column!r}" if self.column is not None else ""
        return f"{self.file}, {self.unit} {self.row}{column}: {self.reason}"


class Rejections:
    """Collects rejected rows; a broken row is an error unless ``skip_broken``.

    ``advice`` tells what to do about a broken row. ``skip_joined``: rows whose label looks like several are
    left out; a choice of its own, as a class may be called ``R&D``.
    """

    def __init__(
        self,
        skip_broken: bool = False,
        advice: str = "correct it, or leave such rows out with --skip-bad-rows",
        *,
        skip_joined: bool = False,
    ) -> None:
        self.skip_broken, self._advice = skip_broken, advice
        self.skip_joined = skip_joined
        self._found: list[Rejected] = []
        self._broken: list[Rejected] = []

    def unusable(self, rejected: Rejected) -> None:
        """List a row that is well-formed but not to be learnt from (no text, no label, a label left out)."""
        self._found.append(rejected)

    def broken(self, rejected: Rejected) -> None:
        """List a row that is damaged or contradictory; `InputError` unless such rows are skipped."""
        if not self.skip_broken:
            raise InputError(f"{rejected}; {self._advice}")
        self._found.append(rejected)
        self._broken.append(rejected)

    def sorted(self) -> list[Rejected]:
        """All rejected rows by file and row."""
        return sorted(self._found, key=lambda each: (each.file, each.row))

    def sorted_broken(self) -> list[Rejected]:
        """Those that stop an import unless they are skipped."""
        return sorted(self._broken, key=lambda each: (each.file, each.row))
