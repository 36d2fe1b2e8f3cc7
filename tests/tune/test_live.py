"""A running sweep is shown as a table on a terminal, elsewhere as lines."""

import io

from rich.console import Console

from tests.tune.test_comparison import PLAN
from tune.live import LiveSweep

ENTRY = {"number": 1, "name": "01 channels 16", "fields": {"channels": 16}}
ENDED = {
    "number": 0, "name": "00 preset channels 8", "fields": {"channels": 8}, "status": "finished", "seconds": 60.0,
    "metrics": {"validation/sync_accuracy": 0.75},
}  # fmt: skip
STOPPED = {
    **ENTRY,
    "status": "stopped early",
    "metrics": {"validation/sync_accuracy": 0.5},
    "reason": "too low",
    "seconds": 20.0,
}


def shown(*, terminal, action):
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=100, height=30, color_system=None)
    with LiveSweep(PLAN, [ENDED], total=4, at_a_time=1, console=console) as sweep:
        action(sweep)
        if terminal:
            assert sweep._live is not None
            sweep._live.refresh()
    return text.getvalue()


def run_one(sweep):
    sweep.begun(ENTRY)
    sweep.reported(ENTRY["name"], 1, 0.5)


def test_live_table_shows_what_differs_epoch_objective_state_best_and_time_left():
    text = shown(terminal=True, action=run_one)
    assert "no.  channels  epoch  sync accuracy  state     time" in text
    assert "1    16        1/2    0.500          running   0 s" in text
    assert "1 of 4 trials ended, about 3 min 00 s left; best so far 00 preset channels 8: sync accuracy 0.750" in text


def test_live_table_has_no_more_rows_than_the_terminal():
    rows = [{**ENDED, "number": n, "name": str(n)} for n in range(100)]
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=12, color_system=None)
    sweep = LiveSweep(PLAN, rows, total=100, at_a_time=1, console=console)
    with console.capture() as caught:
        console.print(sweep._table())
    assert len(caught.get().splitlines()) <= 12
    assert "and 94 more, which are worse" in caught.get()


def test_lines_elsewhere_tell_each_change():
    def action(sweep):
        run_one(sweep)
        sweep.ended(STOPPED)

    assert shown(terminal=False, action=action).splitlines() == [
        "01 channels 16: begun",
        "01 channels 16: stopped early, sync accuracy 0.500 (too low), 2 of 4 ended",
    ]


def test_lines_elsewhere_tell_how_far_the_trials_are():
    found = []
    shown(terminal=False, action=lambda sweep: (run_one(sweep), found.extend(sweep.progress_lines())))
    assert found == [
        "1 of 4 trials ended, about 3 min 00 s left; best so far 00 preset channels 8: sync accuracy 0.750",
        "  01 channels 16: epoch 1 of 2, sync accuracy 0.500, 0 s",
    ]
