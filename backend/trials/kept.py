"""What forecasts and trials left in a workspace, and whether there can be any; no model is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.data.messages import shown_value
from backend.errors import InputError
from backend.files import read_json
from backend.folder import Folder
from backend.tasks.heads import CAUSAL_LM
from backend.trials.headline import headline_in, is_better, is_harm


def check_forecast(folder: Folder) -> None:
    """`InputError` where there can be no forecast."""
    if folder.manifest().task.name == CAUSAL_LM:
        raise InputError(
            "forecast: not for language models, whose adapters and layers it does not see; retrain shows "
            "what the decisions do (`retrain --seeds 1` is the shortest)"
        )
    folder.require("index", "precompute")


def read_forecast(folder: Folder, mark: str) -> dict[str, Any] | None:
    """The forecast of the decisions with this ``mark`` by the present index; None if there is none."""
    content = read_json(forecast_place(folder, mark))
    index = folder.manifest().artifacts.get("index")
    return content if content and index is not None and content.get("index") == index.id else None


def reports(folder: Folder) -> list[Path]:
    """Folders of the reports so far, newest first."""
    return sorted((each.parent for each in folder.retrains.glob("*/report.json")), reverse=True)


def read_report(folder: Folder, name: str) -> dict[str, Any]:
    """The report of that name, a name of `reports`; `InputError` if there is none or it can't be read."""
    place = next((each for each in reports(folder) if each.name == name), None)
    if place is None:
        raise InputError(f"report {shown_value(name)}: there is none of this name")
    content = read_json(place / "report.json")
    if content is None or not {"arms", "seeds", "reference", "strategy"} <= set(content):
        raise InputError(f"{place / 'report.json'}: damaged; retrain again (no training is repeated)")
    return content


def forecast_place(folder: Folder, mark: str) -> Path:
    """Where the forecast of the decisions with this ``mark`` is kept."""
    return folder.retrains / "forecasts" / f"{mark}.json"


def is_blunt(of_eval: Mapping[str, Any], figure: Mapping[str, str] | None = None) -> bool:
    """Whether unlearning random rows harms eval as much, so that the check says nothing of these rows.

    ``figure``: which one is watched (`backend.trials.headline`), None for accuracy.
    """
    watched = figure or headline_in({})
    before, own, chance = (of_eval["unlearning"][key] for key in ("before", "after", "random"))
    no_better = chance == own or not is_better(watched, chance - own)
    return no_better and is_harm(watched, before, chance)
