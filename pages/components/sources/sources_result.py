"""The audit of sources: read, or the job that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.audit.hindrances import no_sources
from backend.workspace import Workspace
from pages.components.empty_state import lead_to, show_empty
from pages.components.markup import plain_label
from pages.components.purposes import PURPOSES
from pages.components.result_or_job import Wanted, result_or_job

if TYPE_CHECKING:  # torch is imported when there is something to compute
    from backend.audit.sources import Sources

SOURCES = Wanted(
    artifact="sources",
    command="sources",
    about=f"{PURPOSES['sources']} It compares gradients, and has not been computed yet.",
    button="Audit the sources",
    cost="about two epochs of training for every checkpoint",
)


def sources_or_offer(workspace: Workspace) -> Sources | None:
    """What `Workspace.sources` gives; None, with the job offered, where it is not there, or said why not."""
    why_not = no_sources(workspace.train_split)
    if why_not is not None:
        first, rest = (said := why_not.removeprefix("sources: "))[:1], said[1:]
        show_empty("sources", plain_label(f"{first.upper()}{rest}.", 300), lead_to("new", "New workspace"))
        return None
    return result_or_job(workspace, SOURCES, workspace.audit.sources)
