"""The loss of every token of a row: which words the model finds hard, and which it does not learn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType

from pages.components.markup import Html, join, short, tag
from pages.components.numbers import plural

FULL = 8.0  # nats: from here on a bar is full; a token guessed among 3,000
_NONE: Mapping[int, str] = MappingProxyType({})
MOST_TOKENS = 400  # of a turn that are drawn at once


@dataclass(frozen=True)
class TokenLoss:
    """A token as the model reads it. ``loss`` in nats, None where it is not in the loss.

    ``turn``: the number of its turn, None where it is the template's. ``marked``: it is asked about.
    """

    text: str
    loss: float | None
    turn: int | None
    marked: bool = False


def loss_strip(tokens: Sequence[TokenLoss], names: Mapping[int, str] = _NONE) -> Html:
    """Turn by turn the tokens, each with a bar; ``names``: what the turns are called, by number.

    Tokens not in the loss are grey; those of the template are one pill with their number and their loss.
    """
    runs = [
        join(_turn(turn, list(run), names) if turn is not None else [_template(list(run))])
        for turn, run in groupby(tokens, key=lambda each: each.turn)
    ]
    learnt = [each.loss for each in tokens if each.loss is not None]
    mean = f"{sum(learnt) / len(learnt):.2f} nats each" if learnt else "none of them in the loss"
    head = f"{plural(len(learnt), 'token')} in the loss, {mean}; {len(tokens) - len(learnt):,} others"
    return tag(
        "div",
        tag("p", head, cls="fw-muted"),
        tag("div", join(runs), cls="fw-strip", role="region", aria_label="loss per token", tabindex="0"),
        cls="fw-losses",
    )


def _turn(turn: int, run: Sequence[TokenLoss], names: Mapping[int, str]) -> Iterator[Html]:
    if turn in names:
        yield tag("span", short(names[turn], 24), cls="fw-strip-role")
    yield join(_token(each) for each in run[:MOST_TOKENS])
    if len(run) > MOST_TOKENS:
        rest = run[MOST_TOKENS:]
        summary = tag("summary", f"{len(rest):,} more of this turn")
        yield tag("details", summary, join(_token(each) for each in rest), cls="fw-details")


def _token(token: TokenLoss) -> Html:
    text = token.text.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "\u00a0") or "\u00a0"
    if token.loss is None:
        return tag(
            "span", tag("i"), tag("b", text, dir="auto"), cls="fw-token fw-unlearnt", title="not in the loss"
        )
    kind = "fw-token fw-asked" if token.marked else "fw-token"
    title = f"{short(text, 40)}: {token.loss:.3f} nats, probability {_share(token.loss)}"
    bar = tag("i", style=f"height:{_height(token.loss):.2f}rem")
    return tag("span", bar, tag("b", text, dir="auto"), cls=kind, title=title, aria_label=title)


def _template(run: Sequence[TokenLoss]) -> Html:
    losses = [each.loss for each in run if each.loss is not None]
    learnt = f", {len(losses):,} in the loss with {sum(losses):.2f} nats" if losses else ", not in the loss"
    return tag(
        "span",
        f"template {len(run):,}",
        cls="fw-token-pill",
        title=f"{plural(len(run), 'token')} of the template{learnt}",
    )


def _height(loss: float) -> float:
    """Of a bar, in rem."""
    return 1.5 * min(max(loss, 0.0), FULL) / FULL if math.isfinite(loss) else 1.5


def _share(loss: float) -> str:
    share = math.exp(-loss) if loss > -1 else 1.0
    return f"{share:.2g}" if share >= 1e-4 else "below 0.0001"


def token_losses(
    texts: Iterable[str], losses: Iterable[float | None], turns: Iterable[int], marked: Iterable[bool]
) -> list[TokenLoss]:
    """Tokens from columns; a turn below 0 is the template."""
    rows = zip(texts, losses, turns, marked, strict=True)
    return [TokenLoss(text, loss, turn if turn >= 0 else None, mark) for text, loss, turn, mark in rows]
