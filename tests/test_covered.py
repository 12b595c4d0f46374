"""The table of what the tests run."""

from benchmarks.covered import table


def counted(run: int, missing: int) -> dict[str, list[int]]:
    return {"executed_lines": list(range(run)), "missing_lines": list(range(run, run + missing))}


def test_the_table_has_the_total_and_the_least_covered():
    files = {
        "backend/good.py": counted(9, 1),
        "backend/bad.py": counted(1, 3),
        "pages/components/never.py": counted(0, 2),
        "pages/components/never_and_longer.py": counted(0, 4),
        "pages/help.py": counted(0, 40),  # run by Streamlit, not counted
        "backend/__init__.py": counted(0, 0),
    }
    assert table({"files": files}, 3) == [
        ("all 4 modules", 20, 10, 50.0),
        ("pages/components/never_and_longer.py", 4, 0, 0.0),
        ("pages/components/never.py", 2, 0, 0.0),
        ("backend/bad.py", 4, 1, 25.0),
    ]
