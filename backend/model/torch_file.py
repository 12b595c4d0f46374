"""Reading a file that `torch.save` wrote, of somebody else: tensors and plain containers, never code."""

from __future__ import annotations

import warnings
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import torch

from backend.data.messages import first_line, shown_name

_MOST = 16 << 20  # bytes of what is no tensor: names, numbers and shapes of a state are far fewer


def read_torch(path: Path) -> Any:
    """What the file holds, on the CPU and memory-mapped: no tensor is read before it is looked at.

    ``weights_only=True`` builds tensors and plain containers and runs nothing. ValueError says why a file
    can't be read so, whatever it is: no such file, damaged, compressed, huge, of objects.
    """
    try:
        _check_archive(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except UnpicklingError as error:  # torch would advise to run what the file says
        raise ValueError("it holds more than tensors and plain values, or is damaged") from error
    except Exception as error:  # of many unrelated types: a made-up file may do anything to a reader
        raise ValueError(shown_name(first_line(error))) from error


def _check_archive(path: Path) -> None:
    """ValueError for what torch would unpack into memory as a whole; it saves nothing like that itself."""
    if not path.is_file():
        raise ValueError("no such file")
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
    except BadZipFile:
        raise ValueError("not a file of torch.save, or a damaged one") from None
    if any(entry.compress_type != ZIP_STORED for entry in entries):
        raise ValueError("is compressed, which torch.save never does")
    if any(entry.file_size > _MOST for entry in entries if Path(entry.filename).name == "data.pkl"):
        raise ValueError(f"its description is larger than {_MOST >> 20} MiB")
