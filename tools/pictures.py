"""Pictures of the docs: written only where something visible has changed, and small.

    python -m tools.pictures            # the pictures of docs that are larger than they need be, made small
    python -m tools.pictures NEW.png docs/screenshots/OLD.png     # keep the old one, or replace it

Every run of a browser draws a page a little differently: edges of letters, a caret, a shadow. Committing each
run's pictures made most of this repository's history. `keep_or_replace` compares with the committed picture
and leaves it where a person would see no difference; what is new is stored with 192 colours, a third of the
size.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageFilter

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs"
COLOURS = 192
MOST_BYTES = 150_000
"""Of one picture."""
MOST_BYTES_TOGETHER = 3_000_000
_NOTICED = 30  # of 255: what is less is noise, or a colour of the palette
_SPREAD = 2  # pixels around a box that belong to it
_CELL = 16  # pixels: about a word's height; a caret fills a sixteenth of one
_LEAST_IN_CELL = 1 / 15  # share of a cell's pixels: of a number, two digits or more


def is_changed(old: Image.Image, new: Image.Image, unseen: Sequence[Box] = ()) -> bool:
    """Whether a person would see a difference between two pictures, but in boxes that are ``unseen``.

    A pixel differs where no pixel beside it in the other picture is nearly like it, so that an edge drawn
    anew, half a pixel away, is none; then some cell of 16 pixels a side must differ in a fifteenth of its
    pixels. Another size is a change.
    """
    if old.size != new.size:
        return True
    one, other = old.convert("RGB"), new.convert("RGB")
    noticed = _beyond(one, other) | _beyond(other, one)
    for left, top, right, bottom in unseen:  # and their edges
        noticed[_from(top) : math.ceil(bottom) + _SPREAD, _from(left) : math.ceil(right) + _SPREAD] = False
    return bool((_shares(noticed) > _LEAST_IN_CELL).any())


def _from(edge: float) -> int:
    return max(math.floor(edge) - _SPREAD, 0)


def _beyond(one: Image.Image, other: Image.Image) -> np.ndarray:
    """bool (height, width): where a colour lies outside of what the other has within a pixel of there."""
    found = np.asarray(one, dtype=np.int16)
    least = np.asarray(other.filter(ImageFilter.MinFilter(3)), dtype=np.int16)
    most = np.asarray(other.filter(ImageFilter.MaxFilter(3)), dtype=np.int16)
    return np.any((found < least - _NOTICED) | (found > most + _NOTICED), axis=2)


def _shares(noticed: np.ndarray) -> np.ndarray:
    """The share of pixels noticed in each cell."""
    height, width = noticed.shape
    padded = np.pad(noticed, ((0, -height % _CELL), (0, -width % _CELL)))
    rows, columns = padded.shape[0] // _CELL, padded.shape[1] // _CELL
    return padded.reshape(rows, _CELL, columns, _CELL).mean(axis=(1, 3))


def quantised(picture: Image.Image) -> Image.Image:
    """The picture with 192 colours, without dots where two mix.

    Chosen to cover all that occur: what is rare, a small mark, keeps its colour.
    """
    return picture.convert("RGB").quantize(
        COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )


def keep_or_replace(new: Path, kept: Path, unseen: Sequence[Box] = ()) -> bool:
    """Put the picture ``new`` in the place of ``kept``, made small, unless they look the same.

    ``unseen``: boxes that are not compared, such as dates. Returns whether it was put there.
    """
    with Image.open(new) as drawn:
        if kept.is_file():
            with Image.open(kept) as old:
                if not is_changed(old, drawn, unseen):
                    return False
        small = quantised(drawn)
    scratch = kept.with_name(f".{kept.name}")
    small.save(scratch, format="PNG", optimize=True)
    scratch.replace(kept)
    return True


def make_small(path: Path) -> int:
    """Store a picture with fewer colours where that is smaller; returns how many bytes it has less."""
    before = path.stat().st_size
    with Image.open(path) as picture:
        if picture.mode == "P":
            return 0
        small = quantised(picture)
    scratch = path.with_name(f".{path.name}")
    small.save(scratch, format="PNG", optimize=True)
    if scratch.stat().st_size >= before:
        scratch.unlink()
        return 0
    scratch.replace(path)
    return before - path.stat().st_size


def main(arguments: list[str]) -> None:
    """The command line."""
    if len(arguments) == 2:
        new, kept = (Path(each) for each in arguments)
        print(f"{kept}: {'replaced' if keep_or_replace(new, kept) else 'kept; nothing visible has changed'}")
        return
    if arguments:
        raise SystemExit("usage: python -m tools.pictures [NEW.png KEPT.png]")
    found = sorted(PICTURES.rglob("*.png"))
    saved = sum(make_small(each) for each in found)
    size = sum(each.stat().st_size for each in found)
    print(f"{len(found)} pictures, {size / 1e6:.2f} MB, {saved / 1e6:.2f} MB less than before")


if __name__ == "__main__":
    main(sys.argv[1:])
