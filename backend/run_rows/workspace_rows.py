"""What an attached run made of a workspace's training rows (`stored.py` keeps it).

A row of a classifier is cut or whole, and seen so often: it is never packed, and all of it is in the loss.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from backend.callback import row_digest
from backend.data.dataset import load_split
from backend.files import digest, file_digest
from backend.folder import Folder
from backend.keyed_table import write_keyed
from backend.model.callback_log import CallbackLog, read_callback_log
from backend.model.loading import load_tokenizer
from backend.model.origin import was_attached
from backend.model.tokenization import TokenIds, encode_ids
from backend.progress import Progress, silent
from backend.run_rows.fates import CUT, KEPT, LEFT_OUT, RowFate, RunRows
from backend.run_rows.matching import NO_ROWS, matched
from backend.run_rows.settings import NOT_KNOWN, RUN, RunSettings, Setting
from backend.run_rows.stored import NAME, table_path

WORKSPACE = "workspace"  # where the length comes from: --max-length of attach, or what the tokenizer saved
_WHOLE = 10**9  # tokens: nothing is cut
_AT_ONCE = 2000
_CHECKPOINT = re.compile(r"checkpoint-\d{1,15}")


def compute_run_rows(folder: Folder, progress: Progress = silent) -> RunRows:
    """Make the table and record the artifact ``run_rows``; call it with the workspace's lock held."""
    folder.require("checkpoints", "attach")
    folder.forget(NAME)
    log = _log(folder)
    found = _rows(folder, log, progress)
    summary = found.summary()
    manifest = folder.manifest()
    key = digest(NAME, 1, manifest.artifacts["checkpoints"].id, manifest.artifacts["data"].id, summary)
    write_keyed(table_path(folder), found.table(), key)
    files = {table_path(folder).name: file_digest(table_path(folder))}
    folder.record(NAME, ("data", "checkpoints"), id=key, summary=summary, files=files)
    return found


def _log(folder: Folder) -> CallbackLog | None:
    """What the callback wrote into the attached run, up to the last checkpoint that is used."""
    if not was_attached(folder):
        return None
    run = Path(folder.manifest().model.name)
    return read_callback_log(run.parent if _CHECKPOINT.fullmatch(run.name) else run)


def _rows(folder: Folder, log: CallbackLog | None, progress: Progress) -> RunRows:
    manifest, split = folder.manifest(), load_split(folder, "train")
    tokenizer = load_tokenizer(folder.tokenizer_path(manifest))
    recorded = log.rows() if log is not None else None
    if recorded:
        length = Setting(max(each.tokens for each in recorded), RUN)
    else:
        known = manifest.max_length is not None
        length = Setting(manifest.max_length, WORKSPACE) if known else Setting()
    fates: list[RowFate] = []
    digests: list[str | None] = []
    for start in range(0, len(split), _AT_ONCE):
        progress("tokenising", start, len(split))
        part = split.examples.part(start, start + _AT_ONCE)
        whole: Sequence[TokenIds] = encode_ids(tokenizer, part, _WHOLE)
        cut = encode_ids(tokenizer, part, length.value) if length.known else whole
        for at, (one, kept) in enumerate(zip(whole, cut, strict=True), start):
            digests.append(row_digest(kept.input_ids))
            fate = RowFate(at, split.ids[at], tokens=len(one))
            fates.append(_cut(fate, len(kept)) if length.known else fate)
    settings = RunSettings(max_length=length)
    if log is None or recorded is None:
        return RunRows(fates, settings, None, 0, _why_open(log, length))
    places = matched(digests, recorded, in_order=True)
    seen = log.seen(manifest.checkpoints[-1].step)
    count = sum(place is not None for place in places)
    notes = _why_open(log, length)
    if count < len(recorded):
        notes.append(
            f"Of the {len(recorded):,} rows that the run wrote down, {count:,} are training rows here with "
            "the same tokens; of the others it is not known what was made."
        )
    known_rows = [
        _held_against(fate, place, seen, whole=count == len(recorded))
        for fate, place in zip(fates, places, strict=True)
    ]
    return RunRows(known_rows, settings, len(recorded), count, notes)


def _cut(fate: RowFate, kept: int) -> RowFate:
    return replace(fate, fate=CUT if kept < (fate.tokens or 0) else KEPT, kept_tokens=kept)


def _held_against(
    fate: RowFate, place: int | None, seen: dict[int, list[int]] | None, whole: bool
) -> RowFate:
    """``place``: of the row in the run; ``whole``: all rows of the run are accounted for."""
    if place is None:
        if not whole:
            return replace(fate, fate=NOT_KNOWN, kept_tokens=None)
        return replace(fate, fate=LEFT_OUT, kept_tokens=0, seen=0, steps=())
    found = replace(fate, packs=(place,), packed_with=())
    if seen is None:
        return found
    steps = tuple(seen.get(place, ()))
    return replace(found, seen=len(steps), steps=steps)


def _why_open(log: CallbackLog | None, length: Setting) -> list[str]:
    notes = []
    if log is None:
        notes.append(
            "The run has no record of FirstwordCallback, or one of an earlier training: how often and when "
            "a row was seen is not known."
        )
    elif log.why_not is not None:
        notes.append(f"How often and when a row was seen is not known: {log.why_not}.")
    elif log.rows_file is None:
        notes.append(NO_ROWS)
    if not length.known:
        notes.append("The length at which the run cut its texts is not known (attach --max-length).")
    return notes
