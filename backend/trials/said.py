"""What a trial came to, in a few lines for a data card."""

from __future__ import annotations

from typing import Any

from backend.trials.headline import headline_in, in_a_sentence, size_of


def said_of(content: dict[str, Any], name: str) -> list[str]:
    """The headline figure of every arm of a report, its change beside the reference, and how it was tried."""
    figure = headline_in(content)
    title = in_a_sentence(figure["title"])
    seeds = len(content["seeds"])
    lines = [
        f"report {name}: {content['eval_rows']:,} eval rows, {seeds} seed{'s' * (seeds != 1)}; changes are "
        f"against {content['reference']}"
    ]
    for arm in content["arms"]:
        own, change = arm["figures"].get(figure["name"]), arm.get("change", {}).get(figure["name"])
        if own is None or own["mean"] is None:
            continue
        told = f": {size_of(figure, change)}" if change else ""
        lines.append(f"{arm['name']}: {title} {own['mean']:.4f}{told}")
    return lines
