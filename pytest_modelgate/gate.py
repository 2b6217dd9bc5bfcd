"""One gated test: what it measures, and what comes of it."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from pytest_modelgate.baselines.record import from_measurement
from pytest_modelgate.errors import ConfigError, ModelgateError
from pytest_modelgate.measuring.measure import measure, prepared, recorded_only, with_recorded
from pytest_modelgate.measuring.side_by_side import settled_side_by_side
from pytest_modelgate.measuring.started import fresh_server
from pytest_modelgate.reports.failure import render_failure
from pytest_modelgate.servers.baseline_server import is_server_kept
from pytest_modelgate.servers.http_get import base_url
from pytest_modelgate.user_numbers import user_number
from pytest_modelgate.verdict import Verdict, judge, moved, to_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.config.markers import GateSpec
    from pytest_modelgate.runs import Measurement, Recorded
    from pytest_modelgate.servers.server import RunningServer
    from pytest_modelgate.session import GateSession
    from pytest_modelgate.thresholds import Threshold
    from pytest_modelgate.verdict import GateVerdict


@dataclass(frozen=True)
class Conclusion:
    """What came of a gated test.

    :ivar report: the gate's part of ``modelgate-report/1``, JSON-able.
    :ivar failure: the message the test fails with, None where it passes.
    :ivar warning: what to warn of although it passes.
    """

    report: Mapping[str, object]
    failure: str | None = None
    warning: str | None = None


class Gate:
    """The ``modelgate`` fixture: measures one server for one test."""

    def __init__(self, spec: GateSpec, session: GateSession) -> None:
        self._spec = spec
        self._session = session
        self._rig = session.rig(spec.server)
        self._measurement: Measurement | None = None
        self._error: ModelgateError | None = None
        self._recorded: list[Recorded] = []
        self._is_concluded = False
        self._server: RunningServer | None = None
        self._client: httpx.Client | None = None
        self._free_form = contextlib.ExitStack()

    def check(self, inputs: Iterable[object] | Mapping[str, object]) -> Measurement:
        """Measure the server with these inputs, as the test's markers ask.

        :param inputs: any iterable of what the protocol takes (oip-http: mappings of input name to
            numpy array; json: JSON-able bodies), or a mapping of names to such. An iterator is read
            once and not held in memory.
        :raises ModelgateError: the measurement could not be made; the test fails even if caught.
        """
        with self._remembered():
            self._expect_open()
            if self._measurement is not None:
                raise ConfigError(
                    "modelgate.check() was called twice in one test",
                    hint="give each set of inputs a test of its own, or parametrize this one",
                )
            self.close()  # a server in use beside the measured one would be measured with it
            rig, spec, settings = self._rig, self._spec, self._session.settings
            with self._session.machine(), prepared(rig, spec, inputs) as workload:
                # A baseline that cannot be read is told of before minutes are spent, not after.
                baseline = None if settings.update_baseline else self._baseline()
                measurement = measure(rig, spec, workload, runs=settings.runs)
                if baseline is not None:
                    measurement = settled_side_by_side(
                        rig, spec, workload, measurement, baseline,
                        settings=settings,
                        metrics=self._session.registry.metrics,
                        alpha=self._session.alpha,
                    )  # fmt: skip
            self._measurement = measurement
            return measurement

    def record(
        self, name: str, value: float, *, better: str = "higher", threshold: str | None = None
    ) -> None:
        """Gate a number of the user's own, as ``record("recall", 0.93, threshold="-1 %")``.

        :raises ConfigError: a name taken by another metric, or a value that is no number; the test
            fails even if caught.
        """
        taken = [number.name for number in self._recorded]
        metrics = self._session.registry.metrics
        with self._remembered():
            self._expect_open()
            self._recorded.append(
                user_number(name, value, better, threshold, taken=taken, metrics=metrics)
            )

    @property
    def is_used(self) -> bool:
        """Whether anything was measured, recorded, or tried."""
        return bool(self._measurement or self._recorded or self._error)

    def _expect_open(self) -> None:
        if self._is_concluded:
            raise ConfigError(
                "the verdict has fallen: what is measured or recorded now would gate nothing",
                hint="call check() and record() in the test function, not after it has returned",
            )

    @contextlib.contextmanager
    def _remembered(self) -> Iterator[None]:
        """Keep the first error, for the verdict: who catches it has measured nothing."""
        try:
            yield
        except ModelgateError as error:
            self._error = self._error or error
            raise

    @property
    def server(self) -> RunningServer:
        """A server for free-form use, started when first asked for and stopped with the test."""
        if self._server is None:
            self._rig.kind.prepare(self._rig.spec)
            # Else it would be measured with what another xdist worker measures.
            self._free_form.enter_context(self._session.machine())
            self._server = self._free_form.enter_context(fresh_server(self._rig))[0]
        return self._server

    @property
    def client(self) -> httpx.Client:
        """An HTTP client whose base URL is the free-form server's."""
        if self._client is None:
            client = httpx.Client(base_url=base_url(self.server), trust_env=False)
            self._client = self._free_form.enter_context(client)
        return self._client

    def close(self) -> None:
        """Stop the free-form server, if there is one."""
        self._free_form.close()
        self._server = self._client = None

    def conclude(self) -> Conclusion:
        """Let the verdict fall over everything that was measured; record it under an update."""
        self._is_concluded = True
        try:
            if self._error is not None:
                raise self._error
            thresholds = self._thresholds()
            if self._measurement is None:
                measurement = recorded_only(self._rig, self._recorded)
            else:
                measurement = with_recorded(self._measurement, self._recorded)
            if self._session.settings.update_baseline:
                return self._update(measurement, thresholds)
            return self._compare(measurement, thresholds)
        except ModelgateError as error:
            report = unfinished(test=self._spec.nodeid, server=self._spec.server, reason=error.what)
            return Conclusion(report, failure=f"modelgate: {error}")

    def _thresholds(self) -> Mapping[str, Threshold]:
        """Return the thresholds that apply; raises ConfigError where the test gates nothing."""
        if self._measurement is None and not self._recorded:
            raise ConfigError(
                "this test gates nothing: it called neither modelgate.check() nor .record()",
                hint="call modelgate.check(inputs); a test that asserts for itself takes the "
                "fixture model_server instead of modelgate",
            )
        if self._measurement is None and self._spec.drift is not None:
            raise ConfigError(
                "this test carries the marker drift but called no modelgate.check()",
                hint="call modelgate.check(inputs): its answers are compared; or remove the marker",
            )
        thresholds = dict(self._spec.thresholds)
        if self._measurement is None:
            # The organisation's defaults are for what is measured; the test's own were asked for.
            own = self._spec.own_thresholds
            thresholds = {name: thresholds[name] for name in own}
        gated_numbers = [number for number in self._recorded if number.threshold is not None]
        if not thresholds and self._spec.drift is None and not gated_numbers:
            raise ConfigError(
                "this test gates nothing: no threshold applies to it",
                hint='add @pytest.mark.latency(p50="+5 %"), @pytest.mark.drift(), a threshold to '
                "record(), or defaults in [tool.modelgate.thresholds]",
            )
        return thresholds

    def _baseline(self) -> Baseline | None:
        return self._session.store.load(self._spec.server, self._spec.test)

    def _judge(
        self,
        measurement: Measurement,
        thresholds: Mapping[str, Threshold],
        baseline: Baseline | None,
    ) -> GateVerdict:
        return judge(
            self._spec.nodeid,
            thresholds,
            measurement,
            baseline,
            metrics=self._session.registry.metrics,
            drift=self._spec.drift,
            alpha=self._session.alpha,
            strict=self._session.settings.strict_improvements,
        )

    def _compare(self, measurement: Measurement, thresholds: Mapping[str, Threshold]) -> Conclusion:
        verdict = self._judge(measurement, thresholds, self._baseline())
        report = _gate_report(verdict, measurement, recorded=None)
        if verdict.verdict is Verdict.PASS:
            return Conclusion(report)
        message = _failure_message(report, verdict, measurement)
        only_warn = self._session.settings.inconclusive == "warn"
        if verdict.verdict is Verdict.INCONCLUSIVE and only_warn:
            return Conclusion(report, warning=message)
        return Conclusion(report, failure=message)

    def _update(self, measurement: Measurement, thresholds: Mapping[str, Threshold]) -> Conclusion:
        """Record the measurement, if it passes when held against itself.

        That refuses, by the rules of the verdict and no others, what failed an absolute limit, had
        failed requests, answered one input in two ways, or is too noisy to be useful.
        """
        store, now = self._session.store, dt.datetime.now(dt.UTC)
        new = from_measurement(measurement, self._spec.test, now)
        useful = thresholds
        if self._session.settings.side_by_side != "never" and is_server_kept(self._rig.spec):
            useful = to_record(thresholds, self._session.registry.metrics)
        verdict = self._judge(measurement, useful, new)
        if verdict.verdict is not Verdict.PASS:
            report = _gate_report(verdict, measurement, recorded="refused")
            return Conclusion(report, failure=_failure_message(report, verdict, measurement))
        old = store.load_or_none(self._spec.server, self._spec.test)
        stays = old is not None and not moved(old, new, self._session.alpha)
        if not stays:
            store.save(new)
        shown = self._against_old(verdict, self._judge(measurement, thresholds, old))
        return Conclusion(
            _gate_report(shown, measurement, recorded="unchanged" if stays else "recorded")
        )

    @staticmethod
    def _against_old(verdict: GateVerdict, against_old: GateVerdict) -> GateVerdict:
        """Show each metric beside what the old baseline had of it."""
        old = {metric.name: metric for metric in against_old.metrics}
        metrics = tuple(
            dataclasses.replace(m, baseline=old[m.name].baseline, change=old[m.name].change)
            if m.name in old
            else dataclasses.replace(m, baseline=None, change=None)
            for m in verdict.metrics
        )
        return dataclasses.replace(verdict, metrics=metrics)


def unfinished(*, test: str, server: str, reason: str, skipped: bool = False) -> dict[str, object]:
    """Return the report of a gate that came to no verdict: inconclusive, with its reason."""
    return {
        "test": test,
        "server": server,
        "verdict": Verdict.INCONCLUSIVE.value,
        "metrics": [],
        "reason": reason,
        "notes": [],
        "recorded": None,
        "skipped": skipped,
        "conditions": {},
        "provenance": {},
    }


def _gate_report(
    verdict: GateVerdict, measurement: Measurement, *, recorded: str | None
) -> dict[str, object]:
    return {
        **unfinished(test=verdict.test, server=verdict.server, reason=""),
        **verdict.to_json(),
        "reason": verdict.reason,
        "notes": [*verdict.notes, *measurement.notes],
        "recorded": recorded,
        "conditions": dict(measurement.fingerprint),
        "provenance": dict(measurement.provenance),
    }


def _failure_message(
    report: Mapping[str, object], verdict: GateVerdict, measurement: Measurement
) -> str:
    drift = verdict.drift.describe() if verdict.drift is not None else ()
    failures = any(run.failures for run in measurement.runs)
    return render_failure(report, drift=drift, log=measurement.log if failures else ())
