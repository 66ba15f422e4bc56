"""The command reference is what `--help` prints."""

import pytest

from benchmarks.commands_page import PAGES, page


@pytest.mark.parametrize("lang", PAGES)
def test_the_command_reference_is_current(lang):
    current = page(lang) == PAGES[lang].read_text(encoding="utf-8")
    assert current, "help texts changed: python -m benchmarks.commands_page"
