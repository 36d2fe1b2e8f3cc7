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
        """Show the state that a run's workers leave."""
        metrics = " ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in state["metrics"].items())
        note = f"epoch {state['epoch'] + 1}/{state['epochs']} {metrics}"
        self("training steps", state["step"], state["steps"], note)

    def close(self) -> None:
        """End the last line."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
