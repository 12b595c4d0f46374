"""A workspace on disk: places, lock, artifact ids.

Layout and manifest follow docs/design.md, section 5. Everything derived is recorded as an `Artifact` that
carries the ids of what it was computed from; an artifact whose inputs have changed is stale.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import ValidationError

from backend.errors import InputError
from backend.files import appearing, digest, write_json
from backend.home import located
from backend.look import look_again, once
from backend.manifest import Artifact, CheckpointInfo, Manifest, parsed
from backend.program import COMMAND
from backend.schema import SCHEMA_VERSION
from backend.scratch import sweep

MANIFEST = "workspace.json"
ArtifactState = Literal["missing", "stale", "current"]


class Folder:
    """Access to the files of one workspace."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path / ".lock")

    @classmethod
    def open(cls, path: str | Path) -> Folder:
        """Open an existing workspace, by its path or by its name in the home.

        `InputError` if there is none or its manifest is unusable.
        """
        folder = cls(located(path))
        if not (folder.path / MANIFEST).is_file():
            raise InputError(
                f"{path}: no workspace here (no {MANIFEST}); `{COMMAND} init {path} ...` creates one"
            )
        folder.manifest()
        return folder

    @classmethod
    @contextmanager
    def create(cls, path: str | Path) -> Iterator[Folder]:
        """Yield a folder to fill; it appears at ``path`` only when the block ends without exception."""
        target = Path(path)
        if target.exists() and not target.is_dir():
            raise InputError(f"{target}: is a file; choose the name of a folder that is not there yet")
        if target.exists() and any(target.iterdir()):
            raise InputError(
                f"{target}: exists and is not empty; choose another folder or delete this one first"
            )
        with appearing(target.resolve()) as temporary:
            yield cls(temporary)

    # -- manifest ---------------------------------------------------------------------------------

    def manifest(self) -> Manifest:
        """Read ``workspace.json``; that of an older version is upgraded on disk by the next write."""
        return once(("manifest", self.path), self._read_manifest)

    def has_moved_on(self) -> bool:
        """Whether the manifest is another one by now than what has been seen of it in this look."""
        return self._read_manifest() != self.manifest()

    def _read_manifest(self) -> Manifest:
        path = self.path / MANIFEST
        try:
            version, manifest = parsed(path.read_bytes())
            if manifest is None:
                raise InputError(
                    f"{path}: schema version {version}, this Firstword reads up to {SCHEMA_VERSION}; "
                    "open it with the Firstword that wrote it, or a newer one"
                )
            return manifest
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, AttributeError, ValidationError) as error:
            first = str(error).splitlines()[0]
            raise InputError(f"{path}: not a readable workspace manifest ({first})") from error

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace ``workspace.json`` atomically."""
        write_json(self.path / MANIFEST, manifest.model_dump(mode="json"))
        look_again()

    def update(self, change: Callable[[Manifest], Manifest]) -> Manifest:
        """Read, change and write the manifest while holding its own short lock."""
        with FileLock(self.path / ".manifest.lock"):
            manifest = change(self._read_manifest())
            self.write_manifest(manifest)
        return manifest

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the workspace for long work (train, precompute): one such process at a time.

        Who holds it may take it again, through the same object and in the same thread.
        """
        with self._held():
            if self._lock.lock_counter == 1:
                self._sweep()
            yield

    def require_idle(self) -> None:
        """`InputError` while another process holds the lock: asked for before anything slow is loaded."""
        if self._lock.is_locked:
            return  # by this object
        with self._held():
            pass

    @contextmanager
    def _held(self) -> Iterator[None]:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(
                f"{self.path}: another process is working on this workspace; wait for it"
            ) from error
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be written ({error.strerror or error}); it can only be read"
            ) from error
        try:
            yield
        finally:
            self._lock.release()

    def _sweep(self) -> None:
        """Delete what killed processes left behind; what another writes meanwhile stays (see `scratch`)."""
        derived = (self.data, self.tokens, *self.rows.glob("*"), self.rows, self.predictions, self.index)
        runs = (
            self.path / "dynamics",
            *(self.path / "runs").glob("*"),
            *(self.path / "runs").glob("*/dynamics"),
        )
        others = (self.influence, self.scores, self.embeddings, self.features, self.matches, *runs)
        for place in (self.path, *derived, *others):
            sweep(place)

    # -- artifacts --------------------------------------------------------------------------------

    def record(
        self,
        name: str,
        inputs: tuple[str, ...] = (),
        *,
        id: str | None = None,
        change: dict[str, Any] | None = None,
        others: Mapping[str, Artifact | None] | None = None,
        **details: Any,
    ) -> Artifact:
        """Note that artifact ``name`` has been made from the current state of ``inputs``.

        In the same write, ``change`` sets further fields of the manifest and ``others`` further artifacts
        (None: there is none any more).
        """
        artifact = self.made(name, inputs, id=id, **details)

        def noted(manifest: Manifest) -> Manifest:
            all_of = {**manifest.artifacts, **(others or {}), name: artifact}
            artifacts = {each: known for each, known in all_of.items() if known is not None}
            return manifest.model_copy(update={**(change or {}), "artifacts": artifacts})

        self.update(noted)
        return artifact

    def made(
        self, name: str, inputs: tuple[str, ...] = (), *, id: str | None = None, **details: Any
    ) -> Artifact:
        """What `record` notes, without noting it."""
        known = self.manifest().artifacts
        input_ids = {each: known[each].id for each in inputs}
        return Artifact(
            id=id or digest(name, input_ids, details),
            inputs=input_ids,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            details=details,
        )

    def forget(self, *names: str) -> None:
        """Drop the records of artifacts that are about to be made anew."""
        self.update(
            lambda m: m.model_copy(
                update={"artifacts": {name: each for name, each in m.artifacts.items() if name not in names}}
            )
        )

    def state(self, name: str) -> ArtifactState:
        """Whether artifact ``name`` is missing, current, or stale (some input has changed since)."""
        known = self.manifest().artifacts
        if name not in known:
            return "missing"
        for each, recorded in known[name].inputs.items():
            if each not in known or known[each].id != recorded or self.state(each) != "current":
                return "stale"
        return "current"

    def require(self, name: str, command: str) -> Artifact:
        """The current artifact ``name``; `InputError` naming ``command`` if it is missing or stale."""
        state = self.state(name)
        if state != "current":
            raise InputError(f"{self.path}: {name} {state}; run `{COMMAND} {command} {self.path}`")
        return self.manifest().artifacts[name]

    # -- places -----------------------------------------------------------------------------------

    @property
    def data(self) -> Path:
        """Train and eval split."""
        return self.path / "data"

    @property
    def checkpoints(self) -> Path:
        """The Trainer run made by ``train``."""
        return self.path / "checkpoints"

    def run(self, number: int) -> Path:
        """What belongs to one of several trainings; the first one's checkpoints lie in `checkpoints`."""
        return self.path / "runs" / str(number)

    @property
    def rows(self) -> Path:
        """Gradient rows, one folder per checkpoint."""
        return self.path / "rows"

    @property
    def tokens(self) -> Path:
        """Tokens of both splits."""
        return self.path / "tokens"

    @property
    def index(self) -> Path:
        """FAISS files and index.json."""
        return self.path / "index"

    @property
    def influence(self) -> Path:
        """Influence of the whole training split on the whole eval split."""
        return self.path / "influence"

    @property
    def scores(self) -> Path:
        """Data-set-level scores, one Parquet table per producer."""
        return self.path / "scores"

    @property
    def embeddings(self) -> Path:
        """Sentence embeddings of both splits."""
        return self.path / "embeddings"

    @property
    def dynamics(self) -> Path:
        """Logits of every training row at every epoch, one file per seed; of the training in force."""
        return self.dynamics_of(self.dynamics_run)

    @property
    def dynamics_run(self) -> int:
        """The number of the training that `dynamics` is of (1, too, for all that were recorded without)."""
        manifest = self.manifest()
        recorded = manifest.artifacts.get("dynamics")
        return manifest.run if recorded is None else int(recorded.details.get("run", 1))

    def dynamics_of(self, number: int) -> Path:
        """Where the log of one of several trainings lies; those of the first in ``dynamics``."""
        return self.path / "dynamics" if number == 1 else self.run(number) / "dynamics"

    @property
    def features(self) -> Path:
        """What attribution methods beside `we` keep of the training rows."""
        return self.path / "features"

    @property
    def matches(self) -> Path:
        """What the training rows of a language model say, to be searched literally."""
        return self.path / "matches"

    @property
    def predictions(self) -> Path:
        """Probabilities, loss and correctness per split and checkpoint."""
        return self.path / "predictions"

    @property
    def slices(self) -> Path:
        """Named filters of the Explore page."""
        return self.path / "slices.json"

    @property
    def review(self) -> Path:
        """The log of decisions."""
        return self.path / "review.sqlite"

    @property
    def retrains(self) -> Path:
        """Reports, forecasts, outcomes and models of retraining."""
        return self.path / "retrains"

    @property
    def exports(self) -> Path:
        """Default home of exports."""
        return self.path / "exports"

    def checkpoint_path(self, checkpoint: CheckpointInfo) -> Path:
        """Where a checkpoint lies: relative to the workspace, or absolute where attached."""
        return self.path / checkpoint.path

    def tokenizer_path(self, manifest: Manifest) -> Path:
        """Where the tokenizer of the workspace's model lies."""
        if manifest.tokenizer is not None:
            return self.path / manifest.tokenizer
        return self.checkpoint_path(manifest.checkpoints[-1])
