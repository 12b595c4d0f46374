"""Labels that are one label to a person and several to a program: case, blanks, Unicode form, quotes, ..."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

FASTTEXT_PREFIX = "__label__"
_TRUTH = {"true": "true", "false": "false", "1": "true", "0": "false"}
_CASINGS: tuple[Callable[[str], str], ...] = (str.lower, str.title, str.upper)
_FORMULA = re.compile(r'=\s*"(.*)"', re.DOTALL)  # how a spreadsheet is made to keep a cell as text
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_QUOTES = (('"', '"'), ("'", "'"), ("`", "`"), ("“", "”"), ("„", "“"), ("‘", "’"), ("«", "»"))


@dataclass(frozen=True)
class Variants:
    """Spellings of what is probably one label, with counts, most frequent first; ``differ`` says in what."""

    counts: tuple[tuple[str, int], ...]
    differ: tuple[str, ...]
    name: str | None = None

    @property
    def canonical(self) -> str:
        """What all are merged into: ``name``, else the most frequent spelling, of equals the plainest."""
        return self.counts[0][0] if self.name is None else self.name

    def __str__(self) -> str:
        return ", ".join(f"{quoted(name)} ({n:,})" for name, n in self.counts)


def label_variants(labels: Iterable[str] | Mapping[str, int]) -> list[Variants]:
    """Groups of at least two labels that differ only in spelling, largest group first.

    ``labels``: one per row, or their counts. Compared are case, blanks (of any kind, also of no width),
    Unicode form, quotes, ``="..."``, the prefix ``__label__``, ``0`` and ``0.0``; and true and 1, false
    and 0, where the labels are nothing else.
    """
    counts = Counter(labels)
    keys = {name: label_key(name) for name in counts}
    truth = _are_truth_values(set(keys.values()))
    if truth:
        keys = {name: _TRUTH[key] for name, key in keys.items()}
    groups: dict[str, list[str]] = defaultdict(list)
    for name, key in keys.items():
        groups[key].append(name)
    for names in groups.values():
        names.sort(key=lambda name: (-counts[name], name != _plain(name), len(name), name))
        names.sort(key=lambda name: truth and _reduced(name) in "01")  # one word, one digit won't do
    cased = _one_casing(groups, counts) if truth else None
    found = []
    for key, names in groups.items():
        if len(names) > 1:
            pairs = tuple((name, counts[name]) for name in names)
            found.append(Variants(pairs, _differences(names), cased(key) if cased else None))
    return sorted(found, key=lambda each: -sum(n for _, n in each.counts))


def label_key(label: str) -> str:
    """Equal for labels that differ only in spelling."""
    return _reduced(label)


def spelling_notes(one: Iterable[str], other: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of labels, one of each side, that are not equal but differ only in spelling."""
    known: dict[str, str] = {}
    for name in other:
        known.setdefault(label_key(name), name)
    pairs = ((name, known.get(label_key(name))) for name in one)
    return [(name, match) for name, match in pairs if match is not None and match != name]


def merged_names(groups: Iterable[Variants]) -> dict[str, str]:
    """Every spelling that gives way to another one, and that other one."""
    return {name: group.canonical for group in groups for name, _ in group.counts if name != group.canonical}


def quoted(label: str) -> str:
    """A label in quotes, all of it visible: odd blanks, format characters, decomposed letters as escapes."""
    decomposed = unicodedata.normalize("NFC", label) != label
    shown = "".join(_visible(each, decomposed) for each in label[:100])
    rest = len(label) - 100
    return f"'{shown}'" if rest <= 0 else f"'{shown}...' ({len(label):,} characters)"


def visible_label(label: str) -> str:
    """A label as it is, or `quoted` where something of it could not be seen."""
    plain = label.isprintable() and label == label.strip() and len(label) <= 100
    return label if plain and unicodedata.normalize("NFC", label) == label else quoted(label)


def _visible(each: str, decomposed: bool) -> str:
    kind = unicodedata.category(each)
    hidden = kind[0] in "CZ" and each != " "
    if hidden or (decomposed and kind[0] == "M") or each in "\\'":
        return each.encode("unicode_escape").decode() if each != "'" else "\\'"
    return each


def _plain(label: str) -> str:
    """The label without what a spelling adds; case is kept."""
    return _reduced(label, without="case")


def _reduced(label: str, without: str = "") -> str:
    """The label after every step but one."""
    for what, step in _STEPS.items():
        label = label if what == without else step(label)
    return label


def _unwrapped(text: str) -> str:
    """Without quotes, ``="..."``, a spreadsheet's mark of a text cell, and the prefix of fastText."""
    before = None
    while text != before:
        before = text
        if (formula := _FORMULA.fullmatch(text)) is not None and formula[1].strip():
            text = formula[1].strip()
        for begin, end in _QUOTES:
            if text.startswith(begin) and text.endswith(end) and text[1:-1].strip():
                text = text[1:-1].strip()
        if text.startswith("'") and text[1:].strip():
            text = text[1:].strip()
        if text.casefold().startswith(FASTTEXT_PREFIX) and text[len(FASTTEXT_PREFIX) :].strip():
            text = text[len(FASTTEXT_PREFIX) :].strip()
    return text


def _without_blanks(text: str) -> str:
    """Blanks of any kind become one space, none at the ends; what has no width goes."""
    return " ".join("".join(each for each in text if unicodedata.category(each) != "Cf").split())


def _number(text: str) -> str:
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


_STEPS: dict[str, Callable[[str], str]] = {
    "Unicode form": lambda text: unicodedata.normalize("NFKC", text),
    "blanks": _without_blanks,
    "quotes or prefix": _unwrapped,
    "form of a number": _number,
    "case": str.casefold,
}


def _are_truth_values(keys: set[str]) -> bool:
    return keys <= _TRUTH.keys() and bool(keys & {"true", "false"}) and bool(keys & {"0", "1"})


def _one_casing(
    groups: Mapping[str, Sequence[str]], counts: Mapping[str, int]
) -> Callable[[str], str] | None:
    """What writes both truth values alike, where the first spellings of the groups are True and false."""
    firsts = {shape for names in groups.values() if (shape := _casing(names[0])) is not None}
    if len(firsts) < 2:
        return None
    rows = Counter[Callable[[str], str]]()
    for names in groups.values():
        for name in names:
            if (shape := _casing(name)) is not None:
                rows[shape] += counts[name]
    # A spelling that stands alone is not merged, so the other value follows it.
    possible = [{_casing(name) for name in names} for names in groups.values()]
    fixed = [each for each, names in zip(possible, groups.values(), strict=True) if len(names) == 1]
    both = [shape for shape in _CASINGS if all(shape in each for each in (fixed or possible))]
    return max(both, key=lambda shape: rows[shape], default=str.lower)


def _casing(name: str) -> Callable[[str], str] | None:
    """How a word for a truth value is cased; None for other labels."""
    plain = _plain(name)
    if plain.casefold() not in ("true", "false"):
        return None
    return next((shape for shape in _CASINGS if shape(plain) == plain), None)


def _differences(names: list[str]) -> tuple[str, ...]:
    """Each step without which the spellings would not become one."""
    found = [what for what in _STEPS if len({_reduced(name, without=what) for name in names}) > 1]
    return tuple(found) if len({label_key(name) for name in names}) == 1 else ("form of a truth value",)
