"""Tokenizers written in Python, which don't say where in a text their tokens stand.

transformers 5.23 takes ``return_offsets_mapping=True`` from them without an error and returns none.
"""

from __future__ import annotations

from pathlib import Path

from backend.errors import InputError
from backend.files import read_json

# All of transformers 5.23, by the class that tokenizer_config.json names (a test compares).
PYTHON_TOKENIZERS = frozenset(
    (
        *("BartphoTokenizer", "BertGenerationTokenizer", "BertJapaneseTokenizer", "BertweetTokenizer"),
        *("BioGptTokenizer", "BlenderbotSmallTokenizer", "ByT5Tokenizer", "CTRLTokenizer", "CanineTokenizer"),
        *("ClvpTokenizer", "CpmAntTokenizer", "CpmTokenizer", "DiaTokenizer", "EsmTokenizer"),
        *("FSMTTokenizer", "FastSpeech2ConformerTokenizer", "FlaubertTokenizer", "GPTNeoXJapaneseTokenizer"),
        *("GPTSw3Tokenizer", "M2M100Tokenizer", "MarianTokenizer", "MgpstrTokenizer", "MyT5Tokenizer"),
        *("MistralCommonBackend", "MistralCommonTokenizer", "PLBartTokenizer", "PerceiverTokenizer"),
        *("PhobertTokenizer", "ProphetNetTokenizer", "RoCBertTokenizer", "SiglipTokenizer"),
        *("Speech2TextTokenizer", "SpeechT5Tokenizer", "TapasTokenizer", "VitsTokenizer"),
        *("Wav2Vec2CTCTokenizer", "Wav2Vec2PhonemeCTCTokenizer", "XLMTokenizer"),
    )
)


def python_tokenizer(folder: Path) -> str | None:
    """The class of the Python tokenizer that a folder names; None where it has a fast one, or names none."""
    if (folder / "tokenizer.json").is_file():
        return None
    named = (read_json(folder / "tokenizer_config.json") or {}).get("tokenizer_class")
    return named if isinstance(named, str) and named in PYTHON_TOKENIZERS else None


def refuse_python_tokenizer(folder: Path, what: str) -> None:
    """`InputError` about ``what`` the user gave, if the tokenizer in ``folder`` is a Python one."""
    if name := python_tokenizer(folder):
        raise no_offsets(name, what)


def no_offsets(name: str, what: str) -> InputError:
    """The complaint about a tokenizer class ``name``."""
    return InputError(
        f"{what}: its tokenizer ({name}) is a Python one, which gives no offsets, and words need them; "
        "only models with a fast tokenizer (tokenizer.json) can be explained"
    )
