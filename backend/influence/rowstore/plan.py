"""Precision and attention kernel, chosen by measurement once per workspace.

bf16 is taken where it is faster and ranks a sample as fp32 does; attention is whatever is faster. What was
chosen is kept in ``rows/plan.json``: a resumed run goes on as it began, and added rows are made as the
others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from backend.data.targets.space import Numbers
from backend.files import read_marked, write_marked
from backend.influence.gradients.capture import load_for_tracing, sided_rows, traced_batches
from backend.influence.gradients.settings import ATTENTIONS, AUTO, TraceSettings
from backend.influence.rowstore.compression import DEFAULT_ROW_STORE
from backend.influence.rowstore.fidelity import Fidelity, compare, summed_scores
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.devices import fast_bf16, resolve_device
from backend.model.token_table import Tokens

WORTH_MEASURING = 2000  # passes of an example through the model; less takes less time than measuring
REQUIRED_GAIN = 1.1  # a choice must be this much faster than the plain one
REQUIRED_RECALL = 0.99
_MUCH_MORE = 10 * WORTH_MEASURING  # passes for which a plan that was not measured is measured after all
_FILE = "plan.json"
_TIMED_PASSES = 3


@dataclass(frozen=True)
class Sample:
    """Examples with targets as losses take them: some of the training split, and eval rows as queries."""

    examples: list[Tokens]
    labels: Numbers
    queries: list[Tokens]
    query_labels: Numbers


@dataclass(frozen=True)
class Plan:
    """What was chosen and why. ``measured``: examples a second per combination, and bf16's recall@10."""

    precision: str
    attention: str
    row_store: str
    reason: str
    measured: dict[str, Any] = field(default_factory=dict)

    def settings(self, device: str) -> TraceSettings:
        """The plan as settings for a model on ``device``."""
        return TraceSettings(device=device, precision=self.precision, attention=self.attention)


def make_plan(
    rows: Path,
    asked: PrecomputeSettings,
    passes: int,
    checkpoint: Path,
    tokenizer: PreTrainedTokenizerFast,
    sample: Sample,
    attentions: Sequence[str] = ATTENTIONS,
) -> Plan:
    """The plan for a run of ``passes`` example passes; the one in ``rows/`` where it is what is asked for.

    ``checkpoint`` is the model that is measured, on the start of ``sample``; ``attentions``: the kernels to
    choose from, first the one to take without measuring.
    """
    known = remembered(rows)
    row_store = chosen_row_store(rows, asked)
    if known is not None and _is_asked_for(known, asked) and (known.measured or passes < _MUCH_MORE):
        plan = replace(known, row_store=row_store)
    else:
        if asked.attention != AUTO:
            attentions = [asked.attention]
        plan = _fixed(asked, passes, row_store, attentions[0]) or _measured(
            asked, checkpoint, tokenizer, sample, row_store, attentions
        )
    write_marked(rows / _FILE, asdict(plan))
    return plan


def chosen_row_store(rows: Path, asked: PrecomputeSettings) -> str:
    """What is asked for, else what the workspace has, also if its last run was stopped, else the default."""
    known = remembered(rows)
    return asked.row_store or (known.row_store if known else DEFAULT_ROW_STORE)


def remembered(rows: Path) -> Plan | None:
    """The plan of the last run, finished or not."""
    try:
        plan = Plan(**read_marked(rows / _FILE))
        PrecomputeSettings("cpu", plan.precision, plan.attention, plan.row_store)  # checks the names
        return plan
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def damaged_plan(rows: Path) -> list[Path]:
    """The file of the plan, if it is there and can't be used; the next run measures anew."""
    return [rows / _FILE] if (rows / _FILE).exists() and remembered(rows) is None else []


def _is_asked_for(plan: Plan, asked: PrecomputeSettings) -> bool:
    return asked.precision in (AUTO, plan.precision) and asked.attention in (AUTO, plan.attention)


