"""A question about a language model's answer, looked up and traced, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backend.influence.answers.about_answer import AboutAnswer, Looked, asked_channels
from backend.influence.answers.answer_tracing import TracedAnswer, trace_answer
from backend.influence.answers.conversation_entries import fields_of
from backend.influence.answers.engine import Engine
from backend.influence.answers.explanation import Query, StripToken
from backend.influence.answers.method import Asked
from backend.influence.answers.question import Question, look_up
from backend.influence.gradients.traced import TracedExample
from backend.model.encoded import LEARNT, Encoded
from backend.model.token_labels import learnt_tokens


def ask_about_answer(engine: Engine, question: Question, score: str) -> tuple[Asked, Query]:
    """What methods and people are told of a question; `InputError` for one that makes no sense."""
    about = question.about or AboutAnswer()
    manifest = engine.checkpoints.manifest
    found = look_up(question, engine.splits.__getitem__, manifest.data)
    looked = found.looked
    traced = engine.recent.get(("answer", repr(looked)), lambda: trace_answer(engine.checkpoints, looked))
    channels = asked_channels(engine.checkpoints.channels, about.side, about.template)
    instead = looked.other.turns[looked.turns[0]].text if looked.other is not None else None
    asked = Asked(
        engine=engine,
        texts=(looked.conversation.context(),),
        encoded=traced.encoded,
        target=0,
        traced=_only(engine, traced.traced, channels),
        score=score,
        k=question.k,
        exact=question.exact,
        own=found.position if found.split == "train" else None,
        damping=question.damping,
        channels=channels,
        fields=[*(each.text for each in looked.conversation.turns), *([instead] if instead else [])],
    )
    query = _query(engine, question, about, looked, traced, instead)
    return asked, replace(query, split=found.split, given=found.given)


def _only(engine: Engine, traced: TracedExample, channels: np.ndarray) -> TracedExample:
    """The gradients in the channels that are asked; those of other positions count nowhere."""
    key = "only", id(traced), channels.tobytes()
    return engine.recent.get(key, lambda: (traced, _restricted(engine, traced, channels)))[1]


def _restricted(engine: Engine, traced: TracedExample, channels: np.ndarray) -> TracedExample:
    found = traced.on(channels)
    norm = engine.checkpoints.norm(found.slots, found.tokens, found.position_rows)
    return replace(found, norm=norm)


def _query(
    engine: Engine,
    question: Question,
    about: AboutAnswer,
    looked: Looked,
    traced: TracedAnswer,
    instead: str | None,
) -> Query:
    conversation = looked.conversation
    one = looked.turns[0] if len(looked.turns) == 1 else None
    tokens, loss = strip(engine, traced.whole, traced.encoded)
    other = traced.other
    asked = "these words" if looked.marks else "this answer" if one is not None else "these answers"
    return Query(
        text=conversation.context(),
        text_b=None,
        label="answer",
        predicted="",
        probabilities={},
        row=question.row,
        truncated=traced.encoded.truncated,
        task=engine.task.name,
        asked=f"why {asked}" + ("" if instead is None else " rather than the other"),
        helped=f"made {asked} more likely",
        harmed=f"made {asked} less likely",
        fields=fields_of(conversation, instead),
        answer=None if one is None else conversation.turns[one].text,
        generated=about.generated,
        turn=one,
        marks=list(looked.marks),
        instead=about.instead,
        loss=loss,
        instead_loss=None if other is None else _loss(engine, other),
        instead_tokens=0 if other is None else learnt_tokens(other),
        tokens=tokens,
    )


def _loss(engine: Engine, asked: Encoded) -> float:
    """Summed over the tokens that are asked about, in nats."""
    learnt = (np.asarray(asked.flags, dtype=np.int64) & LEARNT) > 0
    return float(engine.checkpoints.token_losses(asked)[learnt].sum(dtype=np.float64))


def strip(engine: Engine, whole: Encoded, asked: Encoded) -> tuple[list[StripToken], float]:
    """All tokens that the model reads, with the loss of each that is in the ``whole``'s, those in the loss of
    what is ``asked`` marked; and the sum of these."""
    flags, marks = (np.asarray(each.flags, dtype=np.int64) for each in (whole, asked))
    losses = engine.checkpoints.token_losses(replace(whole, flags=(flags | marks).tolist()))
    names = engine.checkpoints.tokenizer.convert_ids_to_tokens(asked.input_ids)
    tokens = [
        StripToken(
            name,
            token,
            None if field < 0 else str(field),
            start,
            end,
            float(loss) if place and flag & LEARNT else None,
            bool(place and mark & LEARNT),
        )
        for place, (name, token, field, (start, end), loss, flag, mark) in enumerate(
            zip(
                names,
                asked.input_ids,
                asked.fields,
                asked.offsets,
                losses.tolist(),
                flags.tolist(),
                marks.tolist(),
                strict=True,
            )
        )
    ]
    return tokens, float(losses[(marks & LEARNT) > 0].sum(dtype=np.float64))
