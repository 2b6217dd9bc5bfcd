"""The pytest plugin: options, hooks and fixtures. The only module that imports pytest.

Nothing heavy is imported before ``--modelgate`` is given: a plain pytest run must not feel this.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_modelgate.errors import ModelgateError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from pytest_modelgate.closing import Closing
    from pytest_modelgate.config.markers import GateSpec
    from pytest_modelgate.config.specs import Settings
    from pytest_modelgate.gate import Gate
    from pytest_modelgate.reports.progress import Progress
    from pytest_modelgate.servers.server import RunningServer
    from pytest_modelgate.session import GateSession

SESSION = pytest.StashKey["GateSession"]()
COLLECTOR = pytest.StashKey["GateCollector"]()
SKIPPED_FILES = pytest.StashKey[list[str]]()
SPEC = pytest.StashKey["GateSpec | ModelgateError"]()
GATE = pytest.StashKey["Gate"]()
REAPED = pytest.StashKey[tuple[str, ...]]()
RESULT = pytest.StashKey["Mapping[str, object]"]()

MARKERS = (
    "modelgate(server): gate this test on the server of that name; with --modelgate only",
    "load(concurrency=1, requests=1000, duration=None, warmup=50): the load of one run",
    'latency(p50="+5 %", p99="< 40 ms", mean=…, p99_9=…): thresholds on latency',
    'memory(peak="< 300 MiB", idle=…, after=…, growth="< 1 KiB/request"): thresholds on memory',
    (
        "drift(rtol=None, atol=None, inputs=64, equal_nan=False, "
        "max_abs=…, max_rel=…, mismatched=…): hold answers against the baseline's"
    ),
    'thresholds({"throughput": "-5 %", …}): thresholds on any metric, by its name',
)


class ModelgateWarning(pytest.PytestWarning):
    """A gate was inconclusive, and ``inconclusive = "warn"`` says to go on."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command line; every option can also stand in the file or the environment."""
    from pytest_modelgate.config.options import add_options

    add_options(parser.getgroup("modelgate", "quality gates for served models"))


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that other plugins may implement."""
    from pytest_modelgate import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and, under --modelgate, everything else."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    settings = _settings(config)
    if settings is not None:
        _forget_report(config, settings.json)
        _begin(config, settings)


def _settings(config: pytest.Config) -> Settings | None:
    """Return the settings, None where the gates are off."""
    from pytest_modelgate.config.options import maybe_enabled

    given, start = vars(config.option), _tests_folder(config)
    try:
        if not maybe_enabled(given, os.environ, start):
            return None
        from pytest_modelgate.config.settings import load_settings

        settings = load_settings(given, os.environ, start, config.invocation_params.dir)
    except ModelgateError as error:
        _forget_report(config, given.get("modelgate_json"))
        raise pytest.UsageError(f"modelgate: {error}") from error
    return settings if settings.enabled else None


def _forget_report(config: pytest.Config, path: str | Path | None) -> None:
    """Remove an earlier report, which must not pass for this session's, however this one ends."""
    if path is not None and not hasattr(config, "workerinput"):
        with contextlib.suppress(OSError):  # writing it will say what is wrong with the path
            (config.invocation_params.dir / path).unlink(missing_ok=True)


def _tests_folder(config: pytest.Config) -> Path:
    """Return where all tests that were asked for lie: the configuration is there or above.

    Not pytest's root: in a repository of several services that is above all of theirs.
    """
    folder = config.invocation_params.dir
    paths = [(folder / arg.partition("::")[0]).resolve() for arg in config.args]
    common = Path(os.path.commonpath(paths or [folder.resolve()]))
    return common if common.is_dir() else common.parent


def _begin(config: pytest.Config, settings: Settings) -> None:
    from pytest_modelgate import builtin
    from pytest_modelgate.interrupts import interrupt_on_signals
    from pytest_modelgate.registry import Registry
    from pytest_modelgate.servers.strays import reap_strays
    from pytest_modelgate.session import GateSession

    config.pluginmanager.register(builtin, "modelgate-builtin")
    try:
        config.stash[REAPED] = reap_strays()
        registry = Registry.from_hooks(config.hook, settings)
        config.stash[SESSION] = GateSession(settings, registry, _progress(config))
    except ModelgateError as error:
        raise pytest.UsageError(f"modelgate: {error}") from error
    config.add_cleanup(config.stash[SESSION].close)
    interrupt_on_signals(config.add_cleanup)
    if not hasattr(config, "workerinput"):
        config.stash[COLLECTOR] = GateCollector(config)
        config.pluginmanager.register(config.stash[COLLECTOR], "modelgate-collector")


