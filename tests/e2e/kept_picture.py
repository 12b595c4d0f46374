"""A picture of a page for the docs: the committed one stays where nothing that a person sees has changed."""

import tempfile
from pathlib import Path
from typing import Any

from tools.pictures import keep_or_replace

DATES = r"""() => {
  const dated = /\d{4}-\d\d-\d\d|\b\d\d:\d\d\b|\b\d+ (second|minute|hour|day)s?\b|\b(yesterday|just now)\b/i
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const boxes = []
  for (let each = texts.nextNode(); each; each = texts.nextNode()) {
    if (!dated.test(each.data)) continue
    const range = document.createRange()
    range.selectNodeContents(each)
    for (const box of range.getClientRects()) boxes.push([box.left, box.top, box.right, box.bottom])
  }
  return boxes
}"""
"""Where a page says when something was, or how long it took: that is another one at every run."""


def kept_picture(page: Any, target: Path) -> bool:
    """Take a picture of what a page shows now; whether it took the place of the one that was there."""
    with tempfile.TemporaryDirectory() as scratch:
        taken = Path(scratch) / target.name
        page.screenshot(path=str(taken), caret="hide", animations="disabled")
        return keep_or_replace(taken, target, [tuple(box) for box in page.evaluate(DATES)])
