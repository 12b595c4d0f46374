"""Benchmarks on the workspace's own data."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend import console
from backend.commands.options import Json, WorkspacePath
from backend.errors import InputError
from backend.evaluation.classes import require_classes
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.evaluation.deletion import Curve, DeletionSettings

PROTOCOLS = (
    "index",
    "compare",
    "mislabel",
    "lds",
    "deletion",
    "brittleness",
    "identical-class",
    "randomisation",
)


def evaluate(
    ws: WorkspacePath,
    protocol: Annotated[
        str,
        typer.Option(
            help="index: recall of the default path against --exact; compare: all methods and scores against "
            "we; mislabel: wrong labels planted in a copy, which is trained and scored; lds: does summed "
            "influence predict trainings on random halves; deletion, brittleness: what training without the "
            "strongest examples changes; identical-class: is the strongest example of the query's class; "
            "randomisation: does an untrained model rank differently."
        ),
    ] = "index",
    queries: Annotated[int, typer.Option(min=1, help="How many eval rows (all but mislabel).")] = 20,
    k: Annotated[
        str,
        typer.Option(
            "-k", help="Length of the lists compared (index), or how many rows to delete, such as 10,30,100."
        ),
    ] = "",
    score: Annotated[str, typer.Option(help="Score mode, as in explain (index).")] = DEFAULT_SCORE,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Only these, as METHOD, METHOD:SCORE or METHOD:SCORE:DAMPING; may be repeated."),
    ] = None,
    subsets: Annotated[int, typer.Option(help="Random halves to train on (lds).")] = 100,
    seeds: Annotated[
        int | None,
        typer.Option(help="Trainings of each half (lds; default 1) or deletion (deletion; default 3)."),
    ] = None,
    wrong: Annotated[bool, typer.Option("--wrong", help="Misclassified eval rows (deletion).")] = False,
    workers: Annotated[
        int | None, typer.Option(help="Trainings at a time (lds, deletion); default: one a processor.")
    ] = None,
    share: Annotated[float, typer.Option(help="Share of labels to make wrong (mislabel).")] = 0.2,
    seed: Annotated[int, typer.Option(help="Of what is drawn or planted.")] = 0,
    epochs: Annotated[
        float | None, typer.Option(help="Of the copy's training (mislabel); default: as the workspace's.")
    ] = None,
    answers: Annotated[
        str | None,
        typer.Option(
            help="Another tool's answers, JSON Lines of the pretraining-tda viewer: how many of their "
            "first k are in ours (compare)."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Benchmarks on the workspace's own data. Trainings are kept: a stopped call goes on where it was."""
    if protocol not in PROTOCOLS:
        raise InputError(f"--protocol {protocol}: must be one of {', '.join(PROTOCOLS)}")
    if answers is not None and protocol != "compare":
        raise InputError("--answers: is for --protocol compare")
    workspace = Workspace.open(ws)
    if answers is not None:
        _answers(workspace, answers, _numbers(k or "10")[0], score, json)
    elif protocol == "index":
        _index(workspace, queries, _numbers(k or "10")[0], score, json)
    elif protocol == "compare":
        _compare(workspace, queries, method or (), seed, json)
    elif protocol == "mislabel":
        _mislabel(workspace, share, seed, epochs, json)
    elif protocol == "lds":
        _lds(workspace, method or (), (subsets, 1 if seeds is None else seeds, queries, seed), workers, json)
    elif protocol in ("deletion", "brittleness"):
        ks = tuple(_numbers(k or "10,30,100"))
        numbers = (queries, 3 if seeds is None else seeds, wrong, seed)
        _deletion(workspace, protocol, method or (), ks, numbers, workers, json)
    else:
        _checks(workspace, protocol, method or (), queries, seed, json)


