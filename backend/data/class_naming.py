"""From the label in a cell to the class that it means: merged spellings, names for numbers; and back."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backend.data.label_variants import Variants, label_key, label_variants, merged_names, quoted
from backend.data.labels import LabelCodec
from backend.data.messages import shown_name
from backend.errors import InputError
from backend.files import existing
from backend.manifest import DataInfo

_WHOLE = re.compile(r"-?(0|[1-9]\d*)(\.0+)?")
_SHOWN = 20


@dataclass(frozen=True)
class Naming:
    """``merged``: spellings that mean another label; ``names``: what labels are called as classes.

    ``merges``: whether labels that come later and differ only in spelling are merged, too.
    """

    merged: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    merges: bool = False

    @classmethod
    def recorded(cls, info: DataInfo, merge: bool = False) -> Naming:
        """What a workspace recorded; ``merge``: labels that come now are merged in any case."""
        return cls(info.merged, info.names, info.merges or merge)

    def class_of(self, spelling: str) -> str:
        """The class that a label means."""
        label = self.merged.get(spelling, spelling)
        return self.names.get(label, label)

    def label_of(self, name: str) -> str:
        """The label that stands for a class in the data, the inverse of `class_of` for labels not merged."""
        return next((label for label, called in self.names.items() if called == name), name)

    def with_later(self, spellings: Collection[str], classes: Collection[str]) -> Naming:
        """This one, with ``spellings`` that are new and mean one of ``classes``."""
        known = {self.label_of(name) for name in classes}
        new = [each for each in spellings if self.class_of(each) not in classes]
        merged = (
            {**self.merged, **whole_numbers([*known, *new])} if self._holds_numbers(known) else self.merged
        )
        if self.merges:
            by_key = {label_key(each): each for each in known}
            merged = {**merged, **{each: by_key[key] for each in new if (key := label_key(each)) in by_key}}
        kept = {each: label for each, label in merged.items() if each in self.merged or label in known}
        return Naming(kept, self.names, self.merges)

    def _holds_numbers(self, labels: Collection[str]) -> bool:
        return all(_WHOLE.fullmatch(each) for each in labels)

    def classes(self, codec: LabelCodec, present: Collection[str]) -> tuple[str, ...]:
        """All classes in model order; ``present`` are those that occur in train."""
        labels = {self.label_of(name) for name in present}
        as_numbers = any(_WHOLE.fullmatch(each) for each in self.merged.values())
        if codec.kind == "name" and as_numbers and self._holds_numbers(labels):
            return tuple(self.class_of(each) for each in sorted(labels, key=int))
        ordered = codec.classes(labels)
        return tuple(dict.fromkeys(self.class_of(each) for each in ordered))


def naming_of(
    counts: Mapping[str, int],
    *,
    file: str,
    column: str,
    merge: bool = False,
    names: Mapping[str, str] | None = None,
    guessed: bool = False,
) -> tuple[Naming, list[Variants]]:
    """What the labels mean, and the groups of labels that differ only in spelling.

    ``counts``: rows per label as the cells have it. ``merge`` makes each group one class; ``names`` call
    labels as classes; ``guessed``: the format has no types, so that 0 and 0.0 are one number. `InputError`
    for names that do not fit the labels.
    """
    merged = whole_numbers(counts) if guessed else {}
    after: Counter[str] = Counter()
    for label, n in counts.items():
        after[merged.get(label, label)] += n
    groups = label_variants(after)
    if merge:
        chosen = merged_names(groups)
        merged = {**{each: chosen.get(label, label) for each, label in merged.items()}, **chosen}
    labels = {merged.get(each, each) for each in counts}
    if names:
        _check_names(names, labels, file, column)
    return Naming(merged, dict(names or {}), merge), groups


def whole_numbers(labels: Collection[str]) -> dict[str, str]:
    """In a column of whole numbers, those written as 0.0, and the number that they are; else nothing."""
    if not all(_WHOLE.fullmatch(each) for each in labels):
        return {}
    return {each: each.partition(".")[0].replace("-0", "0") for each in labels if "." in each}


def parse_names(text: str | None) -> dict[str, str]:
    """``0=hate,1=neither``, or a file that says so: a line each, or JSON (object or list). `InputError`."""
    if text is None or not text.strip():
        return {}
    path = existing(text)
    if "=" in text and (path is None or not path.is_file()):
        given: dict[str, str] | list[str] = text.split(",")
    elif path is not None:
        given = _of_file(path)
    else:
        raise InputError(f"--names {shown_name(text)}: no such file; write 0=NAME,1=NAME,... or name a file")
    if isinstance(given, dict):
        return {str(label): str(name) for label, name in given.items()}
    names: dict[str, str] = {}
    for part in given:
        label, sign, name = (each.strip() for each in part.partition("="))
        if not sign or not label or not name:
            raise InputError(
                f"--names: {quoted(part)} is no LABEL=NAME; write 0=NAME,1=NAME,... or name a file"
            )
        if label in names:
            raise InputError(f"--names: label {quoted(label)} is named twice")
        names[label] = name
    return names


def _of_file(path: Path) -> dict[str, str] | list[str]:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"--names {path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"--names {path}: not UTF-8; save the file as UTF-8") from error
    if content.lstrip()[:1] not in ("{", "["):
        return [line for line in content.splitlines() if line.strip()]
    try:
        value = json.loads(content)
    except ValueError as error:
        raise InputError(f"--names {path}: not valid JSON ({error})") from error
    if isinstance(value, dict) and isinstance(value.get("id2label"), dict):  # a model's config
        value = value["id2label"]
    return value if isinstance(value, dict) else {str(i): str(name) for i, name in enumerate(value)}


def _check_names(names: Mapping[str, str], labels: Collection[str], file: str, column: str) -> None:
    where = f"{file}, column {column!r}"
    unnamed = sorted(labels - names.keys() if isinstance(labels, set) else set(labels) - names.keys())
    if unnamed:
        raise InputError(f"--names: {where}: no name for {_listed(unnamed)}; name every class")
    unknown = [each for each in names if each not in labels]
    if unknown:
        raise InputError(
            f"--names: {where}: no row has label {_listed(unknown)}; there are {_listed(sorted(labels))}"
        )
    twice = [name for name, n in Counter(names.values()).items() if n > 1]
    if twice:
        raise InputError(
            f"--names: {_listed(twice)} names two classes; --merge-labels merges spellings, names must differ"
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(quoted(each) for each in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
