"""The table of how long functions are."""

from benchmarks.functions import Function, functions, percentile

SOURCE = '''
def nothing():
    """Only words."""


def outer():
    """Two
    lines of words."""
    first = 1

    def inner():
        # a comment counts
        return first

    return inner


class Thing:
    async def method(self): return 1
'''


def test_bodies_are_counted_without_their_docstrings(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part/some.py").write_text(SOURCE, encoding="utf-8")
    assert sorted(functions(tmp_path / "part")) == [
        Function(0, "part.some.nothing"),
        Function(1, "part.some.Thing.method"),
        Function(1, "part.some.outer.inner"),
        Function(7, "part.some.outer"),
    ]


def test_percentiles_are_values_that_occur():
    assert [percentile([1, 2, 3, 40], share) for share in (50, 90, 99)] == [2, 40, 40]
