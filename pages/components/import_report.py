"""The rows that an import would reject, and the choice to go on without them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from backend.data.append_report import AppendReport
from backend.data.ingest import IngestReport
from backend.data.rejected import Rejected
from pages.components.markup import Html, short, show, tag
from pages.components.numbers import plural
from pages.components.tables import table

MOST = 50


def show_rejected(report: IngestReport | AppendReport, skip_key: str) -> bool:
    """List rejected rows; whether the import may go on: nothing stops it, or the user leaves that out."""
    harmless = [each for each in report.rejected if each not in set(report.broken)]
    if harmless:
        with st.expander(f"{plural(len(harmless), 'row')} that cannot be used would be left out"):
            show(_listed(harmless))
    if not report.broken:
        return True
    rows = plural(len(report.broken), "damaged or contradictory row")
    st.warning(
        f"{rows} would stop the import. Correct the file, or leave such rows out.", icon=":material/warning:"
    )
    show(_listed(report.broken))
    return st.toggle("Leave these rows out", key=skip_key)


def _listed(rejected: Sequence[Rejected]) -> Html:
    rows = [
        (
            short(each.file.rpartition("/")[2]),
            f"{each.unit} {each.row:,}",
            short(each.column or ""),
            short(each.reason, 300),
        )
        for each in rejected[:MOST]
    ]
    made = table(("file", "row", "column", "why"), rows)
    more = len(rejected) - MOST
    rest = tag("p", f"and {plural(more, 'row')} more", cls="fw-muted") if more > 0 else ""
    return tag("div", made, rest)
