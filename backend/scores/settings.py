"""What the user may choose about scores: one small record."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import InputError
from backend.files import digest, existing, folder_state
from backend.model.devices import check_device
from backend.model.embedded import encoder_mark
from backend.recorded import content_digest

CROSSFITS = ("probe", "finetune")
EVAL = "eval"


@dataclass(frozen=True)
class ScoreSettings:
    """How scores are computed.

    Parameters
    ----------
    device
        ``cpu``, ``cuda`` or ``auto``.
    seed
        Of folds and samples.
    encoder
        Folder or hub id of the encoder of sentence embeddings; ``minilm`` is the embedded one.
    folds
        How many parts cross-fitting makes.
    crossfit
        ``probe``, a logistic regression on sentence embeddings, or ``finetune``, the workspace's model
        trained
        anew for every fold.
    target
        What off-domain scores compare with: ``eval``, or a file like the training data.
    clean
        The rows trusted by alignment scores: ``eval``, or ``kept`` (training rows decided as keep).

    Raises
    ------
    InputError
        If a value is unknown or out of its range.

    Examples
    --------
    >>> from firstword.settings import ScoreSettings
    >>> ScoreSettings(folds=3).crossfit
    'probe'
    """

    device: str = "auto"
    seed: int = 0
    encoder: str = "minilm"
    folds: int = 5
    crossfit: str = "probe"
    target: str = EVAL
    clean: str = EVAL

    def __post_init__(self) -> None:
        check_device(self.device)
        if self.crossfit not in CROSSFITS:
            raise InputError(f"--crossfit {self.crossfit}: must be one of {', '.join(CROSSFITS)}")
        if self.clean not in (EVAL, "kept"):
            raise InputError(f"--clean {self.clean}: must be eval or kept")
        if not 2 <= self.folds <= 50:
            raise InputError(f"--folds {self.folds}: must be between 2 and 50")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"--seed {self.seed}: must be between 0 and {2**32 - 1}")

    @property
    def target_content(self) -> str | None:
        """Identifies the target's file or folder, so that a changed one is noticed; None for a hub id."""
        path = existing(self.target)
        if self.target == EVAL or path is None:
            return None
        return content_digest(path) if path.is_file() else digest(folder_state(path))

    @property
    def encoder_content(self) -> object:
        """Identifies the encoder: its name and, for a folder, the state of its files."""
        return encoder_mark(self.encoder)
