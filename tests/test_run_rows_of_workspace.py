"""What an attached classifier run made of a workspace's rows: a real Trainer run with the callback in it."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import Dataset
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from backend import FirstwordCallback
from backend.data.columns import Columns
from backend.model.loading import load_classifier, load_tokenizer
from backend.run_rows.fates import CUT, KEPT, LEFT_OUT, NOT_KNOWN
from backend.workspace import Workspace
from tests.conftest import tiny_rows, write_rows
from tests.pages.driver import new_app, words
from tests.sft_runs import pairs, sft_trainer

LENGTH = 28


def data() -> list[dict[str, Any]]:
    """Rows of different texts, some longer than the run reads."""
    made = []
    for at, row in enumerate(tiny_rows(30)):
        more = " ".join([row["text"]] * (1 + at % 3))
        made.append({**row, "text": f"{'witty ' * (at % 5)}{'honest ' * (at // 5)}{more}"})
    assert len({row["text"] for row in made}) == 30
    return made


def run_on(folder: Path, rows: list[dict[str, Any]], source: Workspace, **given: Any) -> Any:
    """A run with the tiny workspace's model and tokenizer."""
    tokenizer = load_tokenizer(source.folder.tokenizer_path(source.manifest))
    model = load_classifier(source.folder.checkpoint_path(source.manifest.checkpoints[-1]))
    encoded = tokenizer(
        [row["text"] for row in rows], truncation=True, max_length=given.pop("length", LENGTH)
    )
    classes = list(source.manifest.classes)
    columns = {**encoded, "label": [classes.index(row["label"]) for row in rows]}
    quiet = {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "logging_steps": 1}
    usual = {"per_device_train_batch_size": 4, "num_train_epochs": 2, "save_strategy": "epoch"}
    trainer = Trainer(
        model=model,
        args=TrainingArguments(output_dir=str(folder), **{**usual, **quiet, **given}),
        train_dataset=Dataset.from_dict(columns),
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        callbacks=[FirstwordCallback()],
    )
    trainer.train()
    return trainer


@pytest.fixture
def attached(tiny_workspace, tmp_path):
    """A function that makes a run on some rows and attaches it to a workspace of all of them."""

    def make(rows: list[dict[str, Any]], **given: Any) -> Workspace:
        run_on(tmp_path / "run", rows, tiny_workspace, **given)
        train = write_rows(tmp_path / "train.jsonl", data())
        evaluation = write_rows(tmp_path / "eval.jsonl", tiny_rows(10, 1000))
        columns = Columns(text="text", label="label", id="id")
        made, _ = Workspace.create(
            tmp_path / "other",
            train=str(train),
            eval=str(evaluation),
            columns=columns,
            model="sshleifer/unused",
        )
        made.attach(tmp_path / "run")
        return made

    return make


def test_rows_are_cut_where_the_run_cut_them_and_seen_when_it_saw_them(attached, tmp_path):
    made = attached(data())
    found = made.audit.compute_run_rows()
    assert (found.recorded, found.matched) == (30, 30)
    tokenizer = load_tokenizer(made.folder.tokenizer_path(made.manifest))
    tokenizer.backend_tokenizer.no_truncation()
    whole = {row["id"]: len(tokenizer(row["text"]).input_ids) for row in data()}
    for each in found.rows:
        assert each.tokens == whole[each.id]
        assert each.kept_tokens == min(whole[each.id], LENGTH)
        assert each.fate == (CUT if whole[each.id] > LENGTH else KEPT)
        assert each.seen == 2 and len(each.steps) == 2
    assert {each.fate for each in found.rows} == {CUT, KEPT}
    steps = [json.loads(line) for line in (tmp_path / "run/firstword/steps.jsonl").read_text().splitlines()]
    for line in steps:
        for row in (row for batch in line.get("batches", ()) for row in batch):
            assert line["step"] in found.rows[made.train_split.position(data()[row]["id"])].steps
    assert made.audit.run_rows().equals(found.table())
    assert made.status()["artifacts"]["run_rows"]["summary"] == found.summary()


def test_rows_that_the_run_never_had_are_told(attached):
    made = attached([row for at, row in enumerate(data()) if at not in (3, 4)])
    fates = made.audit.compute_run_rows().rows
    assert [each.row for each in fates if each.fate == LEFT_OUT] == [3, 4]
    assert [each.seen for each in fates if each.fate == LEFT_OUT] == [0, 0]


