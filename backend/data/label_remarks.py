"""What can be noticed in labels: spellings, several choices, placeholders, classes of few rows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from backend.data.label_variants import Variants, label_key, quoted
from backend.data.remark import Place, Remark, count_of, of_rows
from backend.data.targets.label_sets import SEPARATOR

HANDFUL = 5  # rows below which a class can hardly be learnt, or spoken of
SHOWN = 8
_SEPARATORS = re.compile(r"[#;|,/&+\n]")
_PLACEHOLDERS = frozenset(
    (
        *(
            "none",
            "null",
            "nan",
            "nil",
            "n/a",
            "na",
            "n.a.",
            "#n/a",
            "unknown",
            "undefined",
            "missing",
            "empty",
        ),
        *("-", "--", "---", "—", "–", ".", "?", "??", "???", "todo", "tbd", "tba", "fixme", "xxx", "blank"),
        *("unlabeled", "unlabelled", "unannotated", "not labeled", "not labelled", "no label", "no_label"),
        *("skip", "skipped", "pending", "unsure", "to do", "n.n.", "<na>", "<unk>", "-1"),
    )
)
_ERRORS = re.compile(r"#(N/A|NAME\?|REF!|VALUE!|DIV/0!|NUM!|NULL!|SPILL!|CALC!|ERROR!)", re.IGNORECASE)


def joined_choices(labels: Iterable[str]) -> dict[str, list[str]]:
    """Labels that look like several choices, and which: ``a#b`` where ``a`` and ``b`` occur alone.

    Only where all parts do: ``food|organic`` beside ``food`` is a class of its own.
    """
    names = set(labels)
    known = {label_key(name) for name in names if not _SEPARATORS.search(name)}
    found = {}
    for name in names:
        for separator in dict.fromkeys(_SEPARATORS.findall(name)):
            parts = [part.strip() for part in name.split(separator)]
            keys = {label_key(part) for part in parts}
            if all(parts) and len(keys) > 1 and keys <= known:
                found[name] = parts
    return found


def looks_like_sets(labels: Iterable[str]) -> set[str]:
    """Labels with `SEPARATOR` of which a part stands in another label, too: ``a; b`` beside ``b; c``."""
    parts = {
        name: {label_key(part) for part in name.split(SEPARATOR) if part.strip()} for name in set(labels)
    }
    counts = Counter(part for own in parts.values() for part in own)
    return {name for name, own in parts.items() if len(own) > 1 and any(counts[each] > 1 for each in own)}


def spreadsheet_errors(cells: Sequence[str]) -> list[int]:
    """Places of the cells that hold what a spreadsheet shows in place of a value."""
    return [
        i for i, cell in enumerate(cells) if cell.lstrip().startswith("#") and _ERRORS.fullmatch(cell.strip())
    ]


def variant_remarks(groups: Sequence[Variants], merged: bool) -> list[Remark]:
    """One remark a group of labels that differ only in spelling."""
    if not groups:
        return []
    spellings = sum(len(each.counts) for each in groups)
    if merged:
        head = f"merged: {spellings:,} spellings are {count_of(len(groups), 'class', 'classes')} now"
    else:
        head = (
            f"{spellings:,} labels are {count_of(len(groups), 'label')} spelled differently; "
            "--merge-labels makes each group one class"
        )
    lines = [Remark("spellings", head, spellings)]
    for group in groups[:SHOWN]:
        sign = f" -> {quoted(group.canonical)}" if merged else ""
        text = f"  differ only in {', '.join(group.differ)}: {group}{sign}"
        lines.append(Remark("spelling group", text, sum(n for _, n in group.counts)))
    if len(groups) > SHOWN:
        lines.append(Remark("spelling group", f"  and {len(groups) - SHOWN:,} more groups"))
    return lines


def cell_remarks(labels: Sequence[str], place: Place, *, left_out: bool = False) -> list[Remark]:
    """Several choices, placeholders and spreadsheet errors, each with count and first row."""
    rows: dict[str, list[int]] = defaultdict(list)
    for i, label in enumerate(labels):
        rows[label].append(i)
    joined = joined_choices(rows)
    holders = [each for each in rows if _is_placeholder(each, rows) and each not in joined]
    errors = set(spreadsheet_errors(list(rows)))
    broken = [each for i, each in enumerate(rows) if i in errors]
    holders = [each for each in holders if each not in broken]
    advice = "" if left_out else "; --skip-joined-labels leaves such rows out"
    sets = set() if left_out else looks_like_sets(rows)
    sets = set() if sets <= joined.keys() else sets  # where all names also stand alone, slips are likelier
    if not left_out and any(SEPARATOR in name for name in joined):
        advice += ", --task multilabel reads them as sets of labels"
    return [
        *_of_labels(
            "label sets",
            "looks like",
            "look like",
            f"several labels of one row, joined by {SEPARATOR!r}; --task multilabel reads them as such",
            sets,
            rows,
            place,
        ),
        *_of_labels(
            "several choices",
            "looks like",
            "look like",
            f"several choices in one cell{advice}",
            joined.keys() - sets,
            rows,
            place,
        ),
        *_of_labels(
            "placeholder", "looks like", "look like", "a placeholder for “not labelled”", holders, rows, place
        ),
        *_of_labels(
            "spreadsheet error", "is", "are", "what a spreadsheet shows for an error", broken, rows, place
        ),
    ]


def _of_labels(
    kind: str,
    one: str,
    many: str,
    what: str,
    names: Iterable[str],
    rows: Mapping[str, list[int]],
    place: Place,
) -> list[Remark]:
    """A remark about the rows that have one of these labels."""
    names = sorted(names, key=lambda name: -len(rows[name]))
    meant = sorted(i for name in names for i in rows[name])
    listed = ", ".join(f"{quoted(name)} ({len(rows[name]):,})" for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    verb = one if len(names) == 1 else many
    head = f"{count_of(len(meant), 'row')}: {count_of(len(names), 'label')} {verb} {what}: {listed}{more}"
    return of_rows(kind, head, meant, place)


def _is_placeholder(label: str, rows: Mapping[str, list[int]]) -> bool:
    """``-1`` is one only where the other labels are numbers from 0 on."""
    plain = label.strip().casefold()
    if plain == "-1":
        others = [each for each in rows if each != label]
        return bool(others) and all(each.strip().isdecimal() for each in others)
    return plain in _PLACEHOLDERS or plain.strip("[]()<>{}\"'") in _PLACEHOLDERS


def class_remarks(train: Mapping[str, int], evaluated: Mapping[str, int] | None) -> list[Remark]:
    """Share of the largest class, classes of a handful of rows, classes that no eval row has.

    ``train``, ``evaluated``: rows per class; None where nothing is held out yet.
    """
    total = sum(train.values())
    if not total:
        return []
    largest, most = max(train.items(), key=lambda item: item[1])
    text = f"largest class: {quoted(largest)}, {most / total:.1%} of {count_of(total, 'row')}"
    found = [Remark("majority", text, most)]
    few = sorted((n, name) for name, n in train.items() if 0 < n < HANDFUL)
    if few:
        shown = ", ".join(f"{quoted(name)} ({n})" for n, name in few[:SHOWN])
        more = f" and {len(few) - SHOWN:,} more" if len(few) > SHOWN else ""
        verb = "has" if len(few) == 1 else "have"
        head = f"{count_of(len(few), 'class', 'classes')} {verb} fewer than {HANDFUL} training rows"
        text = f"{head}: {shown}{more}"
        found.append(Remark("small classes", text, len(few)))
    untested = [name for name, n in train.items() if n and evaluated is not None and not evaluated.get(name)]
    if untested:
        shown = ", ".join(quoted(name) for name in untested[:SHOWN])
        more = f" and {len(untested) - SHOWN:,} more" if len(untested) > SHOWN else ""
        verb = "has" if len(untested) == 1 else "have"
        text = f"{count_of(len(untested), 'class', 'classes')} {verb} no eval row: {shown}{more}"
        found.append(Remark("untested classes", text, len(untested)))
    return found


def counted(labels: Iterable[str]) -> dict[str, int]:
    """Rows per label, most first."""
    return dict(Counter(labels).most_common())
