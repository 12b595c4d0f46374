#!/usr/bin/env bash
# cleanlab 2.9.0 (numpy 2.4.6, scikit-learn 1.9.1; Python 3.11): of a perfectly calibrated classifier that is often
# unsure, its two counts of wrong labels are high where no label is wrong, and differ from each other.
#
# Each of 5,000 labels is drawn from the very class probabilities that cleanlab is then given. Whatever is rare
# there is rare by chance: the probabilities leave nothing for wrong labels to explain. For two classes and an
# accuracy of .75 `num_label_issues` counts about a tenth of the labels and `find_label_issues` (defaults) lists
# about a sixth; for six classes and .59, more than a quarter. One would expect a few, and the list as long as
# the count.
# Why it matters: the count is often shown as "so many of your labels are wrong". With a weak model, or with
# texts that can only be guessed, it is a count of the model's doubt.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q cleanlab==2.9.0 numpy==2.4.6 scikit-learn==1.9.1
"$scratch/venv/bin/python" - <<'PYTHON'
import numpy as np
from cleanlab.count import num_label_issues
from cleanlab.filter import find_label_issues

random = np.random.default_rng(0)
seen = {}
for classes, evenness in ((2, 1.0), (6, 0.3)):
    probabilities = random.dirichlet(np.full(classes, evenness), 5000)
    labels = (probabilities.cumsum(axis=1) > random.random((5000, 1))).argmax(axis=1)
    accuracy = (probabilities.argmax(axis=1) == labels).mean()
    counted = int(num_label_issues(labels, probabilities))
    listed = int(find_label_issues(labels, probabilities).sum())
    seen[classes] = counted, listed
    print(f"{classes} classes, accuracy {accuracy:.2f}, none wrong: counts {counted}, lists {listed} of 5,000")
assert 400 < seen[2][0] < 700 and 600 < seen[2][1] < 1000, seen
assert seen[6][0] > 1000 and seen[6][1] > 1200, seen
print("as found: doubt is counted as error, and list and count differ")
PYTHON
