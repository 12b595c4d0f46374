"""Attaching to runs that somebody else's script made with a plain Trainer."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf

from backend.data.examples import Examples
from backend.errors import InputError
from backend.model.checkpoints import check_usable, find_run, match_classes
from backend.model.loading import load_classifier, load_tokenizer
from tests.factories import ARCHITECTURES, LABELS, SENTENCES


class Stop(hf.TrainerCallback):
    """Interrupts a run after ``step``."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        control.should_training_stop = state.global_step >= self.step


def raw_run(source: Path, folder: Path, callbacks=(), resume=None, names=None, **arguments) -> Path:
    """12 examples, batch 2, 4 epochs: 24 steps, a checkpoint every 4, logged every 2."""
    tokenizer = hf.AutoTokenizer.from_pretrained(source)
    model = hf.AutoModelForSequenceClassification.from_pretrained(source)
    if names:
        model.config.id2label = dict(enumerate(names))
    rows = [
        {**tokenizer(text, truncation=True, max_length=20), "labels": label}
        for text, label in zip(SENTENCES, LABELS, strict=True)
    ]
    settings = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 2,
        "num_train_epochs": 4,
        "learning_rate": 1e-3,
        "logging_steps": 2,
        "save_steps": 4,
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        **arguments,
    }
    trainer = hf.Trainer(
        model=model,
        args=hf.TrainingArguments(**settings),
        train_dataset=rows,
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )
    trainer.remove_callback(hf.PrinterCallback)
    trainer.train(resume_from_checkpoint=resume)
    return folder


@pytest.fixture(scope="module")
def plain(tiny_model, tmp_path_factory) -> Path:
    return raw_run(tiny_model("bert"), tmp_path_factory.mktemp("run") / "plain", names=["neg", "pos"])


@pytest.fixture
def run(plain, tmp_path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(plain, tmp_path / "run"))


