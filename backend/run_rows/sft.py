"""What an SFT run of TRL made of the rows of a data file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from backend.callback import row_digest
from backend.errors import InputError
from backend.model.callback_log import CallbackLog, PreparedRow, read_callback_log
from backend.model.run_folder import require_folder
from backend.run_rows.fates import KEPT, LEFT_OUT, RowFate, RunRows, fate_of
from backend.run_rows.matching import NO_ROWS, matched
from backend.run_rows.packing import Pack, Piece, pack
from backend.run_rows.run_tokenizer import run_tokenizer
from backend.run_rows.settings import NOT_KNOWN, Given, RunSettings, settings_of
from backend.run_rows.sft_tokens import RowTokens, tokenised

_TESTED = "1.16."  # of TRL: how rows are made here is held against it


def sft_rows(
    run: Path,
    rows: Sequence[Mapping[str, Any]],
    given: Given | None = None,
    tokenizer: str | None = None,
) -> RunRows:
    """What the run in folder ``run`` made of ``rows``, as they stand in its data file.

    What `FirstwordCallback` wrote into the run wins; ``given`` says what it did not. ``tokenizer``: folder or
    hub id, where the run has none. `InputError` for rows that the tokenizer cannot read.
    """
    require_folder(run)
    log = read_callback_log(run)
    settings = settings_of(log.arguments if log else {}, given or Given())
    made = tokenised(rows, run_tokenizer(run, tokenizer), settings)
    packs = _packs(made, settings)
    recorded = log.rows() if log is not None else None
    notes = _notes(log, recorded is not None, settings)
    if packs is None:
        fates = [_open_fate(row, each, settings) for row, each in enumerate(made)]
        return RunRows(fates, settings, None if recorded is None else len(recorded), 0, notes)
    if log is None or recorded is None:
        by_row = _by_row(enumerate(packs))
        fates = [_fate(row, each, by_row.get(row, {}), settings) for row, each in enumerate(made)]
        return RunRows(fates, settings, None, 0, notes)
    return _held_against(log, recorded, made, packs, settings, notes)


def _packs(made: Sequence[RowTokens], settings: RunSettings) -> list[Pack] | None:
    """The trainer's rows, in its order, as pieces of rows; None where it is not known how they were made.

    Without packing, rows that have no label left are taken out; where labels are not known, they are in.
    """
    if not (settings.max_length.known and settings.packing.known):
        return None
    size, strategy = settings.max_length.value, settings.packing.value
    order: Sequence[int] = range(len(made))
    if strategy != "none":
        if size is None:
            raise InputError("--packing: TRL packs up to a length; give --max-length")
        order = _shuffled(order, settings)
        packs = pack(order, [len(each.ids) for each in made], size, strategy, settings.processes.value)
    else:
        pieces = [Piece(row, *_kept(len(each.ids), settings)) for row, each in enumerate(made)]
        packs = [[each] for each in pieces if size is None or _has_label(made[each.row], each)]
    return [packs[at] for at in _shuffled(range(len(packs)), settings)]


def _shuffled(order: Sequence[int], settings: RunSettings) -> Sequence[int]:
    """In the order that `datasets.Dataset.shuffle` gives rows with the run's seed, where it was asked to."""
    if not settings.shuffle.value or not settings.seed.known:
        return order
    drawn = np.random.default_rng(settings.seed.value).permutation(len(order))
    return [order[at] for at in drawn]


def _kept(tokens: int, settings: RunSettings) -> tuple[int, int]:
    size = settings.max_length.value
    if size is None or tokens <= size:
        return 0, tokens
    return (tokens - size, tokens) if settings.truncation.value == "keep_end" else (0, size)


def _has_label(row: RowTokens, piece: Piece) -> bool:
    return row.labelled is None or bool(row.labelled[piece.start : piece.stop].any())


def _by_row(packs: Iterable[tuple[int, Pack]]) -> dict[int, dict[int, Pack]]:
    """By row the packs that it is in, each by its place."""
    found: defaultdict[int, dict[int, Pack]] = defaultdict(dict)
    for place, each in packs:
        for piece in each:
            found[piece.row][place] = each
    return found


