"""The report of a trial as Markdown, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend.trials.answer_table import answer_table
from backend.trials.headline import figures_in, headline_in, in_a_sentence
from backend.trials.markdown_cells import cell

_MOST_COLUMNS = 20  # in one table


def markdown(content: dict[str, Any]) -> str:
    """The report for people: figures of every arm, changes with intervals, classes, groups, queries."""
    lines = [
        f"## {content['trial']}",
        "",
        f"{_seeds(content['seeds'])}, {content['eval_rows']:,} "
        f"eval rows. Change: against *{content['reference']}*, 95 % interval over rows and seeds; **bold** "
        f"where it excludes 0, in the tables of {_tables(content)} where one for the whole table does.",
        "",
        *_main_table(content),
        *_class_table(content),
        *_stratum_table(content),
        *_group_table(content),
        *_query_table(content),
        *answer_table(content),
        *_forecast_table(content),
    ]
    notes = [*content["notes"], *(content.get("forecast") or {}).get("notes", [])]
    lines += ["", *(f"- {cell(note)}" for note in dict.fromkeys(notes))] if notes else []
    return "\n".join(lines) + "\n"


def _edit(content: dict[str, Any]) -> str:
    return str(content.get("edit", "choose"))


def _tables(content: dict[str, Any]) -> str:
    words = {"choose many": "labels and groups", "number": "ranges and groups", "text": "groups"}
    return words.get(_edit(content), "classes and groups")


def _seeds(seeds: Sequence[int]) -> str:
    return f"{len(seeds)} seed{'s' * (len(seeds) > 1)} ({', '.join(map(str, seeds))})"


def _with_sd(mean: float | None, deviation: float | None, digits: int) -> str:
    if mean is None:
        return "-"
    return f"{mean:.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}")


def _main_table(content: dict[str, Any]) -> list[str]:
    shown = figures_in(content)
    turned = any(arm.get("rows") for arm in content["arms"])
    heads = ["arm"]
    for each in shown:
        good = ", low is good" if each["better"] == "low" and each["name"] != "loss" else ""
        heads.append(in_a_sentence(each["title"]) + good)
        heads += ["change"] if each["name"] != "loss" else []
    heads += ["fixed / broken rows", ""] if turned else [""]
    lines = [_row(heads), "|---" * len(heads) + "|"]
    for arm in content["arms"]:
        cells = [cell(arm["name"])]
        for each in shown:
            name = each["name"]
            figure = arm["figures"][name]
            cells.append(_with_sd(figure["mean"], figure["sd"], 4))
            cells += [_change(arm, name)] if name != "loss" else []
        if turned:
            cells.append(_flipped(arm["rows"]) if arm.get("rows") else "")
        lines.append(_row([*cells, cell(arm["description"])]))
    return lines


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _flipped(rows: dict[str, Any]) -> str:
    counts = f"{len(rows['fixed'])} / {len(rows['broken'])}"
    if rows["by_chance"] is None:
        return counts
    return f"{counts} ({rows['changed']:.0f} differ from run to run, {rows['by_chance']:.0f} by chance)"


def _change(arm: dict[str, Any], name: str) -> str:
    record = arm.get("change", {}).get(name)
    if record is None:
        return ""
    text = f"{record['mean']:+.4f} ({record['low']:+.4f} to {record['high']:+.4f})"
    return f"**{text}**" if record["beyond_noise"] else text


def _figures(content: dict[str, Any], prefix: str) -> list[str]:
    return [each for each in content["arms"][0]["figures"] if each.startswith(prefix)]


def _class_table(content: dict[str, Any]) -> list[str]:
    """All classes or labels, or of many those that change most in any arm."""
    one, many = ("label", "labels") if _edit(content) == "choose many" else ("class", "classes")
    names = _figures(content, "f1/")
    changes = [arm.get("change", {}) for arm in content["arms"]]
    moved = {
        name: max((abs(each[name]["mean"] or 0) for each in changes if name in each), default=0)
        for name in names
    }
    most = set(sorted(names, key=lambda name: -moved[name])[:_MOST_COLUMNS])
    lines = _detail_table(content, [name for name in names if name in most], f"F1 by {one}")
    if len(names) > len(most):
        lines += ["", f"{len(names) - len(most):,} {many} that change less are in report.json only."]
    return lines


def _stratum_table(content: dict[str, Any]) -> list[str]:
    """Fifths of the eval rows by their number."""
    return _detail_table(
        content, _figures(content, "mae/"), "mean absolute error by the number that is right"
    )


def _group_table(content: dict[str, Any]) -> list[str]:
    """The largest groups; hundreds of columns could not be read."""
    sizes = content["groups"]
    largest = sorted(sizes, key=lambda name: -sizes[name])[:_MOST_COLUMNS]
    title = f"{content.get('group_figure', 'accuracy')} by group"
    lines = _detail_table(content, [f"group/{name}" for name in sizes if name in largest], title)
    if len(sizes) > len(largest):
        left = sum(sizes.values()) - sum(sizes[name] for name in largest)
        lines += [
            "",
            f"{len(sizes) - len(largest):,} smaller groups ({left:,} rows) are in report.json only.",
        ]
    return lines


def _detail_table(content: dict[str, Any], names: list[str], title: str) -> list[str]:
    if not names:
        return []
    heads = [cell(each.partition("/")[2]) for each in names]
    lines = ["", f"| {title} | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for arm in content["arms"]:
        cells = []
        for name in names:
            mean = arm["figures"][name]["mean"]
            text = "-" if mean is None else f"{mean:.3f}"
            record = arm.get("change", {}).get(name)
            if record is not None:
                shift = f"{record['mean']:+.3f}"
                text += f" (**{shift}**)" if record["beyond_noise"] else f" ({shift})"
            cells.append(text)
        lines.append(f"| {cell(arm['name'])} | " + " | ".join(cells) + " |")
    return lines


def _query_table(content: dict[str, Any]) -> list[str]:
    if not content["queries"]:
        return []
    names = [arm["name"] for arm in content["arms"]]
    head = " | ".join(cell(each) for each in names)
    whats = {"number": "number said of", "text": "probability (loss in nats) of the words"}
    what = whats.get(_edit(content), "probability of")
    lines = ["", f"| {what} | {head} |", "|---" * (len(names) + 1) + "|"]
    for query in content["queries"]:
        said = query["value"] if "value" in query else query["probability"]
        found = [said[name] for name in names]
        values = [_with_sd(each["mean"], each["sd"], 3) for each in found]
        if "loss" in query:
            losses = (_with_sd(each["mean"], each["sd"], 3) for each in (query["loss"][n] for n in names))
            values = [f"{said} ({loss})" for said, loss in zip(values, losses, strict=True)]
        what = cell(f"{query['label'][:80]}: {query['text'][:80]}{' (in the guide)' * query['in_guide']}")
        lines.append(f"| {what} | " + " | ".join(values) + " |")
    return lines


def _forecast_table(content: dict[str, Any]) -> list[str]:
    """What was expected beside what came."""
    expected = content.get("forecast")
    if not expected:
        return []
    amounts = f"{expected['removed']:,} rows removed, {expected['relabelled']:,} relabelled"
    lines = [
        "",
        f"| forecast: {amounts} | change of loss, first order | change of loss, measured | before unlearning "
        f"| after {expected['steps']} steps | the same with random rows |",
        "|---|---|---|---|---|---|",
    ]
    figure = in_a_sentence(headline_in(expected)["title"])
    names = [f"eval rows, mean loss; {figure}"]
    said = "number" if _edit(content) == "number" else "probability"
    names += [f"{each['label']}: {each['text'][:80]}; {said}" for each in content["queries"]]
    for name, found in zip(names, [expected["eval"], *expected["queries"]], strict=True):
        checked = (f"{found['unlearning'][each]:.3f}" for each in ("before", "after", "random"))
        cells = [cell(name), f"{found['loss_change']:+.2g}", _measured(found["measured"]), *checked]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _measured(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    within = "" if found["low"] is None else f" ({found['low']:+.2g} to {found['high']:+.2g})"
    return f"{found['mean']:+.2g}{within}"
