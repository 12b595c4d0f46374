"""Figures of every label of label sets, against scikit-learn."""

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from backend.model.label_figures import label_figures

NAMES = ("a", "b", "never", "absent", "nowhere")


def test_every_label_as_scikit_learn_says():
    generator = np.random.default_rng(0)
    given = (generator.random((80, 5)) < 0.4).astype(np.float32)
    outputs = generator.random((80, 5)).astype(np.float32)
    outputs[:, 2] *= 0.5  # given, never predicted
    given[:, 3] = 0  # predicted, never given
    given[:, 4], outputs[:, 4] = 0, 0.1
    found = label_figures(NAMES, given, outputs)
    precision, recall, f1, support = precision_recall_fscore_support(
        given, (said := outputs > 0.5), zero_division=np.nan
    )
    for place, each in enumerate(found):
        assert each.name == NAMES[place] and each.support == support[place]
        assert each.predicted == int(said[:, place].sum())
        for own, other in (
            (each.precision, precision[place]),
            (each.recall, recall[place]),
            (each.f1, f1[place]),
        ):
            np.testing.assert_allclose(np.nan if own is None else own, other)
        expected = average_precision_score(given[:, place], outputs[:, place]) if support[place] else None
        assert each.average_precision == expected


def test_command_line_names_labels_that_are_never_given(inside, multilabel_workspace):
    status = inside("status", multilabel_workspace.path, "--classes").stdout
    found = multilabel_workspace.label_figures()
    assert [each.name for each in found] == list(multilabel_workspace.space.names)
    for each in found:
        assert f"{each.name}" in status and (each.predicted or "never predicted: " in status)
    assert "average precision" in status
    assert "average precision" not in inside("status", multilabel_workspace.path).stdout