def _fate(row: int, tokens: RowTokens, packs: Mapping[int, Pack], settings: RunSettings) -> RowFate:
    """Of a row that is in these packs, or in none, and in no others."""
    length = len(tokens.ids)
    own = [(each, piece) for each in packs.values() for piece in each if piece.row == row]
    in_loss: int | None = None
    if tokens.labelled is not None:
        # Nothing stands before the first token of a sequence from which it could be predicted.
        wrapped = settings.packing.value == "wrapped"
        firsts = [piece for each, piece in own if not wrapped or piece == each[0]]
        learnt = sum(int(tokens.labelled[piece.start : piece.stop].sum()) for _, piece in own)
        in_loss = learnt - sum(bool(tokens.labelled[piece.start]) for piece in firsts)
    start, stop = _kept(length, settings)
    kept = sum(len(piece) for _, piece in own) if own else stop - start
    beside = sorted({piece.row for each in packs.values() for piece in each} - {row})
    fate = fate_of(length, kept, in_loss, len(own))
    return RowFate(row, None, fate, length, kept, in_loss, tuple(packs), tuple(beside))


def _open_fate(row: int, tokens: RowTokens, settings: RunSettings) -> RowFate:
    """Of a row of which it is not known how it was packed, or at which length it was cut."""
    length, most = len(tokens.ids), settings.max_length
    whole = most.known and (most.value is None or length <= most.value)
    return RowFate(row, None, KEPT if whole else NOT_KNOWN, length, length if whole else None)


def _held_against(
    log: CallbackLog,
    recorded: Sequence[PreparedRow],
    made: Sequence[RowTokens],
    packs: Sequence[Pack],
    settings: RunSettings,
    notes: list[str],
) -> RunRows:
    """What is made here is believed only as far as the run wrote down the same tokens."""
    digests = [
        row_digest(np.concatenate([made[piece.row].ids[piece.start : piece.stop] for piece in each]))
        for each in packs
    ]
    places = matched(digests, recorded, in_order=not settings.shuffle.value)
    count = sum(place is not None for place in places)
    if count < len(recorded):
        notes.append(
            f"Of the {len(recorded):,} rows that the run wrote down, {count:,} are made of this data here: "
            "it is other data, or was changed before it came to the trainer; the rest is not known."
        )
    pairs = list(zip(places, packs, strict=True))
    unsure = {piece.row for place, each in pairs if place is None for piece in each}
    by_row = _by_row((place, each) for place, each in pairs if place is not None)
    seen = log.seen()
    fates = []
    for row, tokens in enumerate(made):
        own = by_row.get(row, {})
        if own and row not in unsure:
            fate = _fate(row, tokens, own, settings)
        elif own or count < len(recorded):
            fate = RowFate(row, None, NOT_KNOWN, len(tokens.ids))
        elif row in unsure:  # all that the run had is accounted for, and this is not among it
            fate = RowFate(row, None, LEFT_OUT, len(tokens.ids), 0, 0, (), ())
        else:
            fate = _fate(row, tokens, {}, settings)
        fates.append(fate if seen is None or fate.packs is None else _with_steps(fate, own, seen))
    return RunRows(fates, settings, len(recorded), count, notes)


def _with_steps(fate: RowFate, packs: Mapping[int, Pack], seen: Mapping[int, list[int]]) -> RowFate:
    times = [seen.get(place, []) for place in packs]
    steps = sorted(times[0]) if len(times) == 1 else sorted({step for each in times for step in each})
    return replace(fate, seen=min(map(len, times), default=0), steps=tuple(steps))


def _notes(log: CallbackLog | None, has_rows: bool, settings: RunSettings) -> list[str]:
    notes = []
    if log is None:
        notes.append(
            "The run has no record of FirstwordCallback, or one of an earlier training: how often and when "
            "a row was seen is not known."
        )
    elif not has_rows:
        notes.append(NO_ROWS)
    elif log.why_not is not None:
        notes.append(f"How often and when a row was seen is not known: {log.why_not}.")
    used = log.versions.get("trl", "") if log is not None else ""
    if used and not used.startswith(_TESTED) and not has_rows:
        notes.append(f"The run was made by TRL {used}; rows are made here as TRL 1.16 makes them.")
    options = {
        "max_length": "--max-length",
        "packing": "--packing",
        "completion_only": "--completion-only",
        "assistant_only": "--assistant-only",
    }
    missing = [option for name, option in options.items() if not getattr(settings, name).known]
    if missing:
        notes.append(f"Not known of the run, to be given where it matters: {', '.join(missing)}.")
    return notes
