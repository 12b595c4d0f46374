"""The tokens of an example, with and without their places in its text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

SPECIAL = -1
"""The field of a token that stands for no text."""
LEARNT, TEMPLATE = 1, 2
"""Flags of a language model's tokens: in the loss; put there by the template, not by a turn's text."""


class TokenIds(Protocol):
    """What a model needs to know of an example: `Encoded` or `Tokens`."""

    @property
    def input_ids(self) -> list[int]:
        """Its tokens."""

    @property
    def token_type_ids(self) -> list[int] | None:
        """Which text each belongs to, where the tokenizer says so."""

    @property
    def flags(self) -> list[int] | None:
        """Of a language model's tokens: sums of `LEARNT` and `TEMPLATE`."""

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Tokens:
    """The tokens of one example, without their places in the text; ``truncated``: there were more."""

    input_ids: list[int]
    token_type_ids: list[int] | None
    flags: list[int] | None = None
    truncated: bool = False

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True)
class Encoded:
    """The tokens of one example; all lists have the same length, which may be 0."""

    input_ids: list[int]
    token_type_ids: list[int] | None
    offsets: list[tuple[int, int]]
    """Start and end in the token's own text; (0, 0) for added special tokens."""
    fields: list[int]
    """0 = text, 1 = text_b, -1 = special token added by the tokenizer; of a language model's rows the number
    of the turn, -1 = put there by the template.

    A position is special if its field is -1 or its id is one of `special_ids`: callers need both,
    since a text may hold a special token, and an added one may have the unknown token's id. In a language
    model's rows only the field counts: whoever types a special token has said it.
    """
    truncated: bool
    flags: list[int] | None = None

    def __len__(self) -> int:
        return len(self.input_ids)

    def followed_by(self, special: int) -> Encoded:
        """With a special token behind it that the tokenizer does not put there."""
        types = self.token_type_ids
        return replace(
            self,
            input_ids=[*self.input_ids, special],
            token_type_ids=None if types is None else [*types, 0],
            offsets=[*self.offsets, (0, 0)],
            fields=[*self.fields, SPECIAL],
        )
