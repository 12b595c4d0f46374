"""Closing the loop: forecast what decisions will do, retrain, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend import console
from backend.commands.options import Device, Json, Threads, WorkspacePath, idle
from backend.errors import InputError
from backend.folder import Folder
from backend.trials.lock import require_no_trial
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.influence.answers.about_answer import AboutAnswer
    from backend.trials.cost import TrialCost

Rows = Annotated[
    list[str] | None,
    typer.Option("--row", help="An eval row whose probability (or number) is followed; repeatable."),
]
Text = Annotated[str | None, typer.Option(help="A sentence whose probability (or number) is followed.")]
TextB = Annotated[str | None, typer.Option(help="Its second text, for pairs.")]
Label = Annotated[
    str | None,
    typer.Option(
        help="The class or label to follow ('not NAME': its absence), or high, low or a number; default of a "
        "row: its own."
    ),
]
Prompts = Annotated[
    list[str] | None,
    typer.Option(
        "--prompt",
        help="Of a language model: what it is asked; what it answers is shown. Repeatable: --answer, --mark "
        "and --instead belong to --row, else to the first.",
    ),
]
Messages = Annotated[Path | None, typer.Option(help="The same as a JSON list of messages.")]
Answer = Annotated[
    str | None, typer.Option(help="Of a language model: the answer whose probability is followed.")
]
Turn = Annotated[int | None, typer.Option(help="Which turn of the row is the answer, from 0.")]
Mark = Annotated[
    list[str] | None,
    typer.Option(help="Follow these characters of the answer only, START:END; repeatable."),
]
Instead = Annotated[
    str | None, typer.Option(help="Follow, beside these words, others in the place of the mark.")
]


def retrain(
    ws: WorkspacePath,
    seeds: Annotated[int, typer.Option(help="How many trainings of every arm, each with its own seed.")] = 3,
    strategy: Annotated[
        str,
        typer.Option(
            help="decisions, or mask, dga, select, prune, reweight; `--strategy list` says more, and for "
            "which tasks."
        ),
    ] = "decisions",
    set: Annotated[
        list[str] | None, typer.Option("--set", help="An option of the strategy, NAME=VALUE; repeatable.")
    ] = None,
    guide: Annotated[
        float, typer.Option(help="Share of the eval rows that a strategy may follow; the others measure.")
    ] = 0.3,
    row: Rows = None,
    text: Text = None,
    text_b: TextB = None,
    label: Label = None,
    prompt: Prompts = None,
    messages: Messages = None,
    answer: Answer = None,
    turn: Turn = None,
    mark: Mark = None,
    instead: Instead = None,
    answers: Annotated[
        int | None,
        typer.Option(help="Of a language model: how many eval rows every model answers; default 20."),
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Of every training; default: as the original.")] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this arm beside the first; repeatable. Of decisions: untouched, cleaned, 'random "
            "decisions', 'removal by loss'; `--strategy list` names those of the others."
        ),
    ] = None,
    start_model: Annotated[
        str | None, typer.Option(help="The model before training, where the run was attached.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what would be trained and how long it takes.")
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Train on the decisions (or by a strategy) beside controls, several seeds, and say what changed.

    The original run stays as it is. A stopped call goes on where it was. Report: retrains/NAME/report.md.
    """
    if strategy != "list":
        require_no_trial(Folder.open(ws))
    if strategy not in ("list", "decisions"):  # a strategy may compute what it needs
        idle(ws)
    from backend.commands.about_answer import about_answer
    from backend.influence.answers.about_answer import DEFAULT_SIDE
    from backend.trials.markdown import markdown
    from backend.trials.run import RetrainSettings

    if strategy == "list":
        _list_strategies(json)
        return
    first, *further = [None, *(prompt or ())] if row or not prompt else prompt
    about = about_answer(first, messages, answer, turn, mark or (), instead, DEFAULT_SIDE, False)
    settings = RetrainSettings(
        seeds=seeds,
        strategy=strategy,
        options=_options(set or ()),
        guide=guide,
        asked=_asked(row or (), text, text_b, label, about, further),
        answers=answers,
        epochs=epochs,
        device=device,
        start_model=start_model,
        arms=tuple(arm or ()),
    )
    workspace = Workspace.open(ws)
    cost = workspace.trials.plan(settings)
    if plan:
        _print_plan(cost, json)
        return
    console.note(cost.words())
    with console.progress_bar() as progress:
        content = workspace.trials.run(settings, progress)
    if json:
        console.print_json(content)
        return
    print(console.plain_lines(markdown(content)))
    for found in content["arms"]:
        if "verdict" in found:
            print(console.plain(f"{found['name']}: {found['verdict']}"))
    for name, path in content["models"].items():
        console.note(f"model of {name}: {path}")
    console.note(f"report: {content['folder']}")