def _progress(config: pytest.Config) -> Progress:
    from pytest_modelgate.reports.progress import NoProgress, TerminalProgress

    if hasattr(config, "workerinput") or not sys.stdout.isatty():
        return NoProgress()
    # A descriptor of our own: pytest's capture will take the one that stdout has.
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding)
    config.add_cleanup(stream.close)
    return TerminalProgress(stream)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without --modelgate, skip the gated tests and say so."""
    if SESSION in config.stash:
        return
    for item in items:
        if item.get_closest_marker("modelgate"):
            item.add_marker(pytest.mark.skip(reason="a model gate: runs with --modelgate"))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Take note of a file that skips itself or fails: what gates it has cannot be known."""
    report = yield
    if not report.passed and SESSION in collector.config.stash and _may_have_gates(collector):
        collector.config.stash.setdefault(SKIPPED_FILES, []).append(report.nodeid)
    return report


def _may_have_gates(collector: pytest.Collector) -> bool:
    """Tell whether a file that skips itself may have gates that were asked for."""
    from pytest_modelgate.config.file import mentions_modelgate

    # Who chooses by name has chosen to leave some out; -m modelgate means all gates.
    return not collector.config.option.keyword and mentions_modelgate(collector.path)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Read the markers of what was selected, and share the error rate among its metrics."""
    gates = session.config.stash.get(SESSION, None)
    if gates is None:
        return
    for item in session.items:
        if item.get_closest_marker("modelgate"):
            item.stash[SPEC] = _read_markers(item, gates)
    if COLLECTOR in session.config.stash:
        marked = [item.stash[SPEC] for item in session.items if SPEC in item.stash]
        session.config.stash[COLLECTOR].collected = marked
    gated = [item for item in session.items if SPEC in item.stash and _is_gate(item)]
    specs = [item.stash[SPEC] for item in gated]
    gates.share_error_rate(spec for spec in specs if not isinstance(spec, ModelgateError))
    skipped = session.config.stash.get(SKIPPED_FILES, [])
    _expect(session.config, [*skipped, *(item.nodeid for item in gated)])


def _read_markers(item: pytest.Item, session: GateSession) -> GateSpec | ModelgateError:
    """Return what the markers ask for, or what is wrong with them: the test's own failure."""
    from pytest_modelgate.config.markers import Mark, gate_spec

    marks = [Mark(mark.name, mark.args, mark.kwargs) for mark in _marks(item)]
    try:
        test = _baseline_key(item, session)
        return gate_spec(item.nodeid, test, marks, session.settings, session.registry.metrics)
    except ModelgateError as error:
        return error


def _marks(item: pytest.Item) -> Iterator[pytest.Mark]:
    """Yield the markers, the closest first: before the function's those of its parameters."""
    # pytest has them after the function's, although they are about this one case of it.
    yield from getattr(getattr(item, "callspec", None), "marks", ())
    yield from item.iter_markers()


def _baseline_key(item: pytest.Item, session: GateSession) -> str:
    """Return the node id relative to the configuration, wherever and however pytest was started."""
    _, _, inner = item.nodeid.partition("::")
    path = os.path.relpath(item.path.resolve(), session.settings.root).replace(os.sep, "/")
    return f"{path}::{inner}"


def _is_gate(item: pytest.Item) -> bool:
    """Tell a gated test from a free-form one, which uses the server and asserts for itself."""
    from pytest_modelgate.config.markers import GATE_MARKERS

    fixtures = getattr(item, "fixturenames", ())
    free_form = "model_server" in fixtures and "modelgate" not in fixtures
    return not free_form or any(item.get_closest_marker(name) for name in GATE_MARKERS)


def _expect(config: pytest.Config, nodeids: list[str]) -> None:
    """Tell the collector which gates must report, so that one that never ran is not forgotten."""
    if COLLECTOR in config.stash:
        config.stash[COLLECTOR].expected.update(nodeids)
    else:
        config.workeroutput["modelgate_expected"] = nodeids  # type: ignore[attr-defined]  # xdist's


@contextlib.contextmanager
def _without_traceback() -> Iterator[None]:
    """Let an error of ours fail the test with its message alone."""
    try:
        yield
    except ModelgateError as error:
        raise _failure(f"modelgate: {error}") from None


