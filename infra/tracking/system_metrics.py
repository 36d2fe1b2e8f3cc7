"""Processor, memory and GPU use of a run every few seconds, under each machine's name, by MLflow's monitors."""

import platform
from collections.abc import Callable, Mapping

from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

_SECONDS = 5
Log = Callable[[Mapping[str, float], int], None]
"""Takes metrics and their step; never waits."""


class SystemMonitor(SystemMetricsMonitor):
    """Differs from MLflow's in that it only measures: it asks no store, which may not answer, and goes on until it is finished."""

    def __init__(self, run_id: str, *, uri: str, log: Log) -> None:
        super().__init__(
            run_id, sampling_interval=_SECONDS, samples_before_logging=1, node_id=platform.node(), tracking_uri=uri
        )
        self._log = log

    def monitor(self) -> None:
        """Measure until the end."""
        while True:
            self.collect_metrics()
            if self._shutdown_event.wait(self.sampling_interval):
                return
            self.publish_metrics(self.aggregate_metrics())

    def publish_metrics(self, metrics: Mapping[str, float]) -> None:
        """Log what was measured."""
        self._log(
            {f"{self._metrics_prefix}{self.node_id}/{name}": value for name, value in metrics.items()},
            self._logging_step,
        )
        self._logging_step += 1
        for monitor in self.monitors:
            monitor.clear_metrics()