def _numbers(text: str) -> list[int]:
    try:
        found = [int(each) for each in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise InputError(f"-k {text}: must be whole numbers of at least 1, such as 10 or 10,30,100")
    return found


def _index(workspace: Workspace, queries: int, k: int, score: str, json: bool) -> None:
    with console.progress_bar() as progress:
        recall = workspace.measure_index(queries, k, score, progress)
    if json:
        console.print_json(recall)
    else:
        rows = [(end, f"{recall[end]:.4f}") for end in ("proponents", "opponents")]
        console.print_table(("list", f"recall@{k} over {recall['queries']} eval rows"), rows)


def _compare(workspace: Workspace, queries: int, methods: Sequence[str], seed: int, json: bool) -> None:
    with console.progress_bar() as progress:
        found, left_out = workspace.compare_methods(queries, methods, seed, progress)
    if json:
        console.print_json({"methods": [asdict(each) for each in found], "left_out": left_out})
        return
    headers = (
        *("method", "score", "of the top 10 of we dot: helpful", "harmful", "rank correlation"),
        *("helpful ones of the explained class", "distinct helpful ones"),
        "ms, without the query's word-embedding gradient",
    )
    console.print_table(headers, [[*_cells(each)[:-1], f"{each.milliseconds:.0f}"] for each in found])
    _note_left_out(left_out)


def _answers(workspace: Workspace, source: str, k: int, score: str, json: bool) -> None:
    with console.progress_bar() as progress:
        found = workspace.compare_answers(source, score=score, k=k, progress=progress)
    if json:
        console.print_json(asdict(found))
        return
    for line in found.lines():
        print(console.plain(line))


def _mislabel(workspace: Workspace, share: float, seed: int, epochs: float | None, json: bool) -> None:
    require_classes(workspace.manifest.task.name, "mislabel")  # before anything is loaded
    from backend.evaluation.noise_test import write_noise_test
    from backend.experiments.mislabel import MislabelSettings, evaluate_mislabel
    from backend.model.runs import recorded_settings
    from backend.model.training_settings import TrainingSettings

    settings = MislabelSettings(share, seed)
    recorded = recorded_settings(workspace.folder) or TrainingSettings(
        max_length=workspace.manifest.max_length
    )
    training = replace(recorded, seed=seed, epochs=recorded.epochs if epochs is None else epochs)
    with console.progress_bar() as progress:
        found, left_out = evaluate_mislabel(workspace, training, settings, progress)
    write_noise_test(workspace.folder, share, seed, found, left_out)
    _note_left_out(left_out)
    if json:
        console.print_json([asdict(each) for each in found])
    else:
        headers = ("score", "AUROC", "average precision", "recall in the first 10 %")
        title = f"finding {share:.0%} of wrong labels that were planted in a copy"
        console.print_table(headers, [_cells(each) for each in found], title)


def _lds(
    workspace: Workspace,
    methods: Sequence[str],
    numbers: tuple[int, int, int, int],
    workers: int | None,
    json: bool,
) -> None:
    from backend.evaluation.lds import LdsSettings
    from backend.evaluation.variants import all_variants, parsed

    settings = LdsSettings(*numbers, workers=_at_a_time(workers))
    with console.progress_bar() as progress:
        found, left_out = workspace.measure_lds(
            parsed(methods) or all_variants(workspace.manifest.task.name), settings, progress
        )
    if json:
        rows = [{name: each for name, each in asdict(one).items() if name != "drawn"} for one in found]
        console.print_json({"lds": rows, "left_out": left_out})
        return
    cells = [(each.variant, f"{each.mean:.3f}", f"{each.low:.3f} to {each.high:.3f}") for each in found]
    title = f"{settings.subsets} random halves, {settings.queries} eval rows"
    console.print_table(("method and score", "LDS", "95 % interval over halves and queries"), cells, title)
    _note_left_out(left_out)


def _deletion(
    workspace: Workspace,
    protocol: str,
    methods: Sequence[str],
    ks: tuple[int, ...],
    numbers: tuple[int, int, bool, int],
    workers: int | None,
    json: bool,
) -> None:
    from backend.evaluation.deletion import ENDS, DeletionSettings
    from backend.evaluation.variants import parsed
    from backend.tasks.registry import task_named

    queries, seeds, wrong, seed = numbers
    task = workspace.manifest.task.name
    if protocol == "brittleness" and not task_named(task).knows_right:
        raise InputError(f"--protocol brittleness: no prediction of {task} is right or wrong; use deletion")
    settings = DeletionSettings(ks, queries, seeds, wrong, seed, _at_a_time(workers))
    variants = parsed(methods or ("we:dot", "we:fisher", "we:ekfac", "last-layer:dot", "tfidf:residual"))
    with console.progress_bar() as progress:
        found, left_out = workspace.measure_deletion(variants, settings, progress)
    if json:
        console.print_json({"curves": [asdict(each) for each in found], "left_out": left_out})
        return
    for end in ENDS:
        own = [each for each in found if each.end == end]
        if protocol == "brittleness":
            _print_turned(own, settings)
        else:
            _print_areas(own, settings, workspace.space.edit)
    _note_left_out(left_out)


def _print_turned(curves: Sequence[Curve], settings: DeletionSettings) -> None:
    first = curves[0]
    were = "right" if first.end == "proponents" else "wrong"
    title = (
        f"share of the {first.could} of {first.queries} predictions that were {were} which turns when the k "
        f"strongest {first.end} are deleted"
    )
    cells = [[each.variant, *("-" if f is None else f"{f:.0%}" for f in each.flipped)] for each in curves]
    console.print_table(("method and score", *(f"k = {k}" for k in settings.ks)), cells, title)


def _print_areas(curves: Sequence[Curve], settings: DeletionSettings, edit: str) -> None:
    from backend.evaluation.deletion import CHANGE_OF, SAME_CLASS
    from backend.evaluation.intervals import with_interval

    title = (
        f"change of {CHANGE_OF[edit]} when the k strongest {curves[0].end} are deleted, "
        f"{curves[0].queries} eval rows, {settings.seeds} trainings each"
    )
    cells = [
        [
            each.variant,
            *(f"{c:+.3f}" for c in each.change),
            with_interval(each.area, each.area_interval),
            "" if each.variant == SAME_CLASS else with_interval(each.beyond, each.beyond_interval),
        ]
        for each in curves
    ]
    ks = [f"k = {k}" for k in settings.ks]
    console.print_table(
        ("method and score", *ks, "AUC-DEL, 95 % interval", "beyond random rows"), cells, title
    )


def _at_a_time(workers: int | None) -> int:
    from backend.evaluation.retrainer import default_workers

    return default_workers() if workers is None else workers


def _checks(
    workspace: Workspace, protocol: str, methods: Sequence[str], queries: int, seed: int, json: bool
) -> None:
    from backend.evaluation.checks import measure_checks
    from backend.evaluation.variants import all_variants, parsed
    from backend.experiments.untrained import untrained_workspace

    if protocol == "identical-class":
        require_classes(workspace.manifest.task.name, protocol)
    variants = parsed(methods) or all_variants(workspace.manifest.task.name)
    with console.progress_bar() as progress, tempfile.TemporaryDirectory() as scratch:
        other = None
        if protocol == "randomisation":
            other = untrained_workspace(workspace, Path(scratch) / "ws", progress).explainer()
        found, left_out = measure_checks(workspace.explainer(), variants, queries, seed, other, progress)
    if json:
        console.print_json({"checks": [asdict(each) for each in found], "left_out": left_out})
        return
    headers = ["method and score", "strongest is of the class", "of the first ten"]
    rows = [[each.variant, _share(each.first), _share(each.top)] for each in found]
    if other is not None:
        headers.append("rank correlation with an untrained model")
        rows = [
            [*row, "-" if each.untrained is None else f"{each.untrained:+.3f}"]
            for row, each in zip(rows, found, strict=True)
        ]
    console.print_table(headers, rows)
    _note_left_out(left_out)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _note_left_out(lines: Sequence[str]) -> None:
    for line in lines:
        console.note(f"left out: {line}")


def _cells(record: Any) -> list[str]:
    values = asdict(record).values()
    return [
        "-" if each is None else f"{each:.3g}" if isinstance(each, float) else str(each) for each in values
    ]
