"""Influence of the whole training split on the whole eval split, in blocks of eval rows with bounded memory.

Per eval row, its strongest training examples; per training row, its summed influence on all eval rows, on
those that the model gets wrong, and on each class (of other tasks: each stratum, see
`backend.data.targets.space.Space.strata`). Every eval row is explained for its own label: influence
> 0 means that training on the example lowered that row's loss. Sums need no search: influence is linear in
the query, so the rows of a block's queries are added up per token and group, and all training rows are read
once a block.

Files in ``influence/``: ``top-NNNNNN.parquet`` (see `backend.influence.answers.many.SCHEMA`), one a block;
``sums.safetensors``, the sums after the last finished block, from which a stopped run continues; at the end
``train.parquet``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from backend.errors import InputError
from backend.files import digest, file_digest, replacing
from backend.folder import Folder
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.explain import Explainer
from backend.influence.answers.many import SCHEMA, answer_table, answers
from backend.influence.index.modes import ScoreMode, score_mode
from backend.keyed_table import key_of, read_keyed, write_keyed
from backend.program import COMMAND
from backend.progress import Progress, silent

BLOCK_ROWS = 256
_STAGE = "influence on eval rows"


@dataclass(frozen=True)
class WholeSet:
    """One row per training example (``train``), and the strongest examples of every eval row (``top``).

    ``train``: id, label, ``all``, ``errors`` and ``classes`` (in class order): summed influence on the loss
    of eval rows; ``helps`` and ``harms``: how many eval rows have it among their strongest proponents or
    opponents; ``helps_errors`` and ``harms_errors``: the same among misclassified ones; ``self_influence``.
    """

    train: pa.Table
    top: pa.Table


def compute_whole_set(
    explainer: Explainer, *, score: str = DEFAULT_SCORE, k: int = 10, progress: Progress = silent
) -> None:
    """Compute what is missing and record the artifact ``influence``; call it with the workspace's lock
    held."""
    mode, folder = score_mode(score), explainer.folder
    if k < 1:
        raise InputError(f"-k {k}: must be at least 1")
    key = digest("influence", explainer.index_artifact.id, mode.name, k, BLOCK_ROWS)
    if folder.state("influence") == "current" and folder.manifest().artifacts["influence"].id == key:
        try:
            read_whole_set(folder)
        except InputError:
            pass
        else:
            return
    folder.forget("influence")
    folder.influence.mkdir(exist_ok=True)
    count = len(explainer.splits["eval"])
    sums, done = _resumed(folder.influence, key, explainer)
    progress(_STAGE, done, count)
    while done < count:
        block = range(done, min(done + BLOCK_ROWS, count))
        sums += _block(explainer, block, mode, k, _top_path(folder.influence, done), key)
        done = block.stop
        _save(folder.influence, key, sums, done)
        progress(_STAGE, done, count)
    _write_train(explainer, mode, sums, key)
    files = {path.name: file_digest(path) for path in whole_set_files(folder)}
    folder.record("influence", ("index", "predictions"), id=key, score=mode.name, k=k, files=files)
    (folder.influence / "sums.safetensors").unlink(missing_ok=True)


def read_whole_set(folder: Folder) -> WholeSet:
    """Read what `compute_whole_set` wrote; `InputError` if it is missing, stale or damaged."""
    artifact = folder.require("influence", "influence")
    known = artifact.details.get("files", {})
    tables = [read_keyed(path, artifact.id, known.get(path.name)) for path in whole_set_files(folder)]
    whole = [each for each in tables if each is not None]
    if len(whole) == len(tables):
        return WholeSet(whole[0], pa.concat_tables(whole[1:]))
    raise InputError(f"{folder.influence}: damaged or missing; run `{COMMAND} influence {folder.path}`")


def whole_set_files(folder: Folder) -> list[Path]:
    """The files that `compute_whole_set` leaves."""
    starts = range(0, folder.manifest().data.n_eval, BLOCK_ROWS)
    return [folder.influence / "train.parquet", *(_top_path(folder.influence, start) for start in starts)]


def _top_path(place: Path, start: int) -> Path:
    return place / f"top-{start // BLOCK_ROWS:06d}.parquet"


def _resumed(place: Path, key: str, explainer: Explainer) -> tuple[np.ndarray, int]:
    """Sums (n, groups) so far and how many eval rows they contain; leftovers of other runs are deleted."""
    try:
        with safe_open(place / "sums.safetensors", "np") as file:
            metadata = file.metadata() or {}
            if metadata.get("key") == key:
                done = int(metadata["done"])
                if all(key_of(_top_path(place, start)) == key for start in range(0, done, BLOCK_ROWS)):
                    return file.get_tensor("sums"), done
    except (OSError, SafetensorError, KeyError, ValueError):
        pass
    for path in place.iterdir():
        if path.suffix in (".parquet", ".safetensors"):
            path.unlink()
    return np.zeros((explainer.searcher.count, _strata(explainer)[1] + 1)), 0


def _save(place: Path, key: str, sums: np.ndarray, done: int) -> None:
    with replacing(place / "sums.safetensors") as temporary:
        save_file({"sums": sums}, temporary, {"key": key, "done": str(done)})


def _block(explainer: Explainer, block: range, mode: ScoreMode, k: int, path: Path, key: str) -> np.ndarray:
    """Write the strongest examples of a block of eval rows; returns the block's sums (n, classes + 1)."""
    evaluation = explainer.splits["eval"]
    found = list(answers(explainer, evaluation, block, "given", mode, k))
    table = pa.concat_tables(
        [SCHEMA.empty_table(), *(answer_table(explainer, evaluation, each) for each in found)]
    )
    write_keyed(path, table, key)
    queries = [each.asked for each in found]
    of_row, count = _strata(explainer)
    wrong = explainer.predictions("eval").wrong
    # The group of its class; and the last one if the model gets it wrong.
    groups = [[int(of_row[each.position]), *([count] if wrong[each.position] else [])] for each in found]
    sums = explainer.searcher.group_sums(queries, groups, count + 1)
    return sums * explainer.searcher.factors(mode)[:, None]


def _strata(explainer: Explainer) -> tuple[np.ndarray, int]:
    """The stratum of every eval row, int64 (n), and how many strata there are."""
    space = explainer.space
    found = explainer.keep("eval strata", lambda: space.strata(explainer.splits["eval"].labels))
    classes = len(space.names) if space.task == "classification" else 0
    return found, max(classes, int(found.max(initial=0)) + 1)


def _write_train(explainer: Explainer, mode: ScoreMode, sums: np.ndarray, key: str) -> None:
    train, place = explainer.splits["train"], explainer.folder.influence
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("helps", "harms", "helps_errors", "harms_errors")
    }
    wrong = explainer.predictions("eval").wrong
    errors = {explainer.splits["eval"].ids[each] for each in np.flatnonzero(wrong).tolist()}
    for path in sorted(place.glob("top-*.parquet")):
        table = pq.read_table(path, columns=["kind", "train_id", "query_id"]).to_pydict()
        for kind, row, query in zip(*table.values(), strict=True):
            name = "helps" if kind == "proponent" else "harms"
            counts[name][row] += 1
            if query in errors:
                counts[f"{name}_errors"][row] += 1
    columns = {
        "id": train.ids,
        "label": train.labels,
        "all": sums[:, :-1].sum(axis=1),
        "errors": sums[:, -1],
        "classes": list(sums[:, :-1]),
        **{name: pa.array([each[row] for row in train.ids], pa.int32()) for name, each in counts.items()},
        "self_influence": explainer.searcher.norms**2,
    }
    write_keyed(place / "train.parquet", pa.table(columns), key)
