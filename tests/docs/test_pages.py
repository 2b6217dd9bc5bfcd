"""Every code block of README and docs/ is executed, page by page, as a reader would."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from blocks import blocks_of, fences
from reader import ALL_PAGES, PAGES, Reader


def _name(page: Path) -> str:
    return page.name


@pytest.fixture
def reader(tmp_path: Path, fault_binary: Path) -> Reader:
    """A reader with a server, ``./server``, whose model is called "toy"."""
    shutil.copy(fault_binary, tmp_path / "server")
    return Reader(tmp_path, Path(sys.executable))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_the_page_does_what_it_says(page: Path, reader: Reader) -> None:
    for block in blocks_of(page):
        if not block.is_for_checkout:
            reader.execute(block)


@pytest.mark.container
@pytest.mark.parametrize(
    "page",
    [page for page in ALL_PAGES if any(b.is_for_checkout for b in blocks_of(page))],
    ids=_name,
)
def test_what_the_page_does_in_a_checkout_works(page: Path, reader: Reader) -> None:
    for block in blocks_of(page):
        if block.is_for_checkout:
            reader.execute(block)


@pytest.mark.parametrize("page", ALL_PAGES, ids=_name)
def test_no_block_escapes_the_reader(page: Path) -> None:
    assert fences(page) == 2 * len(list(blocks_of(page)))
