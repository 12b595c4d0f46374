"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backend.folder import Folder
from backend.threads import limit_threads

WorkspacePath = Annotated[Path, typer.Argument(metavar="WS", help="The workspace's folder.")]


def idle(path: Path) -> Path:
    """The path, if no other process works on the workspace; `InputError` before anything slow is loaded."""
    Folder.open(path).require_idle()
    return path


# Of commands that hold the workspace's lock.
IdleWorkspace = Annotated[Path, typer.Argument(metavar="WS", help="The workspace's folder.", callback=idle)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the log.")]
Author = Annotated[str | None, typer.Option(help="Who decides; default: the system user.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of training rows.")]
Device = Annotated[str, typer.Option(help="cpu, cuda or auto.")]

# Of `init` and `build`: the data, and what its columns mean.
Train = Annotated[str, typer.Option(help="Training data: file, saved datasets folder, or hub id.")]
Text = Annotated[str | None, typer.Option(help="Column with the text.")]
Label = Annotated[
    str | None, typer.Option(help="Column with the label (name or integer; a number to predict).")
]
Labels = Annotated[
    str | None,
    typer.Option(
        help="Of --task multilabel: column with lists or a;b, or the 0/1 columns A,B,... of all labels."
    ),
]
TaskOption = Annotated[
    str,
    typer.Option(
        "--task",
        help="classification, multilabel (any number of labels), regression (a number), causal-lm (a model "
        "that writes: name its rows with --text, --prompt and --completion, or --messages).",
    ),
]
Prompt = Annotated[str | None, typer.Option(help="Of --task causal-lm: column with what is read.")]
Completion = Annotated[
    str | None, typer.Option(help="Of --task causal-lm: column with what the model shall write.")
]
Messages = Annotated[
    str | None,
    typer.Option(
        help="Of --task causal-lm: column with conversations (role and content, or from and value)."
    ),
]
System = Annotated[
    str | None, typer.Option(help="Of --task causal-lm: column with a system text that comes first.")
]
Tools = Annotated[
    str | None, typer.Option(help="Of --task causal-lm: column with the tools that the template is told of.")
]
Loss = Annotated[
    str | None,
    typer.Option(
        help="Of --task causal-lm, which tokens are learnt: completion or assistant (default: the answers), "
        "or all."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="Hub id, local folder, or an embedded model: minilm (default), smollm2 (of causal-lm)."
    ),
]
Eval = Annotated[str | None, typer.Option(help="Eval data like --train, or a fraction such as 0.2.")]
TextB = Annotated[str | None, typer.Option(help="Column with the second text of a pair.")]
Id = Annotated[str | None, typer.Option(help="Column with a unique id; default: a content hash.")]
Group = Annotated[str | None, typer.Option(help="Column that names a row's source or group.")]
Annotator = Annotated[str | None, typer.Option(help="Column that says who gave a row its label.")]
MergeLabels = Annotated[
    bool,
    typer.Option(
        "--merge-labels",
        help="Labels that differ only in spelling (case, blanks, quotes, ...) are one class.",
    ),
]
Names = Annotated[
    str | None,
    typer.Option(help="Names of the classes: 0=hate,1=neither; or a file with a LABEL=NAME a line, or JSON."),
]
SplitColumn = Annotated[str | None, typer.Option(help="Column that says train, validation or test.")]
Layers = Annotated[int | None, typer.Option(help="Keep only the model's first N layers.")]
MaxLength = Annotated[int | None, typer.Option(help="Longest text in tokens; default: set by train.")]
Seed = Annotated[int, typer.Option(help="Of the held-out fraction.")]
SkipBadRows = Annotated[bool, typer.Option(help="Skip and list rows that would stop the import.")]
SkipJoinedLabels = Annotated[
    bool,
    typer.Option(help="Skip and list rows whose label looks like several (a#b where a and b occur alone)."),
]

# Of `train` and `build`: how the model is trained; what is not given is planned.
Epochs = Annotated[float | None, typer.Option(help="Passes over the training rows; default: planned.")]
Rate = Annotated[float | None, typer.Option(help="Peak learning rate; default: planned.")]
BatchSize = Annotated[int | None, typer.Option(help="Rows a step; default: planned.")]
Lora = Annotated[
    bool | None,
    typer.Option(
        "--lora/--full",
        help="Of a language model: train an adapter, or all weights.",
        show_default="an adapter",
    ),
]
Rank = Annotated[int | None, typer.Option(metavar="R", help="Rank of the adapter; default: 16.")]
Best = Annotated[
    bool, typer.Option("--best", help="Use the model with the best macro-F1 on eval, not the last.")
]
Patience = Annotated[
    int | None, typer.Option(help="Stop after so many checks without a better macro-F1; use the best model.")
]
ClassWeights = Annotated[
    bool, typer.Option("--class-weights", help="Weigh losses so that every class counts the same.")
]
BalancedBatches = Annotated[
    bool, typer.Option("--balanced-batches", help="Draw every class alike, small ones again and again.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would come in and what is rejected; write nothing.")
]

# Of `attach` and `build`: somebody else's run.
Classes = Annotated[
    str | None,
    typer.Option(help="Class names of the run in its order, separated by commas, quoted as in CSV."),
]
Base = Annotated[
    str | None,
    typer.Option(help="Folder or hub id of the model that the run's adapters belong to, if it was moved."),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1024,
        is_eager=True,
        callback=limit_threads,
        help="Processor threads to use; default: all. Fewer leave room for other work.",
    ),
]
