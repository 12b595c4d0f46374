"""What every trained language model is asked beside the eval rows: words of answers, prompts to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.conversation import Conversation, Reading, reading_of
from backend.data.dataset import Split
from backend.data.examples import Examples
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.folder import Folder
from backend.model.loading import load_tokenizer
from backend.model.token_losses import language_outputs
from backend.tasks.heads import CAUSAL_LM
from backend.trials.answers import ANSWERS, Prompt, answers_to, eval_prompts
from backend.trials.asked_words import AskedWords, check_words, prompt_asked, words_asked
from backend.trials.question import Asked, resolved


@dataclass(frozen=True)
class Probe:
    """``words`` whose loss is measured, ``prompts`` answered greedily. ``reading``: as rows are read."""

    words: tuple[AskedWords, ...]
    prompts: tuple[Prompt, ...]
    reading: Reading

    def content(self) -> dict[str, Any]:
        """In the form that outcomes are kept under."""
        return {
            "words": [each.content() for each in self.words],
            "prompts": [each.content() for each in self.prompts],
        }

    def outputs(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, length: int) -> np.ndarray:
        """Summed loss and number of tokens of the words: float32 (q, 2)."""
        encoded = [each.encoded(tokenizer, self.reading, length) for each in self.words]
        return language_outputs(model, encoded, tokenizer)

    def answers(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[str | None]:
        """Of every prompt what the model writes."""
        return answers_to(self.prompts, model, tokenizer, self.reading.day)


def asked_of(
    folder: Folder, asked: Sequence[Asked], answers: int | None, evaluation: Split
) -> tuple[list[dict[str, Any]], Examples | Probe]:
    """Records for the report (see `backend.trials.report`) and what every trained model is asked.

    ``answers``: how many eval rows a language model answers, None: `ANSWERS`. What a question's answer says
    need not be right, so what models write there is shown and not judged. Raises `InputError`.
    """
    if evaluation.task.name != CAUSAL_LM:
        if answers is not None or any(each.about is not None for each in asked):
            raise InputError(
                "--answers, --prompt, --answer, --mark and the like ask a language model; this workspace is "
                f"about {evaluation.task.name}: give --text or --row"
            )
        return resolved(asked, evaluation, space_of(evaluation.task))
    records, words = words_asked([each for each in asked if not each.only_asks], evaluation)
    manifest, reading = folder.manifest(), reading_of(evaluation.task) or Reading()
    if words:
        tokenizer = load_tokenizer(folder.tokenizer_path(manifest))
        check_words(words, tokenizer, reading, manifest.max_length or tokenizer.model_max_length)
    count = ANSWERS if answers is None else answers
    before = [each.prompt() for each in words] if count else []
    alone = [prompt_asked(each, evaluation) for each in asked if each.only_asks]
    return records, Probe(words, (*_prompts([*before, *alone]), *eval_prompts(evaluation, count)), reading)


def _prompts(asked: Sequence[Conversation]) -> list[Prompt]:
    """What is to be answered, each once."""
    found = {repr(prompt.content()): prompt for prompt in map(Prompt, asked) if prompt.text().strip()}
    return list(found.values())
