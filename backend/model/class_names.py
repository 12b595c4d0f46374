"""Which name of a data set's class belongs to which output of a model."""

from collections.abc import Sequence

from backend.data.label_variants import label_key, label_variants, visible_label
from backend.errors import InputError


def match_names(
    model_names: Sequence[str] | None,
    num_labels: int,
    data_classes: Sequence[str],
    given: Sequence[str] | None = None,
) -> tuple[list[str], list[str]]:
    """Class names in model order, spelled as in the data, and notes on what was assumed.

    In this order: ``given`` (what the user says); the model's own names (LABEL_0, LABEL_1, ... where it
    has none), differences of spelling aside (see `label_key`), if they cover the data's; integer labels 0 to
    k-1 are indices; for a model without names the data's order. Raises `InputError` where the number of
    classes or the names do not fit.
    """
    if given is not None:
        return _given(model_names, num_labels, data_classes, given)
    own = model_names or [f"LABEL_{index}" for index in range(num_labels)]
    matched = _cover(own, data_classes)
    if matched is not None:
        return matched, []
    indices = [str(index) for index in range(num_labels)]
    if set(data_classes) <= set(indices):
        meant = (
            ", ".join(f"{i} = {name}" for i, name in enumerate(model_names or ())) or "in the model's order"
        )
        return indices, [f"The data's integer labels are taken as the model's class numbers ({meant})."]
    _refuse_variants(num_labels, data_classes)
    if model_names:
        raise InputError(
            f"the model's classes are {_listed(model_names)}, the data's {_listed(data_classes)}; "
            "name the data's in the model's order (--classes A,B,...)"
        )
    if len(data_classes) != num_labels:
        raise InputError(
            f"the model has {num_labels} classes without names, the data has {_listed(data_classes)}; "
            "name all in the model's order (--classes A,B,...)"
        )
    order = ", ".join(f"{i} = {name}" for i, name in enumerate(data_classes))
    return list(data_classes), [f"The model does not name its classes; the data's order is assumed: {order}."]


def _given(
    model_names: Sequence[str] | None, num_labels: int, data_classes: Sequence[str], given: Sequence[str]
) -> tuple[list[str], list[str]]:
    if len(given) != num_labels or len(set(given)) != len(given):
        raise InputError(
            f"--classes: the model has {num_labels} classes; name each once, not {_listed(given)}"
        )
    matched = _cover(given, data_classes)
    if matched is None:
        unknown = [name for name in data_classes if _cover(given, [name]) is None]
        raise InputError(f"--classes: the data also has {_listed(unknown)}; name all in the model's order")
    if model_names and [label_key(name) for name in model_names] != [label_key(name) for name in given]:
        return matched, [
            f"The model calls its classes {_listed(model_names)}; the given {_listed(given)} are used."
        ]
    return matched, []


def _refuse_variants(num_labels: int, data_classes: Sequence[str]) -> None:
    """Several spellings of one class can't be named in the order of a model that knows it once."""
    variants = label_variants(data_classes)
    if not variants:
        return
    groups = "; ".join(" and ".join(map(visible_label, _names(each.counts))) for each in variants[:3])
    differ = " or ".join(sorted({what for each in variants for what in each.differ}))
    raise InputError(
        f"the data's labels {groups} differ only in {differ}, so {len(data_classes)} labels stand against "
        f"the model's {num_labels} classes; create the workspace with --merge-labels"
    )


def _names(counts: Sequence[tuple[str, int]]) -> list[str]:
    return [name for name, _ in counts]


def _cover(names: Sequence[str], data_classes: Sequence[str]) -> list[str] | None:
    """``names`` in the data's spelling, or None unless each class of the data is one of them."""
    if set(data_classes) <= set(names):
        return list(names)
    spelled = {label_key(name): name for name in data_classes}
    keys = [label_key(name) for name in names]
    if len(spelled) < len(data_classes) or len(set(keys)) < len(keys) or not set(spelled) <= set(keys):
        return None
    return [spelled.get(key, name) for key, name in zip(keys, names, strict=True)]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(visible_label, names[:8]))
    return shown if len(names) <= 8 else f"{shown}, ... ({len(names)} in all)"
