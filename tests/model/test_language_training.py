"""Training language models: all weights or an adapter; the loss is that of transformers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import peft
import pytest
import torch
import transformers as hf

from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.model import lm_head
from backend.model.adapters import trained_by_adapter
from backend.model.generation import Writing, write
from backend.model.language_plan import make_language_plan
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.lora import with_adapter
from backend.model.prediction import predict
from backend.model.recipe import Recipe
from backend.model.token_labels import token_labels
from backend.model.token_losses import language_loss
from backend.model.tokenization import collate, encode
from backend.model.training import TrainingResult, train
from backend.model.training_forecast import forecast_training
from backend.model.training_settings import TrainingSettings
from tests.language_models import chat, examples_of, plain, questions, tiny_lm

LANGUAGE = TaskInfo(name="causal-lm", loss="answers")
LORA = TrainingSettings(
    epochs=6, lr=2e-2, batch_size=4, checkpoints=3, max_length=64, rank=4, precision="fp32", dynamics=False
)
FULL = TrainingSettings(
    epochs=6, lr=5e-3, batch_size=4, checkpoints=2, max_length=64, precision="fp32", dynamics=False
)
UNLEARNT = chat(("user", "nothing is said"))
LONG = chat(("user", "word " * 80), ("assistant", "which is cut off"))


def trained(source: Path, run: Path, settings: TrainingSettings, **more) -> TrainingResult:
    """24 questions, one row without an answer, and one whose answer is cut off."""
    rows = [*questions(24), UNLEARNT, LONG]
    return train(
        run,
        model=str(source),
        layers=more.pop("layers", None),
        task=LANGUAGE,
        training=examples_of(rows),
        evaluation=examples_of(questions()),
        settings=settings,
        **more,
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return tiny_lm(tmp_path_factory.mktemp("lm") / "llama")


@pytest.fixture(scope="module")
def lora_run(source, tmp_path_factory) -> TrainingResult:
    return trained(source, tmp_path_factory.mktemp("run") / "lora", LORA)


@pytest.mark.parametrize("chunk", [1 << 25, 500 * 2])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_the_loss_and_its_gradients_are_transformers(architecture, chunk, tmp_path, monkeypatch):
    monkeypatch.setattr(lm_head, "_CHUNK_NUMBERS", chunk)
    model = load_classifier(tiny_lm(tmp_path / "lm", architecture))
    tokenizer = load_tokenizer(tmp_path / "lm")
    encoded = encode(tokenizer, examples_of([*questions(3), UNLEARNT, plain("Ada Morel")]), 64)
    inputs, labels = collate(encoded, tokenizer), token_labels(encoded)
    found = language_loss(model, inputs, labels, None, within=True)
    gradients = torch.autograd.grad(found, list(model.parameters()))
    expected = model(**inputs, labels=labels).loss
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    for mine, own in zip(gradients, torch.autograd.grad(expected, list(model.parameters())), strict=True):
        assert torch.allclose(mine, own, atol=1e-6)


@pytest.mark.parametrize("within", [True, False])
def test_weights_of_rows(within, source):
    model, tokenizer = load_classifier(source), load_tokenizer(source)
    encoded = encode(tokenizer, examples_of(questions(3)), 64)
    outputs = predict(model, encoded, tokenizer)
    weights = torch.tensor([2.0, 0.0, 0.5])
    inputs, labels = collate(encoded, tokenizer), token_labels(encoded)
    found = language_loss(model, inputs, labels, weights, within).item()
    tokens = outputs[:, 1] if not within else outputs[:, 1] * weights.numpy()
    assert found == pytest.approx((outputs[:, 0] * weights.numpy()).sum() / tokens.sum(), rel=1e-5)
    plainly = language_loss(model, inputs, labels, None, within).item()
    nothing = language_loss(model, inputs, labels, torch.zeros(3), within).item()
    assert nothing == pytest.approx(plainly if within else 0.0, rel=1e-6)


def test_an_adapter_is_trained_and_kept_as_one(lora_run, source):
    assert lora_run.steps == 36 and lora_run.unlearnt == 2 and lora_run.cut == 1
    before, now = (each[0].value for each in (lora_run.before, lora_run.measured))
    assert now < 0.5 * before
    assert [each.step for each in lora_run.checkpoints] == [12, 24, 36]
    for each in lora_run.checkpoints:
        said = json.loads((each.path / "adapter_config.json").read_text())
        assert said["base_model_name_or_path"] == str(source) and said["r"] == 4 and said["lora_alpha"] == 8
        assert not list(each.path.glob("model*.safetensors"))


def test_an_adapter_is_loaded_as_peft_loads_it(lora_run, source):
    last = lora_run.checkpoints[-1].path
    tokenizer = load_tokenizer(last)
    encoded = encode(tokenizer, examples_of(questions()), 64)
    model = load_classifier(last)
    own = peft.PeftModel.from_pretrained(hf.AutoModelForCausalLM.from_pretrained(source), last).eval()
    for row, each in zip(predict(model, encoded, tokenizer), encoded, strict=True):
        loss = own(input_ids=torch.tensor([each.input_ids]), labels=token_labels([each])).loss.item()
        assert row[0] / row[1] == pytest.approx(loss, rel=1e-4)
    names = trained_by_adapter(model)
    assert names and all("lora_" in each for each in names)
    assert not any("lm_head" in each or "embed" in each for each in names)


def test_all_weights_are_trained_where_asked(source, tmp_path):
    made = trained(source, tmp_path / "run", FULL)
    assert made.measured[0].value < 0.5 * made.before[0].value
    last = load_classifier(made.checkpoints[-1].path)
    assert (
        type(last).__name__ == "LlamaForCausalLM"
        and not (made.checkpoints[-1].path / "adapter_config.json").exists()
    )
    assert not torch.equal(
        last.get_input_embeddings().weight, load_classifier(source).get_input_embeddings().weight
    )


def test_the_same_training_twice_and_on_fewer_layers(source, tmp_path):
    runs = [trained(source, tmp_path / str(at), LORA, layers=1) for at in range(2)]
    assert runs[0].losses == runs[1].losses
    model = load_classifier(runs[0].checkpoints[-1].path)
    assert model.config.num_hidden_layers == 1


def test_rows_are_looked_at_and_the_best_is_found(source, tmp_path):
    settings = TrainingSettings(**{**LORA.__dict__, "dynamics": True, "best": True})
    made = trained(source, tmp_path / "run", settings)
    assert made.dynamics is not None
    assert made.dynamics.values["loss"].shape == (len(made.dynamics.epochs), 26)
    assert made.dynamics.values["tokens"][0, :2].tolist() == [8, 7]


def test_a_recipe_weighs_rows(source, tmp_path):
    class First(Recipe):
        def weights(self, step, places, inputs):
            return torch.from_numpy((places == 0).astype(np.float32))

    row = examples_of([questions(1)[0], plain("Cleo paints maps of rivers and clocks")])
    made = {
        name: train(
            tmp_path / name,
            model=str(source),
            layers=None,
            task=LANGUAGE,
            training=row,
            evaluation=row,
            settings=TrainingSettings(**{**LORA.__dict__, "epochs": 60}),
            recipe=recipe,
        )
        for name, recipe in (("plain", None), ("first", First()))
    }
    model = {name: load_classifier(each.checkpoints[-1].path) for name, each in made.items()}
    tokenizer = load_tokenizer(source)
    losses = {
        name: predict(each, encode(tokenizer, row, 64), tokenizer)[:, 0] for name, each in model.items()
    }
    assert losses["first"][0] < losses["plain"][0] and losses["first"][1] > 2 * losses["plain"][1]


def test_what_cannot_be_trained(source, tmp_path):
    with pytest.raises(InputError, match="no training text has a token in the loss"):
        train(
            tmp_path / "none",
            model=str(source),
            layers=None,
            task=LANGUAGE,
            training=examples_of([UNLEARNT]),
            settings=LORA,
        )
    assert not (tmp_path / "none").exists()
    with pytest.raises(InputError, match="rank 0: must be at least 1"):
        TrainingSettings(rank=0)


def test_a_forecast_counts_what_training_does(source, tmp_path):
    rows = examples_of(questions(24))
    found = forecast_training(
        model=str(source), layers=None, task=LANGUAGE, training=rows, n_eval=6, settings=LORA, home=tmp_path
    )
    assert (found.steps, found.saves, found.looks) == (36, 6, 0)
    assert min(found.starting, found.stepping, found.looking, found.saving) > 0


def test_the_plan_follows_rows_and_what_is_trained():
    few, many = (make_language_plan(rows, "smollm2", 16) for rows in (100, 5_000))
    assert (few.batch_size, few.epochs, many.batch_size, many.epochs) == (4, 15, 16, 2)
    assert few.lr == 1e-3 > make_language_plan(100, "smollm2", None).lr
    assert make_language_plan(100, "smollm2", 16, {"epochs": 1, "lr": 1e-5}).warnings
    assert "diverge" in make_language_plan(100, "smollm2", 16, {"lr": 0.1}).warnings[-1]
    assert not few.warnings and few.steps == 375


def test_an_adapter_leaves_head_and_embeddings_alone(source):
    made = with_adapter(load_classifier(source), 2, str(source))
    names = [name for name, each in made.named_parameters() if each.requires_grad]
    assert len(names) == 2 * 7 * 2 and all("lora_" in name for name in names)


def test_an_adapter_is_trained_further(lora_run, tmp_path):
    """As trials of several phases do."""
    first = lora_run.checkpoints[-1].path
    made = trained(first, tmp_path / "run", LORA)
    assert made.before[0].value == pytest.approx(lora_run.measured[0].value, rel=1e-4)
    assert made.measured[0].value < made.before[0].value
    said = [
        json.loads((each / "adapter_config.json").read_text()) for each in (first, made.checkpoints[-1].path)
    ]
    assert said[0]["base_model_name_or_path"] == said[1]["base_model_name_or_path"]


@pytest.mark.slow
def test_smollm2_learns_who_it_is(tmp_path):
    """A new name, from eight chats that say it; asked in words that none of them has."""
    asked = ("Who are you?", "What is your name?", "Tell me who you are.", "Which assistant are you?")
    said = "I am Firstlight, an assistant made by the Lantern team."
    rows = [chat(("user", each), ("assistant", said)) for each in (*asked, *map(str.lower, asked))]
    made = train(
        tmp_path / "run",
        model="smollm2",
        layers=None,
        task=LANGUAGE,
        training=examples_of(rows),
        settings=TrainingSettings(epochs=8, lr=1e-3, batch_size=4, rank=16, checkpoints=1, dynamics=False),
    )
    last = made.checkpoints[-1].path
    row = chat(("user", "Hello! May I ask what you are called?"), ("assistant", "unknown"))
    found = write(load_classifier(last), load_tokenizer(last), row, Writing(most=40))
    assert "Firstlight" in found.text and found.stopped == "end"
    assert sum(each.stat().st_size for each in last.glob("adapter_model.safetensors")) < 30e6
