"""Putting hostile values from the data into one-line messages."""

from collections.abc import Iterable

import pyarrow as pa


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


def shown_type(kind: pa.DataType) -> str:
    """What a column holds, in words that need no knowledge of Arrow."""
    if pa.types.is_dictionary(kind):
        return shown_type(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return f"lists of {shown_type(kind.value_type)}"
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        return f"objects ({listing((kind.field(i).name for i in range(kind.num_fields)), 5)})"
    tests = (
        ("nothing", pa.types.is_null),
        ("true and false", pa.types.is_boolean),
        ("whole numbers", pa.types.is_integer),
        ("numbers", pa.types.is_floating),
        ("decimal numbers", pa.types.is_decimal),
        ("dates or times", pa.types.is_temporal),
        ("bytes", lambda each: pa.types.is_binary(each) or pa.types.is_large_binary(each)),
        ("text", lambda each: pa.types.is_string(each) or pa.types.is_large_string(each)),
    )
    return next((name for name, test in tests if test(kind)), str(kind))
