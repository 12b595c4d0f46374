"""A model that has hardly learnt is said first on every page that shows its answers; figures on Overview."""

import numpy as np
import pytest

from backend.model.figures import Figures, figures_of
from backend.model.planned import HardlyLearnt
from backend.workspace import Workspace
from pages.components.home.model_figures import class_figures, confused_pairs, confusion_plot, summary
from tests.pages.driver import opened, page, words

POOR = HardlyLearnt(
    "accuracy 4.5% on <b>770</b> eval rows", "train it again", "python -m backend train x --again"
)


@pytest.mark.parametrize("name", ["overview", "inspect", "review", "retrain"])
def test_it_is_the_first_message_of_the_page(name, app, monkeypatch):
    monkeypatch.setattr(Workspace, "hardly_learnt", lambda self: POOR)
    shown = page(app, name)
    assert not shown.exception
    first = shown.main.error[0].value
    assert "has hardly learnt" in first and "4\\.5 %" in first and "<b>" not in first
    assert POOR.command in [each.value for each in shown.main.code]


def test_a_model_that_has_learnt_is_not_accused(app, monkeypatch):
    monkeypatch.setattr(Workspace, "hardly_learnt", lambda self: None)
    assert not page(app, "overview").main.error


def test_overview_shows_figures_beside_the_largest_class(app):
    shown = words(page(app, "overview"))
    figures = opened().figures()
    assert "macro-F1" in shown and "largest class" in shown and f"{figures.macro_f1:.3f}" in shown
    assert all(f">{name}<" in shown for name in opened().manifest.classes)


def of_many(classes: int) -> Figures:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, classes, 1000)
    predicted = np.where(generator.random(1000) < 0.7, labels, generator.integers(0, classes, 1000))
    return figures_of(
        labels.tolist(), predicted.tolist(), [f"<i>class {each}" + "x" * 60 for each in range(classes)]
    )


def test_the_matrix_holds_the_counts_and_names_mean_nothing():
    figures = of_many(5)
    heat = confusion_plot(figures).data[0]
    assert np.array(heat.text).tolist() == [
        [f"{each:,}" for each in row] for row in figures.confusion.tolist()
    ]
    np.testing.assert_allclose(np.array(heat.z).sum(axis=1), 1)
    assert "<i>" not in str(heat.hovertext) and "<i>" not in class_figures(figures)


def test_of_many_classes_the_worst_come_first_and_pairs_take_the_place_of_the_matrix():
    figures = of_many(77)
    worst = min(figures.per_class, key=lambda each: (each.f1 or 0, -each.support))
    first = class_figures(figures).split("<tr>")[2]
    assert worst.name.split("x")[0].replace("<", "&lt;").replace(">", "&gt;") in first
    assert confused_pairs(figures).count("<tr>") == 21
    assert dict(summary(figures))["classes never predicted"] == "0"
