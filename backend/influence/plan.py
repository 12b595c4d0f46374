"""Precision and attention kernel, chosen by measurement once per workspace and device.

bf16 is taken where it is faster and ranks a sample as fp32 does; attention is whatever is faster. What was
measured is kept in ``rows/plan.json``, so that a resumed run goes on as it began.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from backend.files import write_json
from backend.influence.capture import gradient_rows, load_for_tracing, traced_batches
from backend.influence.fidelity import Fidelity, compare, score_matrix
from backend.influence.settings import ATTENTIONS, AUTO, PrecomputeSettings, TraceSettings
from backend.model.devices import fast_bf16, resolve_device
from backend.model.token_table import Tokens

WORTH_MEASURING = 2000  # passes of an example through the model; less takes less time than measuring
REQUIRED_GAIN = 1.1  # a choice must be this much faster than the plain one
REQUIRED_RECALL = 0.99
_FILE = "plan.json"
_TIMED_PASSES = 3


@dataclass(frozen=True)
class Sample:
    """Examples with class indices: some of the training split, and eval rows as queries."""

    examples: list[Tokens]
    labels: list[int]
    queries: list[Tokens]
    query_labels: list[int]


@dataclass(frozen=True)
class Plan:
    """What was chosen and why. ``measured``: examples a second per combination, and bf16's recall@10."""

    precision: str
    attention: str
    reason: str
    measured: dict[str, Any] = field(default_factory=dict)

    def settings(self, device: str) -> TraceSettings:
        """The plan as settings for a model on ``device``."""
        return TraceSettings(device=device, precision=self.precision, attention=self.attention)


def make_plan(
    rows: Path,
    inputs: str,
    asked: PrecomputeSettings,
    passes: int,
    checkpoint: Path,
    tokenizer: PreTrainedTokenizerFast,
    sample: Sample,
) -> Plan:
    """The plan for a run of ``passes`` example passes; the one in ``rows/`` if it is for the same ``inputs``.

    ``checkpoint`` is the model that is measured, on the start of ``sample``.
    """
    key = [inputs, resolve_device(asked.device).type, asked.precision, asked.attention]
    known = _read(rows, key)
    if known is not None:
        return known
    plan = _fixed(asked, passes) or _measured(asked, checkpoint, tokenizer, sample)
    write_json(rows / _FILE, {"key": key, "plan": asdict(plan)})
    return plan


def _read(rows: Path, key: list[str]) -> Plan | None:
    try:
        content = json.loads((rows / _FILE).read_text(encoding="utf-8"))
        return Plan(**content["plan"]) if content["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fixed(asked: PrecomputeSettings, passes: int) -> Plan | None:
    """The plan where nothing is to be measured."""
    chosen = AUTO not in (asked.precision, asked.attention)
    if not chosen and passes >= WORTH_MEASURING:
        return None
    precision = "fp32" if asked.precision == AUTO else asked.precision
    attention = "eager" if asked.attention == AUTO else asked.attention
    return Plan(precision, attention, "as asked" if chosen else "too little work to be worth measuring")


def _measured(
    asked: PrecomputeSettings, checkpoint: Path, tokenizer: PreTrainedTokenizerFast, sample: Sample
) -> Plan:
    device = resolve_device(asked.device)
    hardware = fast_bf16(device)
    precisions = [asked.precision] if asked.precision != AUTO else ["fp32", *(["bf16"] if hardware else [])]
    attentions = [asked.attention] if asked.attention != AUTO else list(ATTENTIONS)
    ways = [TraceSettings(asked.device, each, how) for each in precisions for how in attentions]
    rates = {way: _rate(checkpoint, tokenizer, sample, way) for way in ways}
    measured: dict[str, Any] = {
        "examples_per_second": {f"{way.precision} {way.attention}": round(rates[way], 1) for way in ways}
    }
    best = {each: _fastest(each, rates) for each in precisions}
    plain = best[precisions[0]]
    if "bf16" not in best or plain.precision == "bf16":
        reason = "as asked" if asked.precision != AUTO else f"no fast bf16 on this {device.type}"
        return Plan(plain.precision, plain.attention, reason, measured)
    gain = rates[best["bf16"]] / rates[plain]
    if gain < REQUIRED_GAIN:
        return Plan("fp32", plain.attention, f"bf16 is {gain:.2f} times as fast as fp32", measured)
    fidelity = _bf16_fidelity(checkpoint, tokenizer, sample, best["bf16"])
    measured["bf16"] = fidelity.to_json()
    reason = f"bf16 is {gain:.2f} times as fast as fp32; its recall@10 is {fidelity.recall:.4f}"
    chosen = best["bf16"] if fidelity.recall >= REQUIRED_RECALL else plain
    return Plan(chosen.precision, chosen.attention, reason, measured)


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
    true, _ = gradient_rows(plain, tokenizer, sample.examples, sample.labels, settings)
    used, _ = gradient_rows(reduced, tokenizer, sample.examples, sample.labels, settings)
    queries, _ = gradient_rows(plain, tokenizer, sample.queries, sample.query_labels, settings)
    return compare(score_matrix(true, queries), score_matrix(used, queries))
