"""A pytest plugin of `pytest-modelgate prune`'s own: writes down which gates were collected.

Loaded by ``-p`` into the pytest that `collecting` starts. It imports no pytest; hooks are called by
their names. Which server and test a gate belongs to is read from what the main plugin has made of
its markers, so that a baseline's key is computed in one place.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker

from pytest_modelgate.errors import ModelgateError

if TYPE_CHECKING:
    from collections.abc import Generator

    # pytest's objects: only plugin.py may import its types
    Config = Any
    Item = Any
    Session = Any
    Node = Any
    Report = Any

VARIABLE = "PYTEST_MODELGATE_COLLECTED"
"""The environment variable with the path of the file to write."""

hookimpl = HookimplMarker("pytest")


def pytest_configure(config: Config) -> None:
    """Begin to take notes, in the controlling process."""
    if path := os.environ.get(VARIABLE):
        config.pluginmanager.register(CollectionNotes(config, Path(path)), "modelgate-collected")


class CollectionNotes:
    """What was collected, and what may have been left out."""

    def __init__(self, config: Config, path: Path) -> None:
        self._config = config
        self._path = path
        self._found: list[Item] = []
        self._whole_files: set[str] = set()
        self._partial_files: set[str] = set()

    @hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: Node) -> Generator[None, Report, Report]:
        """Note which files were collected, and which skipped themselves or failed."""
        report = yield
        if collector.path.is_file():
            files = self._whole_files if report.passed else self._partial_files
            files.add(str(collector.path.resolve()))
        return report

    @hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[Item]) -> Generator[None, None, None]:
        """Note every gate before options and plugins leave some of them out."""
        self._found = [item for item in items if item.get_closest_marker("modelgate")]
        yield

    @hookimpl(trylast=True)
    def pytest_collection_finish(self, session: Session) -> None:
        """Write the notes."""
        gates = self._config.pluginmanager.get_plugin("modelgate-collector")
        if gates is None:  # told to be off, by a -p no:… say: then nothing is known
            return
        kept = set(map(id, session.items))
        notes = {
            "gates": [
                [spec.server, spec.test]
                for spec in gates.collected
                if not isinstance(spec, ModelgateError)
            ],
            "unreadable": [it.brief for it in gates.collected if isinstance(it, ModelgateError)],
            "left_out": [item.nodeid for item in self._found if id(item) not in kept],
            "narrowed_by": self._narrowed_by(),
            "files": sorted(self._whole_files - self._partial_files),
        }
        self._path.write_text(json.dumps(notes))

    def _narrowed_by(self) -> list[str]:
        """Name the options that leave tests out without a trace, or never go with pruning."""
        option = self._config.option
        given = {
            "-k": option.keyword,
            "--lf": getattr(option, "lf", False),
            "paths of tests": self._config.args_source.name == "ARGS",
        }
        return [name for name, value in given.items() if value]