def _fixed(asked: PrecomputeSettings, passes: int, row_store: str, attention: str) -> Plan | None:
    """The plan where nothing is to be measured."""
    chosen = AUTO not in (asked.precision, asked.attention)
    if not chosen and passes >= WORTH_MEASURING:
        return None
    precision = "fp32" if asked.precision == AUTO else asked.precision
    reason = "as asked" if chosen else "too little work to be worth measuring"
    return Plan(precision, attention, row_store, reason)


def _measured(
    asked: PrecomputeSettings,
    checkpoint: Path,
    tokenizer: PreTrainedTokenizerFast,
    sample: Sample,
    row_store: str,
    attentions: Sequence[str],
) -> Plan:
    device = resolve_device(asked.device)
    hardware = fast_bf16(device)
    precisions = [asked.precision] if asked.precision != AUTO else ["fp32", *(["bf16"] if hardware else [])]
    ways = [TraceSettings(asked.device, each, how) for each in precisions for how in attentions]
    rates = {way: _rate(checkpoint, tokenizer, sample, way) for way in ways}
    measured: dict[str, Any] = {
        "examples_per_second": {f"{way.precision} {way.attention}": round(rates[way], 1) for way in ways}
    }
    best = {each: _fastest(each, rates) for each in precisions}
    plain = best[precisions[0]]
    if "bf16" not in best or plain.precision == "bf16":
        reason = "as asked" if asked.precision != AUTO else f"no fast bf16 on this {device.type}"
        return Plan(plain.precision, plain.attention, row_store, reason, measured)
    gain = rates[best["bf16"]] / rates[plain]
    if gain < REQUIRED_GAIN:
        return Plan("fp32", plain.attention, row_store, f"bf16 is {gain:.2f} times as fast as fp32", measured)
    fidelity = _bf16_fidelity(checkpoint, tokenizer, sample, best["bf16"])
    measured["bf16"] = fidelity.to_json()
    reason = f"bf16 is {gain:.2f} times as fast as fp32; its recall@10 is {fidelity.recall:.4f}"
    chosen = best["bf16"] if fidelity.recall >= REQUIRED_RECALL else plain
    return Plan(chosen.precision, chosen.attention, row_store, reason, measured)


def _fastest(precision: str, rates: dict[TraceSettings, float]) -> TraceSettings:
    """The fastest way with this precision; the first unless another is clearly faster."""
    ways = [way for way in rates if way.precision == precision]
    fastest = max(ways, key=rates.__getitem__)
    return fastest if rates[fastest] >= REQUIRED_GAIN * rates[ways[0]] else ways[0]


def _rate(
    checkpoint: Path, tokenizer: PreTrainedTokenizerFast, sample: Sample, settings: TraceSettings
) -> float:
    """Examples a second through the model: the best of a few passes over one batch of usual length."""
    order = sorted(range(len(sample.examples)), key=lambda each: len(sample.examples[each]))
    middle = len(order) // 2
    half = settings.max_examples // 2
    chosen = order[max(middle - half, 0) : middle + half]
    examples, labels = [sample.examples[each] for each in chosen], [sample.labels[each] for each in chosen]
    model = load_for_tracing(checkpoint, settings)
    times = []
    for _ in range(1 + _TIMED_PASSES):
        start = time.perf_counter()
        for batch in traced_batches(model, tokenizer, examples, labels, settings):
            batch.merged()
        times.append(time.perf_counter() - start)
    return len(chosen) / max(min(times[1:]), 1e-9)


def _bf16_fidelity(
    checkpoint: Path, tokenizer: PreTrainedTokenizerFast, sample: Sample, settings: TraceSettings
) -> Fidelity:
    plain, reduced = (
        load_for_tracing(checkpoint, each) for each in (replace(settings, precision="fp32"), settings)
    )
    true, _ = sided_rows(plain, tokenizer, sample.examples, sample.labels, settings)
    used, _ = sided_rows(reduced, tokenizer, sample.examples, sample.labels, settings)
    queries, _ = sided_rows(plain, tokenizer, sample.queries, sample.query_labels, settings)
    return compare(summed_scores(true, queries), summed_scores(used, queries))
