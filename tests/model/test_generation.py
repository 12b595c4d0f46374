"""What a language model writes, held against transformers' own generation."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import transformers as hf

from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.model.conversation_tokens import prompt_ids
from backend.model.generation import Writing, write
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.training import train
from backend.model.training_settings import TrainingSettings
from tests.language_models import END, QUESTIONS, chat, examples_of, pair, plain, questions, tiny_lm


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A model that knows its six answers by heart."""
    home = tmp_path_factory.mktemp("learnt")
    source = tiny_lm(home / "lm")
    made = train(
        home / "run",
        model=str(source),
        layers=None,
        task=TaskInfo(name="causal-lm", loss="answers"),
        training=examples_of(questions(24)),
        settings=TrainingSettings(epochs=12, lr=5e-3, batch_size=4, precision="fp32", dynamics=False),
    )
    last = made.checkpoints[-1].path
    return load_classifier(last), load_tokenizer(last)


def test_the_answers_learnt_are_written(learnt):
    for row, (_, said) in zip(questions(), QUESTIONS, strict=True):
        found = write(*learnt, row)
        assert found.text == said and found.stopped == "end"
        assert found.tokens[-1] == learnt[1].eos_token_id


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
@pytest.mark.parametrize("row", [chat(("user", "Where?"), ("assistant", "x")), pair("Ada Morel", "x")])
def test_greedy_is_that_of_transformers(architecture, row, tmp_path):
    source = tiny_lm(tmp_path / "lm", architecture)
    model, tokenizer = load_classifier(source), load_tokenizer(source)
    found = write(model, tokenizer, row, Writing(most=20))
    asked = torch.tensor([prompt_ids(tokenizer, row)])
    own = hf.AutoModelForCausalLM.from_pretrained(source).eval()
    expected = own.generate(asked, do_sample=False, max_new_tokens=20, pad_token_id=0)[0, asked.shape[1] :]
    assert list(found.tokens) == expected.tolist()


def test_drawing_goes_by_the_seed(learnt):
    row = chat(("user", "What is new?"), ("assistant", "x"))
    drawn = {
        seed: write(*learnt, row, Writing(most=12, temperature=3.0, seed=seed)).tokens for seed in (0, 1, 2)
    }
    again = write(*learnt, row, Writing(most=12, temperature=3.0, seed=1)).tokens
    assert drawn[1] == again and len(set(drawn.values())) > 1
    narrow = write(*learnt, row, Writing(most=12, temperature=3.0, top_p=1e-6, seed=2))
    assert narrow == write(*learnt, row, Writing(most=12))


def test_it_stops_where_it_must(learnt):
    model, tokenizer = learnt
    row = questions(1)[0]
    assert write(model, tokenizer, row, Writing(most=3)).stopped == "length"
    seen: list[str] = []

    def told(text: str) -> bool:
        seen.append(text)
        return len(seen) < 3

    found = write(model, tokenizer, row, Writing(), told)
    assert found.stopped == "asked" and seen[-1] == found.text and len(seen) == 3
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    tokenizer.model_max_length = len(prompt_ids(tokenizer, row)) + 2
    try:
        full = write(model, tokenizer, row)
        assert (full.stopped, len(full.tokens)) == ("full", 2) and QUESTIONS[0][1].startswith(full.text)
        tokenizer.model_max_length = 5
        with pytest.raises(InputError, match=r"the prompt has \d+ tokens; the model reads 5"):
            write(model, tokenizer, row)
    finally:
        tokenizer.model_max_length = 512


def test_an_end_in_the_template_counts(learnt):
    """A tokenizer whose end token is another than the one that ends turns, as Llama 3's."""
    model, tokenizer = learnt
    model.config.eos_token_id, model.generation_config.eos_token_id = None, None
    tokenizer.eos_token = "<|endoftext|>"
    try:
        assert write(model, tokenizer, questions(1)[0]).text == QUESTIONS[0][1]
    finally:
        tokenizer.eos_token = END


@pytest.mark.parametrize(
    ("more", "said"),
    [({"most": 0}, "new tokens"), ({"temperature": -1.0}, "temperature"), ({"top_p": 0.0}, "top p")],
)
def test_impossible_ways_to_write(more, said):
    with pytest.raises(InputError, match=said):
        Writing(**more)


def test_nothing_to_go_on_from(learnt):
    with pytest.raises(InputError, match="nothing to go on from"):
        write(*learnt, plain("all of it is learnt"))


@pytest.mark.parametrize("text", ["👋🏽 שלום", "naïve"])
def test_half_a_character_is_not_told(learnt, text, monkeypatch):
    model, tokenizer = learnt
    wanted = tokenizer(text)["input_ids"] + [tokenizer.eos_token_id]
    left = list(wanted)
    monkeypatch.setattr("backend.model.generation._drawn", lambda *_: left.pop(0))
    seen: list[str] = []
    found = write(model, tokenizer, questions(1)[0], Writing(), seen.append)
    assert found.text == text and seen[-1] == text
    assert all("\ufffd" not in each and text.startswith(each) for each in seen)