def forecast(
    ws: WorkspacePath,
    row: Rows = None,
    text: Text = None,
    text_b: TextB = None,
    label: Label = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """What the decisions should do to eval and to queries, before anything is retrained."""
    workspace = Workspace.open(ws)
    with console.progress_bar() as progress:
        content = workspace.trials.forecast(_asked(row or (), text, text_b, label), device, progress)
    if json:
        console.print_json(content)
        return
    _print_forecast(content["forecast"], content["queries"])


def _print_plan(cost: TrialCost, json: bool) -> None:
    if json:
        console.print_json(cost.to_json())
        return
    rows = [(name, f"{100 * share:.0f} %", f"{cost.seeds:,}") for name, share in cost.arms.items()]
    console.print_table(("arm", "rows", "trainings"), rows, title=cost.words())
    console.note("what was trained before with the same rows, settings and seed is read, not trained again")


def _asked(
    rows: Any,
    text: str | None,
    text_b: str | None,
    label: str | None,
    about: AboutAnswer | None = None,
    prompts: Any = (),
) -> tuple[Any, ...]:
    """``about`` is of the rows, or where there is none of what is typed there; ``prompts``: only answered."""
    from backend.influence.answers.about_answer import AboutAnswer
    from backend.trials.question import Asked

    found = [Asked(row=each, label=label, about=about) for each in rows]
    if about is not None and not rows:
        found.append(Asked(about=about))
    found += [Asked(about=AboutAnswer(prompt=each)) for each in prompts]
    if text is not None:
        found.append(Asked(text=text, text_b=text_b, label=label))
    elif text_b is not None:
        raise InputError("--text-b: belongs to --text")
    return tuple(found)


def _options(given: Any) -> dict[str, str]:
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise InputError(f"--set {each}: must be NAME=VALUE")
        found[name.replace("-", "_")] = value
    return found


def _list_strategies(json: bool) -> None:
    from backend.trials.strategies.registry import all_strategies, checked_options

    rows: list[dict[str, Any]] = [
        {
            "strategy": each.name,
            "does": each.summary,
            "source": each.source,
            "tasks": None if each.tasks is None else list(each.tasks),
            "not_for": list(each.not_for),
            "serves": each.served(),
            "arms": list(each.arms(checked_options(each, {}), 0.0)),
            "options": {name: {"default": d, "means": m} for name, (d, m) in each.options.items()},
        }
        for each in all_strategies().values()
    ]
    if json:
        console.print_json(rows)
        return
    for row in rows:
        print(f"{row['strategy']}: {row['does']} ({row['source']})")
        print(f"    tasks: {row['serves']}")
        print(f"    arms: {', '.join(row['arms'])}")
        for name, each in row["options"].items():
            print(f"    --set {name}={each['default']}: {each['means']}")


def _print_forecast(content: dict[str, Any], queries: list[dict[str, Any]]) -> None:
    from backend.trials.headline import headline_in, in_a_sentence
    from backend.trials.kept import is_blunt

    figure, every = headline_in(content), [content["eval"], *content["queries"]]
    numeric = content.get("edit") == "number"
    said = "number ({})" if numeric else "p({})"
    labels = ["", *(q["label"] for q in queries)]
    names = [f"{said.format(console.shown(q['label']))} of: {console.shown(q['text'])}" for q in queries]
    title = f"forecast: {content['removed']:,} rows removed, {content['relabelled']:,} relabelled"
    expected = [
        (name, f"{each['loss_change']:+.2g}", _direction(each["loss_change"], label if numeric else ""))
        for name, each, label in zip(["eval rows, mean", *names], every, labels, strict=True)
    ]
    headers = ("what", "first order: change of loss", "so it should get")
    console.print_table(headers, expected, title)
    steps = f"after {content['steps']} steps of unlearning"
    checked = [
        (name, *(f"{each['unlearning'][key]:.3f}" for key in ("before", "after", "random")))
        for name, each in zip([f"{in_a_sentence(figure['title'])} on eval", *names], every, strict=True)
    ]
    console.print_table(("what", "now, the last checkpoint", steps, "the same with random rows"), checked)
    if is_blunt(content["eval"], figure):
        console.note("unlearning random rows harms as much: this check says nothing here")
    for note in content["notes"]:
        console.note(note)


def _direction(change: float, followed: str) -> str:
    """Where a change of the loss leads: of a number that is followed up or down, to where."""
    words = {"high": ("lower", "higher"), "low": ("higher", "lower")}.get(followed, ("worse", "better"))
    return words[0] if change > 0 else words[1]
