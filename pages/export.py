"""Export: the cleaned data, the removed rows or the patch, and a way in for more rows and for patches."""

import streamlit as st

from pages.components import keys
from pages.components.choice import pick
from pages.components.conversation.shown_text import has_conversations
from pages.components.export.data_card import offer_card
from pages.components.export.export_file import Download
from pages.components.export.export_offer import offer
from pages.components.export.export_preview import preview_of, show_preview, summary_line
from pages.components.export.import_patch import offer_patch
from pages.components.export.import_rows import offer_import
from pages.components.navigation import through_app
from pages.components.workspaces import current

WHATS = {"cleaned": "Cleaned data", "removed": "Removed rows", "patch": "Patch"}
FORMATS = {"csv": "CSV", "jsonl": "JSON Lines", "parquet": "Parquet", "hf": "datasets folder"}
HELP = (
    "Cleaned data: the training rows without the removed ones, with their new labels. "
    "Patch: what was decided, row by row."
)


def _toggle(name: str, key: str, help: str, value: bool = False) -> bool:
    return st.toggle(name, value=value, key=key, help=help, bind="query-params")


through_app()
st.title("Export")
workspace = current()
with st.container(border=True):
    what_box, format_box = st.columns([0.45, 0.55])
    with what_box:
        what = pick("What", WHATS, keys.EXPORT_WHAT, "cleaned", help=HELP, named=True)
    with format_box:
        usual = "jsonl" if has_conversations(workspace) else "csv"  # messages stay messages there
        format = pick("Format", FORMATS, keys.EXPORT_FORMAT, usual, named=True)
    with st.container(horizontal=True, gap="large"):
        with_manifest = format == "hf" or _toggle(
            "With manifest and card (as a zip)",
            keys.EXPORT_MANIFEST,
            help="Manifest: source fingerprint, counts per class before and after, hashes. "
            "Card: what was changed, by whom and why, to read.",
        )
        defuse = format != "csv" or _toggle(
            "Defuse formulas",
            keys.EXPORT_DEFUSE,
            value=True,
            help="An apostrophe goes in front of text that a spreadsheet would run as a formula. "
            "Switch it off for programs that must read the texts as they are.",
        )
    preview = preview_of(workspace, what)
    file_box = st.container()
    st.caption(summary_line(preview, workspace.space))
show_preview(preview)
card_box = st.expander("Data card", icon=":material/description:")
with st.expander("Import more training rows", icon=":material/upload:"):
    offer_import(workspace)
with st.expander("Import decisions", icon=":material/playlist_add_check:"):
    offer_patch(workspace)
download = Download(workspace.path, what, format, with_manifest, defuse)
with file_box:
    made = offer(workspace, download)
if made:
    with card_box:
        offer_card(workspace, download)