def _failure(message: str) -> BaseException:
    """Make a failure; raised `from None`, so that pytest shows no exception it came from."""
    return pytest.fail.Exception(message, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Make the test's gate, if it is not skipped and no fixture has made it already."""
    if RESULT in item.stash:  # of an earlier attempt, where a plugin repeats failed tests
        del item.stash[RESULT]
    with _without_traceback():
        result = yield
        if SPEC in item.stash:
            _gate(item)
        return result


def _gate(item: pytest.Item) -> Gate:
    """Return the test's gate; raises what is wrong with its markers or its server's table."""
    if GATE not in item.stash:
        from pytest_modelgate.gate import Gate

        spec = item.stash[SPEC]
        if isinstance(spec, ModelgateError):
            raise spec
        item.stash[GATE] = Gate(spec, item.config.stash[SESSION])
    return item.stash[GATE]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let the verdict fall when the test function has returned."""
    with _without_traceback():
        result = yield
    if GATE in item.stash and (_is_gate(item) or item.stash[GATE].is_used):
        _conclude(item, item.stash[GATE])
    return result


def _conclude(item: pytest.Item, gate: Gate) -> None:
    conclusion = gate.conclude()
    item.stash[RESULT] = conclusion.report
    if conclusion.failure is not None:
        pytest.fail(conclusion.failure, pytrace=False)
    if conclusion.warning is not None:
        try:
            item.warn(ModelgateWarning(conclusion.warning))
        except ModelgateWarning as error:  # where filterwarnings turns warnings into errors
            raise _failure(str(error)) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Stop the server that the test function used for itself."""
    with _without_traceback():
        try:
            return (yield)
        finally:
            if GATE in item.stash:
                item.stash[GATE].close()
                del item.stash[GATE]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the gate's result along with the test's report, across xdist too."""
    report = yield
    is_gate = SPEC in item.stash and (_is_gate(item) or RESULT in item.stash)
    if is_gate and _ends_gate(report):
        result = item.stash.get(RESULT, None) or _unfinished(item, report, call)
        report.modelgate = dict(result)  # type: ignore[attr-defined]  # travels in the report's dict
        _shorten_summary(report)
    return report


def _shorten_summary(report: pytest.TestReport) -> None:
    """Leave the headline to pytest's summary, which in CI would show the message whole again."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None and crash.message.startswith("Failed: modelgate: "):
        crash.message = crash.message.partition("\n")[0]


def _ends_gate(report: pytest.TestReport) -> bool:
    return report.when == "call" or (report.when == "setup" and not report.passed)


def _unfinished(
    item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[None]
) -> Mapping[str, object]:
    """Return the result of a gate that came to no verdict: not green, whatever the reason."""
    from pytest_modelgate.gate import unfinished

    spec = item.stash[SPEC]
    reason = call.excinfo.exconly() if call.excinfo else "the test ended before its verdict"
    return unfinished(
        test=item.nodeid,
        server="" if isinstance(spec, ModelgateError) else spec.server,
        reason=reason.removeprefix("Failed: ").removeprefix("modelgate: "),
        skipped=report.skipped and not hasattr(report, "wasxfail"),
    )


class GateCollector:
    """Gathers the gates' results in the controlling process, and reports when all are in."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._gates: dict[str, Mapping[str, object]] = {}
        self._closing: Closing | None = None
        self.expected: set[str] = set()
        self.collected: list[GateSpec | ModelgateError] = []  # what `pytest-modelgate prune` asks

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a gate's result; of a repeated test, the last one."""
        if hasattr(report, "modelgate"):
            self._gates[report.nodeid] = report.modelgate

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object, error: object) -> None:
        """Learn from an xdist worker which gates it had collected; bury what a dead one left."""
        self.expected.update(getattr(node, "workeroutput", {}).get("modelgate_expected", ()))
        if error is not None:
            from pytest_modelgate.servers.strays import reap_strays

            def bury() -> None:
                reap_strays()

            self._config.add_cleanup(bury)  # by when it is surely dead

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports; a session that gated nothing has not passed."""
        if self._config.option.collectonly:
            return
        from pytest_modelgate.closing import close_session

        settings = self._config.stash[SESSION].settings
        self._closing = close_session(self._gates, self.expected, settings, self._config.hook)
        green = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if self._closing.failed and session.exitstatus in green:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the verdicts."""
        if self._closing is None:
            return
        from pytest_modelgate.reports.terminal import render_terminal

        writer = self._config.get_terminal_writer()
        # A log has no edge to wrap at; 80 columns would cut the table's numbers short.
        width = writer.fullwidth if sys.stdout.isatty() else max(writer.fullwidth, 120)
        table = render_terminal(self._closing.report, width=width, color=writer.hasmarkup)
        terminalreporter.section("modelgate")
        reaped = [f"removed what a killed session left: {it}" for it in self._config.stash[REAPED]]
        for line in (*table.splitlines(), *self._closing.lines, *reaped):
            terminalreporter.write_line(line)


@pytest.fixture
def modelgate(request: pytest.FixtureRequest) -> Gate:
    """Measure and gate the server that the test's ``modelgate`` marker names."""
    return _requested_gate(request)


@pytest.fixture
def model_server(request: pytest.FixtureRequest) -> RunningServer:
    """Return the marker's server, started and ready, for a test that asserts for itself."""
    return _requested_gate(request).server


def _requested_gate(request: pytest.FixtureRequest) -> Gate:
    if SPEC not in request.node.stash:
        pytest.fail(
            f'the fixture {request.fixturename!r} needs @pytest.mark.modelgate("SERVER") '
            "on the test, and --modelgate on the command line",
            pytrace=False,
        )
    return _gate(request.node)
