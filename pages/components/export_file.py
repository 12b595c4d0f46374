"""An export as one file to download: as it is, or zipped where it is several."""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from backend.workspace import Workspace
from pages.components.workspaces import opened

SUFFIXES = {"csv": ".csv", "jsonl": ".jsonl", "parquet": ".parquet", "hf": ""}


@dataclass(frozen=True)
class Download:
    """Which export, and whether its manifest comes along (a saved datasets folder always has one)."""

    path: Path
    what: str
    format: str
    with_manifest: bool

    @property
    def zipped(self) -> bool:
        """Whether it is several files."""
        return self.with_manifest or self.format == "hf"

    @property
    def stem(self) -> str:
        """Workspace, what, and day."""
        return f"{self.path.resolve().name}_{self.what}_{date.today().isoformat()}"

    @property
    def file_name(self) -> str:
        """What the downloaded file is called."""
        if not self.zipped:
            return self.stem + SUFFIXES[self.format]
        return f"{self.stem}_{self.format}.zip"

    def content(self) -> bytes:
        """Make the export in a temporary folder and return the file's bytes."""
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / (self.stem + SUFFIXES[self.format])
            workspace: Workspace = opened(self.path)
            workspace.export(self.format, out, self.what)
            return _zip(Path(scratch)) if self.zipped else out.read_bytes()


def _zip(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()