def test_rows_with_other_tokens_are_not_known(attached):
    rows = [{**row, "text": "x" + row["text"]} if at == 5 else row for at, row in enumerate(data())]
    found = attached(rows).audit.compute_run_rows()
    assert [each.row for each in found.rows if each.fate == NOT_KNOWN] == [5]
    assert found.rows[5].seen is None and found.rows[5].kept_tokens is None
    assert any("29 are training rows here" in note for note in found.notes)


def test_without_the_callback_what_is_not_known_is_said(attached, tmp_path):
    made = attached(data())
    for path in (tmp_path / "run/firstword").iterdir():
        path.unlink()
    found = made.audit.compute_run_rows()
    assert {each.seen for each in found.rows} == {None} and found.recorded is None
    assert {each.fate for each in found.rows} <= {CUT, KEPT} or made.manifest.max_length is None
    assert any("FirstwordCallback" in note for note in found.notes)


def test_overview_shows_it(attached, monkeypatch, tmp_path):
    made = attached(data())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(made.path))
    app = new_app().run()
    assert not app.exception and "not looked at yet" in words(app)
    found = made.audit.compute_run_rows()
    app = new_app().run()
    assert not app.exception
    shown = words(app)
    assert f"{found.summary()['fates'][CUT]} cut" in shown and "30 rows 2 times" in shown
    first = next(each for each in found.rows if each.fate == CUT)
    assert first.id in shown


def test_the_command_on_a_workspace(attached, inside, tmp_path):
    made = attached(data())
    done = inside("run-rows", made.path, "--json", "--out", tmp_path / "rows.jsonl")
    said = json.loads(done.stdout)
    assert said["rows"] == 30 and said["seen"] == {"2": 30}
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert lines == made.audit.run_rows().to_pylist()
    assert "cut" in inside("run-rows", made.path).stdout


def test_the_command_on_an_sft_run(inside, tmp_path):
    rows = pairs(20)
    trainer = sft_trainer(tmp_path / "run", rows, max_length=8)
    trainer.train()
    trainer.processing_class.save_pretrained(tmp_path / "run")
    file = write_rows(tmp_path / "data.jsonl", rows)
    asked = ("run-rows", "--run", tmp_path / "run", "--data", file)
    said = inside(*asked, "--out", tmp_path / "rows.csv").stdout
    assert "20 rows:" in said and "no token in the loss" in said
    with (tmp_path / "rows.csv").open() as opened:
        table = list(csv.DictReader(opened))
    assert [int(each["row"]) for each in table] == list(range(20))
    assert sum(int(each["kept_tokens"]) for each in table if each["packs"] != "[]") == sum(
        len(each["input_ids"]) for each in trainer.train_dataset
    )
    inside(*asked, "--out", tmp_path / "rows.parquet")
    assert pq.read_table(tmp_path / "rows.parquet").num_rows == 20


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a workspace, or --run"),
        (["--run", "."], "needs --data"),
        (["--run", "nowhere", "--data", "{file}"], "no such folder"),
        (["--run", ".", "--data", "nothing.jsonl"], "no such file"),
        (["--run", ".", "--data", "{file}"], "has no tokenizer"),
        (["--run", ".", "--data", "{broken}"], "line 2"),
        (["--run", ".", "--data", "{file}", "--packing", "tight"], "choose from none, bfd"),
        (["--run", ".", "--data", "{file}", "--max-length", "-1"], "0 where nothing was cut"),
        (["--run", ".", "--data", "{file}", "--out", "rows.xlsx"], "must end in .csv"),
        (["{ws}", "--max-length", "3"], "do not go with it"),
        (["nowhere"], "no workspace here"),
    ],
)
def test_wrong_input_is_refused_in_one_line(arguments, said, inside, tiny_workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = write_rows(tmp_path / "data.jsonl", pairs(3))
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"text": "a"}\n{"text": \n')
    named = {"file": file, "broken": broken, "ws": tiny_workspace.path}
    done = inside("run-rows", *(each.format(**named) for each in arguments), check=False)
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.strip().splitlines()) == 1
