"""Export: the cleaned data, the removed rows or the patch, in the format the next tool reads."""

import streamlit as st

from pages.components import keys
from pages.components.export_file import Download
from pages.components.export_preview import show_preview, summary_line
from pages.components.markup import show, tag
from pages.components.navigation import through_app
from pages.components.workspaces import current

WHATS = {"cleaned": "Cleaned data", "removed": "Removed rows", "patch": "Patch"}
FORMATS = {"csv": "CSV", "jsonl": "JSON Lines", "parquet": "Parquet", "hf": "datasets folder"}
HELP = (
    "Cleaned data: the training rows without the removed ones, with their new labels. "
    "Patch: what was decided, row by row."
)


def _choice(name: str, options: dict[str, str], key: str, help: str | None = None) -> None:
    st.segmented_control(
        name,
        list(options),
        format_func=options.__getitem__,
        default=next(iter(options)),
        required=True,
        key=key,
        bind="query-params",
        help=help,
    )


through_app()
st.title("Export")
workspace = current()
with st.container(border=True):
    what_box, format_box = st.columns([0.45, 0.55])
    with what_box:
        _choice("What", WHATS, keys.EXPORT_WHAT, HELP)
    with format_box:
        _choice("Format", FORMATS, keys.EXPORT_FORMAT)
    what, format = keys.get(keys.EXPORT_WHAT) or "cleaned", keys.get(keys.EXPORT_FORMAT) or "csv"
    with_manifest = format == "hf" or st.toggle(
        "With manifest (as a zip)", help="Source fingerprint, counts per class before and after, hashes."
    )
    preview = workspace.export_preview(what)
    download = Download(workspace.path, what, format, with_manifest)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.download_button(
            "Download",
            data=download.content,
            file_name=download.file_name,
            mime="application/zip" if download.zipped else "application/octet-stream",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
        show(tag("span", download.file_name, cls="fw-mono"))
    st.caption(summary_line(preview))
show_preview(preview)
