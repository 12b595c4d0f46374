"""Names of what a session keeps: two fields under one name would share their value."""

from collections import defaultdict

from pages.components import keys


def test_every_name_has_a_value_of_its_own():
    names = defaultdict(list)
    for name, value in vars(keys).items():
        if name.isupper():
            names[value].append(name)
    assert {value: shared for value, shared in names.items() if len(shared) > 1} == {}