def edit(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def weights(found) -> dict[int, float]:
    return {each.step: each.weight for each in found.checkpoints}


# -- schedulers ------------------------------------------------------------------------------------


def expected_weights(scheduler: str, steps: list[int], total=24, peak=1e-3, warmup=0):
    """The mean of the rates that Trainer used in all steps of each interval."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
    schedule = hf.get_scheduler(scheduler, optimizer, warmup, total)
    rates = []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return {b: np.mean(rates[a:b]) for a, b in zip([0, *steps], steps, strict=False)}


def near(expected, peak=1e-3):
    """Within 3 %, or half a percent of the highest rate: every other step of few is logged."""
    return pytest.approx(expected, rel=0.03, abs=peak / 200)


@pytest.mark.parametrize(("scheduler", "warmup"), [("linear", 0), ("constant", 0), ("cosine", 6)])
def test_weights_are_the_mean_learning_rates(scheduler, warmup, tiny_model, tmp_path):
    run = raw_run(tiny_model("bert"), tmp_path / "run", lr_scheduler_type=scheduler, warmup_steps=warmup)
    found = find_run(run, count=6)
    assert [each.step for each in found.checkpoints] == [4, 8, 12, 16, 20, 24]
    assert weights(found) == near(expected_weights(scheduler, found.all_steps, warmup=warmup))
    assert all(each.loss > 0 for each in found.checkpoints)
    assert [each.epoch for each in found.checkpoints] == pytest.approx([s / 6 for s in found.all_steps])


def test_what_a_plain_run_says(plain):
    found = find_run(plain)
    assert len(found.checkpoints) == 4 and found.checkpoints[-1].step == 24
    assert found.all_steps == [4, 8, 12, 16, 20, 24]
    assert (found.classes, found.num_labels, found.max_length) == (["neg", "pos"], 2, 20)
    assert found.max_length_from == plain / "checkpoint-24" / "tokenizer.json"
    assert found.optimizer_state and found.tokenizer_source == plain / "checkpoint-24"
    assert found.notes == []
    for each in found.checkpoints:
        assert load_classifier(each.path).config.id2label == {0: "neg", 1: "pos"}


def test_weights_cover_the_interval_since_the_previous_chosen_checkpoint(plain):
    found = find_run(plain, count=2)
    assert weights(found) == near(expected_weights("linear", [each.step for each in found.checkpoints]))


@pytest.mark.parametrize("states", [True, False])
@pytest.mark.parametrize("every", ["epoch", 500])
def test_a_run_that_logs_rarely(every, states, tiny_model, tmp_path):
    logging = {"logging_strategy": "epoch"} if every == "epoch" else {"logging_steps": every}
    run = raw_run(
        tiny_model("bert"), tmp_path / "run", save_strategy="epoch", save_only_model=not states, **logging
    )
    found = find_run(run)
    assert found.all_steps == [6, 12, 18, 24]
    said = " ".join(found.notes)
    if every == "epoch" or states:
        within = 1e-6 if states else 0.01
        assert weights(found) == pytest.approx(expected_weights("linear", found.all_steps), rel=within)
        assert ("No learning rate before step 6 is known" in said) == (not states)
    else:
        assert set(weights(found).values()) == {1.0} and "--learning-rate" in said


def test_gradient_accumulation_and_no_optimizer_state(tiny_model, tmp_path):
    run = raw_run(
        tiny_model("roberta"), tmp_path / "run", gradient_accumulation_steps=2, save_only_model=True
    )
    found = find_run(run)
    assert found.all_steps == [4, 8, 12]
    assert not found.optimizer_state and any("No optimizer state" in note for note in found.notes)
    assert weights(found) == near(expected_weights("linear", [4, 8, 12], total=12))


def test_interrupted_and_resumed(tiny_model, tmp_path):
    source = tiny_model("bert")
    run = raw_run(source, tmp_path / "run", callbacks=[Stop(10)])
    found = find_run(run)
    assert found.all_steps[:2] == [4, 8] and max(found.all_steps) <= 10
    assert weights(found)[4] == near(expected_weights("linear", [4, 8])[4])
    raw_run(source, run, resume=str(run / "checkpoint-8"))
    found = find_run(run, count=8)
    steps = found.all_steps
    assert steps[:2] == [4, 8] and steps[-1] == 24
    assert weights(found) == near(expected_weights("linear", steps))


def test_numeric_order_beyond_ten(tiny_model, tmp_path):
    run = raw_run(tiny_model("bert"), tmp_path / "run", save_steps=1, max_steps=11)
    assert find_run(run).all_steps == list(range(1, 12))


# -- what is missing or damaged --------------------------------------------------------------------


def test_incomplete_checkpoints_are_left_out_with_a_note(run):
    (run / "checkpoint-4" / "config.json").unlink()
    (run / "checkpoint-8" / "model.safetensors").unlink()
    whole = (run / "checkpoint-24" / "model.safetensors").read_bytes()
    (run / "checkpoint-24" / "model.safetensors").write_bytes(whole[:-100])
    (run / "checkpoint-16" / "model.safetensors").rename(run / "checkpoint-16" / "pytorch_model.bin")
    (run / "checkpoint-99").write_text("a file")
    (run / "checkpoint-last").mkdir()
    found = find_run(run)
    assert found.all_steps == [12, 20]
    assert [note.split(" is ")[0] for note in found.notes if "left out" in note] == [
        "checkpoint-4",
        "checkpoint-8",
        "checkpoint-16",
        "checkpoint-24",
    ]


def test_sharded_weights(run):
    last = run / "checkpoint-24"
    load_classifier(last).save_pretrained(last, max_shard_size="20KB")
    (last / "model.safetensors").unlink(missing_ok=True)
    assert (last / "model.safetensors.index.json").is_file()
    assert find_run(run).all_steps[-1] == 24
    next(last.glob("model-00002-*.safetensors")).unlink()
    found = find_run(run)
    assert found.all_steps[-1] == 20 and "missing or damaged" in found.notes[0]


def test_without_log_and_states_all_weights_are_one(run):
    for state in run.rglob("trainer_state.json"):
        state.unlink()
    found = find_run(run)
    assert {each.derived for each in found.checkpoints} == {"scheduler state"}
    assert [each.loss for each in found.checkpoints] == [None] * 4
    for state in [*run.rglob("optimizer.pt"), *run.rglob("scheduler.pt")]:
        state.unlink()
    found = find_run(run)
    assert set(weights(found).values()) == {1.0} and any("weight 1" in note for note in found.notes)


def test_null_and_missing_learning_rates(run):
    def forget(state):
        for entry in state["log_history"]:
            if entry.get("step", 0) > 8:
                entry["learning_rate"] = None

    edit(run / "checkpoint-24" / "trainer_state.json", forget)
    found = find_run(run, count=3)
    assert weights(found) == pytest.approx(
        expected_weights("linear", [each.step for each in found.checkpoints])
    )
    edit(
        run / "checkpoint-24" / "trainer_state.json",
        lambda s: [e.pop("learning_rate", 0) for e in s["log_history"]],
    )
    # the newest checkpoint's log is used, even though an older one still has rates; then the states
    assert {each.derived for each in find_run(run).checkpoints} == {"scheduler state"}
    for state in [*run.rglob("optimizer.pt"), *run.rglob("scheduler.pt")]:
        state.unlink()
    assert set(weights(find_run(run)).values()) == {1.0}


def test_log_of_an_older_checkpoint_or_the_run_folder(run):
    complete = weights(find_run(run))
    (run / "checkpoint-24" / "trainer_state.json").rename(run / "trainer_state.json")
    assert weights(find_run(run)) == complete
    (run / "trainer_state.json").unlink()
    found = find_run(run)
    assert any("checkpoint-24 has no readable trainer_state.json" in note for note in found.notes)
    assert found.checkpoints[-1].weight > 0


def test_a_single_checkpoint_folder(run):
    found = find_run(run / "checkpoint-12")
    assert [each.step for each in found.checkpoints] == found.all_steps == [12]
    assert found.checkpoints[0].path == run / "checkpoint-12"
    assert "is one of the 6 checkpoints" in found.notes[0]
    assert found.classes == ["neg", "pos"]


def test_a_saved_model_without_any_trainer_file(tiny_model):
    found = find_run(tiny_model("bert"))
    assert (found.checkpoints[0].weight, found.checkpoints[0].step) == (1.0, 0)
    assert found.classes is None and found.num_labels == 2
    assert found.max_length is None and any("not recorded" in note for note in found.notes)


def test_tokenizer_in_the_run_folder_or_nowhere(run, plain):
    for folder in run.glob("checkpoint-*"):
        (folder / "tokenizer.json").unlink()
    found = find_run(run)
    assert found.tokenizer_source is None and any("name the model" in note for note in found.notes)
    shutil.copy(plain / "checkpoint-24" / "tokenizer.json", run)
    found = find_run(run)
    assert found.tokenizer_source == run and found.max_length == 20


def test_training_args_are_never_unpickled(run):
    for pickle in [*run.rglob("*.bin"), *run.rglob("*.pt"), *run.rglob("*.pth")]:
        pickle.write_bytes(b"not even a pickle")
    assert find_run(run).optimizer_state


def test_a_best_model_that_is_not_the_last_is_noted(run):
    edit(
        run / "checkpoint-24" / "trainer_state.json",
        lambda state: state.update(best_model_checkpoint="/elsewhere/checkpoint-12", max_steps=30),
    )
    notes = " ".join(find_run(run).notes)
    assert "checkpoint-12 the best" in notes and "24, 30" in notes


# -- refused ---------------------------------------------------------------------------------------


def refused(run: Path, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        find_run(run)
    assert "\n" not in str(caught.value)


def test_nothing_there(tmp_path):
    refused(tmp_path / "nowhere", "no such folder")
    refused(tmp_path, r"no checkpoint-\* folders")
    (tmp_path / "checkpoint-5").mkdir()
    refused(tmp_path, "no usable checkpoint")
    (tmp_path / "checkpoint-5" / "adapter_config.json").write_text("{}")
    refused(tmp_path, "adapter_config.json is damaged")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architectures": ["BertForTokenClassification"]}, "BertForTokenClassification"),
        ({"problem_type": "diffusion"}, "does not explain"),
        ({"id2label": {"0": "a", "2": "b"}}, "without gaps"),
    ],
)
def test_models_that_are_not_explained(run, change, message):
    edit(run / "checkpoint-24" / "config.json", lambda config: config.update(change))
    refused(run, message)


def test_match_classes_uses_the_run(plain):
    assert match_classes(find_run(plain), ["Pos", "Neg"], None) == (["Neg", "Pos"], [])


# -- what a checkpoint must be able to do ----------------------------------------------------------


def unusable(checkpoint: Path, message: str, tokenizer=None, max_length=None, n_classes=2):
    tokenizer = tokenizer or load_tokenizer(checkpoint)
    with pytest.raises(InputError, match=message) as caught:
        check_usable(checkpoint, tokenizer, max_length, Examples.one("a witty movie"), n_classes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_usable(architecture, tiny_model):
    source = tiny_model(architecture)
    tokenizer = load_tokenizer(source)
    for more, max_length in ((), None), (("a dull one",), 7), (("a dull one",), 10_000):
        check_usable(source, tokenizer, max_length, Examples.one("a witty movie", *more), 2)


def test_usable_with_a_tokenizer_from_elsewhere(tiny_model, tmp_path):
    """An attached GPT-2 whose config names no padding and whose folder has no tokenizer."""
    copy = Path(shutil.copytree(tiny_model("gpt2"), tmp_path / "copy"))
    for file in copy.glob("tokenizer*"):
        file.unlink()
    check_usable(copy, load_tokenizer(tiny_model("gpt2")), None, Examples.one("a witty movie"), 2)


def test_unusable_checkpoints(tiny_model, tmp_path):
    bert = tiny_model("bert")
    unusable(bert, "has 2 outputs, not 3", n_classes=3)
    unusable(bert, "max length 3: .* at least 4", max_length=3)
    with pytest.raises(InputError, match=r"max length 4: .* at least 5"):
        check_usable(bert, load_tokenizer(bert), 4, Examples.one("a witty movie", "dull"), 2)
    unusable(tmp_path, "cannot be loaded", tokenizer=load_tokenizer(bert))
    tokenizer = load_tokenizer(bert)
    tokenizer.add_tokens(["gorgeously", "dullest"])
    rows = len(tokenizer) - 2
    unusable(bert, f"has {rows + 2} tokens, but .* only {rows} rows", tokenizer=tokenizer)


def test_a_diverged_checkpoint_is_unusable(tiny_model, tmp_path):
    model, tokenizer = load_classifier(tiny_model("bert")), load_tokenizer(tiny_model("bert"))
    with torch.no_grad():
        model.classifier.bias.fill_(float("nan"))
    model.save_pretrained(tmp_path)
    unusable(tmp_path, "did the training diverge", tokenizer=tokenizer)


def test_a_forward_pass_that_fails_is_one_line(tiny_model, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("sizes differ\nat length")

    monkeypatch.setattr("backend.model.checkpoints.predict", broken)
    unusable(tiny_model("bert"), r"fails on a text \(sizes differ\)")


def test_a_model_without_word_embeddings_is_unusable(tiny_model, monkeypatch):
    monkeypatch.setattr(hf.BertForSequenceClassification, "get_input_embeddings", lambda self: None)
    unusable(tiny_model("bert"), "no word-embedding layer")
