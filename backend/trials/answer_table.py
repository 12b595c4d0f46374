"""What the arms answer, side by side, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from backend.trials.markdown_cells import cell

_MOST = 20  # prompts
_LONG = 160  # characters of a text


def answer_table(content: dict[str, Any]) -> list[str]:
    """A table of the first of `ranked_answers`, and what is judged."""
    answers = content.get("answers") or []
    if not answers:
        return []
    names = [arm["name"] for arm in content["arms"]]
    heads = ["answers, of each seed", "expected", *(cell(each) for each in names)]
    lines = ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for each in ranked_answers(content)[:_MOST]:
        said = [_said(each["written"][name]) for name in names]
        expected = "" if each["expected"] is None else cell(_short(each["expected"]))
        lines.append("| " + " | ".join([cell(_short(each["prompt"])), expected, *said]) + " |")
    if len(answers) > _MOST:
        lines += ["", f"{len(answers) - _MOST:,} prompts whose answers change less are in report.json only."]
    judged = content.get("answers_judged", 0)
    if judged:
        lines += ["", f"Exact answers and chrF are of {judged:,} eval rows, answered greedily."]
    return lines


def ranked_answers(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Prompts asked about first, then those whose answers differ most from the reference's in any arm."""
    answers = content.get("answers") or []
    return sorted(answers, key=lambda each: (each["expected"] is not None, -_moved(each, content)))


def _moved(answer: dict[str, Any], content: dict[str, Any]) -> float:
    """How far the mean chrF of any arm is from that of the reference."""
    found = answer.get("chrf") or {}
    before = found.get(content["reference"])
    return max((abs(each - before) for each in found.values() if None not in (each, before)), default=0.0)


def _said(texts: Sequence[str | None]) -> str:
    """Every text once, with how many seeds wrote it where they differ."""
    counts = Counter("(no room)" if each is None else each for each in texts)
    several = len(counts) > 1
    return "; ".join(
        cell(_short(text) or "(nothing)") + (f" ({count} of {len(texts)})" if several else "")
        for text, count in counts.most_common()
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"
