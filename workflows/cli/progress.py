"""Progress for people: a bar on a terminal, one line each ten seconds elsewhere."""

import sys
import time
from typing import Any

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0


class ProgressLine:
    """Shows stages one after another; call with the stage, how many are done and how many there are."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._stage = ""
        self._shown = 0.0
        self._done = -1
        self._seen: tuple[int, Any] = (-1, None)

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Show a stage's progress."""
        if not sys.stderr.isatty():
            news = (stage, done) != (self._stage, self._done)
            due = stage != self._stage or done == total or time.monotonic() - self._shown > _SECONDS_BETWEEN_LINES
            if news and due:
                print(f"{stage}: {done}/{total} {note}".rstrip(), flush=True)
                self._stage, self._done, self._shown = stage, done, time.monotonic()
            return
        if self._bar is None or stage != self._stage:
            self.close()
            self._bar, self._stage = tqdm(total=total, desc=stage), stage
        self._bar.n = done
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.refresh()

    def training(self, state: dict[str, Any]) -> None:
        """Show the state that a run's workers leave: now and then, and at each validation."""
        if sys.stderr.isatty():
            self("training", state["step"], state["steps"], describe_training(state))
            return
        news = (state["step"], state["validated"])
        due = news[1] != self._seen[1] or state["step"] == state["steps"] or self._stage != "training"
        if news != self._seen and (due or time.monotonic() - self._shown > _SECONDS_BETWEEN_LINES):
            print(f"step {state['step']}/{state['steps']}  {describe_training(state)}", flush=True)
            self._stage, self._seen, self._shown = "training", news, time.monotonic()

    def close(self) -> None:
        """End the last line."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def describe_training(state: dict[str, Any]) -> str:
    """Return what is known of a training besides its step: time left, loss and objective, learning rate, clips per second."""
    parts = [f"{_clock(state['seconds_left'])} left", f"epoch {state['epoch'] + 1}/{state['epochs']}"]
    parts += [f"{name.replace('_', ' ')} {value:.3g}" for name, value in state["metrics"].items()]
    if state["validated"]:
        parts.append(f"validation {state['objective']} {state['validated'][1]:.3f}")
    if state["learning_rate"] is not None:
        parts.append(f"lr {state['learning_rate']:.3g}")
    return "  ".join([*parts, f"{state['clips_per_second']:.0f} clips/s"])


def _clock(seconds: float) -> str:
    """Return a time as minutes and seconds, with hours where there are any."""
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{left:02d}" if minutes >= 60 else f"{minutes}:{left:02d}"
