"""Pictures of the docs are replaced only where a person sees a difference, and they are small."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tools.pictures import (
    MOST_BYTES,
    MOST_BYTES_TOGETHER,
    PICTURES,
    is_changed,
    keep_or_replace,
    make_small,
)

FONT = ImageFont.load_default(15)
Words = tuple[tuple[str, int], ...]
USUAL: Words = (("the training examples", 20), ("behind an answer", 60), ("made 2026-11-30", 100))


def page(
    words: Words = USUAL, shift: float = 0.0, ground: str = "white", ink: str = "#31333f"
) -> Image.Image:
    """Words at heights; ``shift``: of all letters, in pixels, such as a part of one."""
    drawn = Image.new("RGB", (400, 160), ground)
    pen = ImageDraw.Draw(drawn)
    for text, height in words:
        pen.text((20 + shift, height), text, font=FONT, fill=ink)
    return drawn


def with_noise(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).integers(-12, 13, (picture.height, picture.width, 3))
    return Image.fromarray(np.clip(np.asarray(picture, np.int16) + noise, 0, 255).astype(np.uint8))


def with_caret(picture: Image.Image) -> Image.Image:
    made = picture.copy()
    ImageDraw.Draw(made).line((250, 58, 250, 76), fill="#31333f", width=1)
    return made


@pytest.mark.parametrize(
    "other",
    [page(), page(shift=0.4), with_noise(page()), with_caret(page()), page().quantize(64)],
    ids=["the same", "letters drawn anew", "noise", "a caret", "fewer colours"],
)
def test_what_nobody_sees_is_no_change(other):
    assert not is_changed(page(), other)


@pytest.mark.parametrize(
    "other",
    [
        page((USUAL[0], ("behind  an answer", 60), USUAL[2])),
        page((USUAL[0], ("behind an answer", 68), USUAL[2])),
        page((USUAL[0], ("behind any answer", 60), USUAL[2])),
        page(USUAL[:2]),
        page(ground="#0e1117", ink="white"),
        page().crop((0, 0, 400, 150)),
    ],
    ids=["a word moved", "a line moved", "a letter more", "a line less", "dark", "another size"],
)
def test_what_a_person_sees_is_a_change(other):
    assert is_changed(page(), other)


def test_a_date_that_is_said_to_be_one_is_not_compared():
    tomorrow = page((*USUAL[:2], ("made 2031-12-30", 100)))
    assert is_changed(page(), tomorrow)
    assert not is_changed(page(), tomorrow, [(20, 98, 140, 120)])
    assert is_changed(page(), page((USUAL[0], ("something else", 60), tomorrow_line())), [(20, 98, 140, 120)])


def tomorrow_line() -> tuple[str, int]:
    return ("made 2031-12-30", 100)


def test_the_old_file_stays_byte_for_byte_unless_something_changed(tmp_path):
    kept, new = tmp_path / "kept.png", tmp_path / "new.png"
    page().save(new)
    assert keep_or_replace(new, kept)  # there was none
    first = kept.read_bytes()
    with_noise(page(shift=0.4)).save(new)
    assert not keep_or_replace(new, kept)
    assert kept.read_bytes() == first
    page(USUAL[:2]).save(new)
    assert keep_or_replace(new, kept)
    assert not is_changed(Image.open(kept), page(USUAL[:2]))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept.png", "new.png"]


def test_a_picture_is_made_small_once(tmp_path):
    path = tmp_path / "a.png"
    with_noise(page()).save(path)
    before = path.stat().st_size
    saved = make_small(path)
    assert saved > before / 2 and path.stat().st_size == before - saved
    assert make_small(path) == 0


def test_pictures_of_the_docs_are_small():
    sizes = {path: path.stat().st_size for path in sorted(Path(PICTURES).rglob("*.png"))}
    assert sizes
    large = [f"{path.name}: {size:,} bytes" for path, size in sizes.items() if size > MOST_BYTES]
    assert large == [], "run `python -m tools.pictures`"
    assert sum(sizes.values()) < MOST_BYTES_TOGETHER
