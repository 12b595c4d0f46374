"""Overview says what came of holding an attached run against its own log."""

from tests.pages.driver import opened, page, words


def with_check(fits, said):
    """The open workspace, as if `attach` had found this."""
    folder = opened().folder
    artifact = folder.manifest().artifacts["checkpoints"]
    changed = artifact.model_copy(
        update={"details": {**artifact.details, "check": {"fits": fits, "said": said}}}
    )
    folder.update(lambda m: m.model_copy(update={"artifacts": {**m.artifacts, "checkpoints": changed}}))


def test_a_run_that_does_not_fit_is_said_in_red(app):
    with_check(False, "the order of the classes is wrong: [a](b)")
    shown = page(app, "overview")
    assert not shown.exception
    assert any(
        "order of the classes is wrong" in each.value and "\\[a\\]" in each.value for each in shown.error
    )


def test_a_run_that_fits_is_said_in_a_line_and_an_own_training_not_at_all(app):
    assert "The attached run" not in words(page(app, "overview"))
    with_check(True, "accuracy here 97.0% (all 20 eval rows): as good as the log")
    shown = page(app, "overview")
    assert not shown.error and any("as good as the log" in each.value for each in shown.caption)
