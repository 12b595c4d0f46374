"""Where data comes from: an upload, a path on this machine, a hub id; and a first look at it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from backend.data.peek import Peek
from backend.data.sources import is_local
from backend.data.uploads import MOST_BYTES, keep_upload, kept_upload
from backend.errors import InputError
from backend.home import HOME
from backend.jobs.process import job_path, job_result
from backend.workspace import Workspace
from pages.components import keys
from pages.components.choice import pick
from pages.components.job_panel import LOGS, job_panel
from pages.components.markup import plain_label, show, tag
from pages.components.messages import LONGEST, show_error
from pages.components.typed_name import allowed_path, typed_hub_id

UPLOADS = HOME / ".uploads"
KINDS = {"upload": "Upload", "path": "Path on this machine", "hub": "Hub id"}
ENDINGS = ["csv", "tsv", "jsonl", "ndjson", "json", "txt", "ft", "gz", "parquet"]
MEGABYTES = MOST_BYTES // 1024**2


def ask_source(role: str, kinds: Sequence[str] = tuple(KINDS)) -> str | None:
    """Draw the choices for what serves ``role``; None as long as nothing is chosen."""
    kind_key = f"{role}-from"
    kind = pick("Source", {each: KINDS[each] for each in kinds}, kind_key, "upload")
    try:
        return _uploaded(role) if kind == "upload" else _named(role, kind)
    except InputError as error:
        show_error(error)
        return None


def look_at(source: str, role: str) -> Peek | None:
    """Columns and first rows; None, with the reason on the page, as long as they can't be had.

    What is on this machine is read at once, a few rows of it; a hub may take its time, so a job asks it.
    """
    try:
        if is_local(source):
            return _local_look(source, state_of(source))
    except InputError as error:
        show_error(error)
        return None
    args = ["peek", "--json", "--", source]
    found = job_result(job_path(args, LOGS))
    if found is None:
        job_panel(args, "Fetch the first rows", "asks the hub; the whole data set is fetched later")
        return None
    return Peek.of_json(found)


def state_of(source: str) -> object:
    """Differs once the file is rewritten, or the folder's own entries are."""
    path = Path(source).expanduser()
    found = (path if path.exists() else Path(source.rpartition(":")[0]).expanduser()).stat()
    return found.st_size, found.st_mtime_ns


def _named(role: str, kind: str) -> str | None:
    name, example = ("Path", "/data/reviews.csv") if kind == "path" else ("Hub id", "owner/name")
    source = st.text_input(
        name,
        key=f"{role}-{kind}",
        bind="query-params",
        placeholder=example,
        max_chars=1_000,
        help="A .csv, .tsv, .jsonl, .json, .txt (each also .gz) or .parquet file, or a folder written by "
        "datasets.save_to_disk."
        if kind == "path"
        else "A data set of the Hugging Face hub, with @config and :split where needed. "
        "Needs a network; no code from the hub is run.",
    )
    source = allowed_path(source) if kind == "path" else typed_hub_id(source)
    if not source:
        return None
    if is_local(source) != (kind == "path"):
        why = "no such file or folder" if kind == "path" else "is a file or folder here; choose Path"
        raise InputError(f"{source}: {why}")
    return source


def _uploaded(role: str) -> str | None:
    key = f"{role}-upload"
    st.file_uploader(
        "File",
        ENDINGS,
        key=key,
        on_change=_keep,
        args=(role,),
        max_upload_size=MEGABYTES,
        help=f"CSV, TSV, JSON, fastText (each also .gz) or Parquet, up to {MEGABYTES} MB. The file is kept "
        f"in {UPLOADS} on the machine that this server runs on.",
    )
    if refused := keys.get(_refused(role)):
        st.error(plain_label(refused, LONGEST), icon=":material/error:")
    place = keys.get(_place(role)) or st.query_params.get(_place(role))
    path = kept_upload(place, UPLOADS) if place else None
    if path is None:
        return None
    keys.put(_place(role), place)
    st.query_params[_place(role)] = str(place)  # a reload of the page still knows the file
    if keys.get(key) is None:
        show(tag("p", "File in use: ", tag("b", path.name), cls="fw-muted"))
    return path.as_posix()


def _keep(role: str) -> None:
    """In a callback: store what was uploaded, or forget what was taken away; say why it was refused."""
    keys.put(_place(role), None)
    keys.put(_refused(role), None)
    st.query_params.pop(_place(role), None)
    file = keys.get(f"{role}-upload")
    if file is not None:
        try:
            path = keep_upload(file, file.name, UPLOADS)
        except InputError as error:
            keys.put(_refused(role), str(error))
            return
        keys.put(_place(role), path.relative_to(UPLOADS).as_posix())


def _place(role: str) -> str:
    return f"{role}-file"


def _refused(role: str) -> str:
    return f"{role}-refused"


@st.cache_data(max_entries=20, show_spinner=False)
def _local_look(source: str, state: object) -> Peek:
    return Workspace.peek(source)
