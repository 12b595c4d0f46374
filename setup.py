"""What pyproject.toml cannot say: in a wheel, ``backend`` and ``pages`` stand inside ``firstword``.

In a checkout they are packages of their own (docs/design.md, D-172). A wheel has no package of so common a
name at its top: each module is written with its imports of them pointing into ``firstword``, line for line.
"""

import re
import shutil
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

_MOVED = ("backend", "pages")
_IMPORT = re.compile(rf"^(\s*from )({'|'.join(_MOVED)})(?=[. ])", re.MULTILINE)
_BESIDE = ("app.py", ".streamlit/config.toml")


class BuildInside(build_py):
    """Builds ``firstword`` with the other packages in it; an editable install uses the checkout as it is."""

    def run(self) -> None:
        """Build, then point the imports inside and lay the page's script beside."""
        root = Path(self.build_lib) / "firstword"
        if not self.editable_mode:  # modules that are gone would come back from an earlier build
            shutil.rmtree(root, ignore_errors=True)
        super().run()
        if self.editable_mode:
            return
        for name in _BESIDE:
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(name, root / name)
        for path in root.rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            path.write_text(_IMPORT.sub(r"\1firstword.\2", text), encoding="utf-8")


editable = "editable_wheel" in sys.argv
found = find_packages(include=[each for name in ("firstword", *_MOVED) for each in (name, f"{name}.*")])
setup(
    packages=found if editable else [each if each == "firstword" else f"firstword.{each}" for each in found],
    package_dir={} if editable else {f"firstword.{name}": name for name in _MOVED},
    package_data={"": ["*.css", "*.js", "*.svg", "py.typed"]},
    cmdclass={"build_py": BuildInside},
)
