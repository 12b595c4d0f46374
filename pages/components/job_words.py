"""What a job does, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

WORDS = {
    "all": "Compute what is missing",
    "demo": "Build the demo",
    "build": "Build a workspace",
    "init": "Create a workspace",
    "append": "Append rows",
    "train": "Fine-tune the model",
    "dynamics": "Log training dynamics",
    "attach": "Attach a run",
    "precompute": "Trace all training examples",
    "prepare": "Prepare an attribution method",
    "explain-many": "Explain many rows",
    "influence": "Influence on all eval rows",
    "evaluate": "Evaluate the methods",
    "small": "Make a small copy",
    "scores": "Score all training rows",
    "sources": "Audit the sources",
    "words": "Find harmful words",
    "run-rows": "See what the run did to rows",
    "forecast": "Forecast the decisions",
    "retrain": "Retrain and compare",
    "verify": "Check the files",
}
CHECKS = {"init": "Check the rows of a new workspace", "append": "Check rows to append"}


def job_words(args: Sequence[str]) -> str:
    """The command in words and the name of its workspace; unknown commands as they are."""
    if not args:
        return "Unknown job"
    words = (CHECKS if "--dry-run" in args else WORDS).get(args[0], args[0])
    path = job_workspace(args)
    return words if path is None else f"{words}: {Path(path).resolve().name}"


def job_workspace(args: Sequence[str]) -> str | None:
    """The workspace that a job is about, as it was named; None if it names none."""
    if len(args) < 2 or args[0] == "demo" or args[1].startswith("-"):
        return None
    return args[1]


def job_details(args: Sequence[str]) -> str:
    """What was asked for beside the command and the workspace, as on the command line."""
    return " ".join(args[1:] if job_workspace(args) is None else args[2:])
