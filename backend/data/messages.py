"""Putting hostile values from the data into one-line messages."""

from collections.abc import Iterable


def shown_value(value: object, most: int = 60) -> str:
    """A value quoted, on one line, cut after ``most`` characters."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def listing(names: Iterable[str], most: int = 20) -> str:
    """Names quoted and separated by commas, cut after ``most`` names."""
    names = list(names)
    shown = ", ".join(shown_value(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def shown_name(name: str, most: int = 300) -> str:
    """A file name or class as the user wrote it; quoted where it would break the line, cut after ``most``."""
    text = name if name.isprintable() else repr(name)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def shown_label(label: str, most: int = 60) -> str:
    """A label within a sentence: on one line, cut after ``most`` characters."""
    plain = " ".join(label[: 10 * most].split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def shown_bytes(count: int) -> str:
    """Bytes for a person: 12 MB, 1.4 GB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:,.{0 if count >= 10 * scale else 1}f} {unit}"
    return f"{count:,} B"


def first_line(error: BaseException) -> str:
    """The first line of a library's error message, or the error's type if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
