"""The main job on real data with the embedded model (slow; needs the shared data sets)."""

import json

import pytest

from tests.test_cli import backend

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("file", "options", "text"),
    [
        ("trec", [], {"--text": "Who wrote the first film about a city ?"}),
        (
            "sick",
            ["--text-b", "text_b"],
            {"--text": "A man is playing a guitar", "--text-b": "Nobody is playing"},
        ),
        ("sst2_sentences", [], {"--text": "a gorgeous , witty film"}),
    ],
)
def test_the_main_job_on_real_data(shared_data, tmp_path, file, options, text):
    ws, source = tmp_path / "ws", shared_data / f"{file}.jsonl.gz"
    columns = ["--split-column", "split", "--text", "text", "--label", "label", *options]
    backend("init", ws, "--train", source, *columns, "--model", "minilm", "--layers", 1)
    backend("train", ws, "--epochs", 0.25, "--checkpoints", 2, "--max-length", 48)
    backend("precompute", ws)
    asked = [part for pair in text.items() for part in pair]
    answer = json.loads(backend("explain", ws, *asked, "-k", 5, "--json").stdout)
    for entry in answer["proponents"] + answer["opponents"]:
        assert sum(token["score"] for token in entry["tokens"]) == pytest.approx(
            entry["score"], rel=1e-5, abs=1e-15
        )
    row = answer["proponents"][0]["id"]
    backend("remove", ws, row, "--reason", "test")
    report = json.loads(
        backend("export", ws, "--format", "parquet", "--out", tmp_path / "out.parquet", "--json").stdout
    )
    assert report["removed"] == 1
    recall = json.loads(backend("evaluate", ws, "--protocol", "index", "--queries", 60, "--json").stdout)
    assert recall["proponents"] >= 0.99
    assert recall["opponents"] >= 0.99
    assert json.loads(backend("verify", ws, "--json").stdout) == {"damaged": []}
