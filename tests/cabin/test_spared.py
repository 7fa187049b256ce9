import importlib
import sys

import pytest

from cabin.spared import spared


def test_meanwhile_a_library_is_not_found_and_then_it_is() -> None:
    sys.modules.pop("colorsys", None)
    with spared("colorsys"), pytest.raises(ImportError, match="colorsys"):
        importlib.import_module("colorsys")

    assert importlib.import_module("colorsys")


def test_what_is_imported_already_stays() -> None:
    colorsys = importlib.import_module("colorsys")
    with spared("colorsys"):
        assert importlib.import_module("colorsys") is colorsys
    assert sys.modules["colorsys"] is colorsys
