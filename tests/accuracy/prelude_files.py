"""The files of the prelude as modules of CPython, over the stand-ins for the machine's operations."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

DIRECTORY = Path(__file__).parents[2] / "python" / "ungil" / "prelude"
_NAME = "prelude_under_test"


def load(module: str) -> ModuleType:
    """A file of the prelude, without the rest of the package, which needs to be built."""
    if _NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            _NAME, DIRECTORY / "__init__.py", submodule_search_locations=[str(DIRECTORY)]
        )
        assert spec is not None
        assert spec.loader is not None
        package = importlib.util.module_from_spec(spec)
        sys.modules[_NAME] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"{_NAME}.{module}")
