"""Older versions of ``workspace.json`` as the present one: each step makes the next version's content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

SCHEMA_VERSION = 2


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """The content as a manifest of `SCHEMA_VERSION`; of a version that is not known, as it is."""
    while (step := _STEPS.get(_version(content))) is not None:
        content = step(content)
    return _on_its_day(content)


def _version(content: Mapping[str, Any]) -> int | None:
    version = content.get("schema_version")
    return version if type(version) is int else None


def _on_its_day(content: dict[str, Any]) -> dict[str, Any]:
    """Of a language model the day on which its data came in, where an earlier Firstword wrote none down."""
    task = content.get("task")
    if not isinstance(task, dict) or not task.get("loss") or "day" in task:
        return content
    try:
        day = content["artifacts"]["data"]["created"][:10]
    except (KeyError, TypeError):
        return content
    return {**content, "task": {**task, "day": day}}


def _second(content: dict[str, Any]) -> dict[str, Any]:
    """What is to be learnt stands in ``task``: all workspaces were of classifiers."""
    rest = {name: value for name, value in content.items() if name != "classes"}
    task = {"name": "classification", "classes": content.get("classes")}
    return {**rest, "schema_version": 2, "task": task}


_STEPS: dict[int | None, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _second}
