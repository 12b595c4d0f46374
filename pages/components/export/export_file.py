"""An export as one file to download: as it is, or zipped where it is several."""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import streamlit as st

from backend.review.versions import since_last
from backend.workspace import Workspace
from pages.components.numbers import plural
from pages.components.workspaces import opened, version

SUFFIXES = {"csv": ".csv", "jsonl": ".jsonl", "parquet": ".parquet", "hf": ""}


@dataclass(frozen=True)
class MadeFile:
    """The bytes to download, and how many cells got an apostrophe in front."""

    content: bytes
    defused_cells: int


@dataclass(frozen=True)
class Download:
    """Which export, and whether its manifest and data card come along (a datasets folder has them anyway)."""

    path: Path
    what: str
    format: str
    with_manifest: bool
    defuse: bool = True

    @property
    def suffix(self) -> str:
        """The ending of the exported file."""
        return SUFFIXES[self.format]

    @property
    def zipped(self) -> bool:
        """Whether it is several files."""
        return self.with_manifest or self.format == "hf"

    @property
    def stem(self) -> str:
        """Workspace, what, the version with the number of changes since, and day."""
        last, changes = since_last(opened(self.path).review.ledger)
        since = f"-{plural(changes, 'change').replace(' ', '-')}" if changes else ""
        version = (last.name if last else "raw") + since.replace(",", "")
        return f"{self.path.resolve().name}_{self.what}_{version}_{date.today().isoformat()}"

    @property
    def file_name(self) -> str:
        """What the downloaded file is called."""
        if not self.zipped:
            return self.stem + self.suffix
        return f"{self.stem}_{self.format}.zip"

    def make(self) -> MadeFile:
        """Make the export in a temporary folder; `InputError` if the format cannot hold the data."""
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / (self.stem + self.suffix)
            report = opened(self.path).export(self.format, out, self.what, defuse=self.defuse)
            content = _zip(Path(scratch)) if self.zipped else out.read_bytes()
            return MadeFile(content, report.defused_cells)


def made_file(workspace: Workspace, download: Download) -> MadeFile:
    """The file; made once for every state of the log, so that drawing the page again costs nothing."""
    decided = workspace.review.ledger.count(), newest_trial(workspace)
    return _made(download, version(workspace), decided, date.today())


def newest_trial(workspace: Workspace) -> str:
    """The name of the newest trial's report, which a data card may tell of; "" without one."""
    return next(iter(workspace.trials.reports()), "")


@st.cache_resource(max_entries=2, ttl="10m", show_spinner=False)
def _made(download: Download, artifacts: str, decided: object, day: date) -> MadeFile:
    return download.make()


def _zip(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()
