"""The Sources page: the job, sentences, figures, groups and classes."""

import pytest

from backend.scores.settings import ScoreSettings
from pages.components.sources.source_rows import SourceRow, source_rows, source_sentences, steps_of
from tests.pages.driver import new_app, opened, page, words


def row(source: str, mean: float | None, error: float | None = 0.1) -> SourceRow:
    return SourceRow(None, source, 10, mean, error, 0.5, 0.0, 0.5)


@pytest.fixture
def audited(tiny_workspace, monkeypatch, tmp_path):
    """The app on a workspace without groups, audited."""
    tiny_workspace.audit.compute_sources(ScoreSettings(device="cpu"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(tiny_workspace.path))
    return new_app()


def test_the_job_is_offered_where_there_is_no_audit(app):
    page(app, "sources")
    assert not app.exception and not app.error
    assert "has not been computed yet" in app.info[0].value
    assert [each.label for each in app.button if each.label == "Audit the sources"]


def test_classes_stand_in_for_groups_and_figures_are_the_backends(audited):
    page(audited, "sources")
    assert not audited.exception and not audited.error
    assert "every class counts as a source" in audited.info[0].value
    found = {each["source"]: each for each in opened().sources().table.to_pylist() if each["step"] is None}
    shown = words(audited)
    for name, each in found.items():
        assert name in shown and f"{each['weight']:.3f}" in shown and f"{each['rows']:,}" in shown
    assert len(audited.get("plotly_chart")) == 4


def test_a_checkpoint_has_figures_of_its_own(audited):
    step = steps_of(opened().sources())[0]
    page(audited, "sources", checkpoint=f"step {step:,}")
    assert not audited.exception and not audited.error
    shown = words(audited)
    for each in source_rows(opened().sources(), step):
        assert f"{each.cosine:+.2f}".replace("-", "−") in shown


def test_a_damaged_audit_is_said_and_offered_anew(audited):
    (opened().folder.scores / "sources.parquet").write_bytes(b"")
    page(audited, "sources")
    assert not audited.exception
    assert "damaged" in audited.error[0].value.replace("\\", "")
    assert [each.label for each in audited.button if each.label == "Audit the sources"]


def test_hurting_sources_lead_to_their_rows(audited, monkeypatch):
    monkeypatch.setattr("pages.components.sources.sources_view.hurting", lambda rows: ["bad"])
    page(audited, "sources")
    (link,) = [each for each in audited.get("page_link") if "Rows of bad" in each.proto.label]
    assert "of-class=bad" in link.proto.query_string and "ws=" in link.proto.query_string


def test_sentences_say_only_what_is_beyond_chance():
    assert [row("a", 1.0).side, row("b", -1.0).side, row("c", 0.15).side] == ["helps", "hurts", "unclear"]
    assert row("d", 1.0, None).side == "unclear" and row("e", None, None).side == "unclear"
    helps, hurts, unclear = source_sentences([row("a", 1.0), row("b", -1.0), row("c", 0.1)], "eval rows")
    assert helps.startswith("“a” pulled the model towards the eval rows")
    assert hurts.startswith("“b” pulled the model away") and unclear.startswith("“c” can't be told")
    assert hurts.endswith("Look at them first.")
    (of_classes,) = source_sentences([row("b", -1.0)], "eval rows", are_classes=True)
    assert "says nothing against its rows" in of_classes and "Look at them" not in of_classes
    (many,) = source_sentences([row(str(each), 1.0) for each in range(8)], "eval rows")
    assert many.startswith("“0”, “1”, “2”, “3”, “4” and 3 more pulled")
