"""Progress of a training, for people: what a line says, and when there is a new one."""

from workflows.cli.progress import ProgressLine, describe_training

STATE = {
    "epoch": 1,
    "epochs": 9,
    "step": 120,
    "steps": 900,
    "metrics": {"loss": 0.41234, "sync_accuracy": 0.8125},
    "learning_rate": 0.00314,
    "clips_per_second": 93.4,
    "seconds_left": 3725.2,
    "objective": "sync accuracy less shortcuts",
    "validated": [0, 0.5432],
}


def test_progress_of_training_says_time_loss_objective_rate_and_speed():
    assert describe_training(STATE) == (
        "1:02:05 left  epoch 2/9  loss 0.412  sync accuracy 0.812  "
        "validation sync accuracy less shortcuts 0.543  lr 0.00314  93 clips/s"
    )


def test_progress_of_training_before_its_first_validation_says_none():
    said = describe_training({**STATE, "validated": None, "seconds_left": 42.0})
    assert said.startswith("0:42 left")
    assert "validation" not in said


def test_progress_of_training_has_a_line_at_once_at_each_validation_and_at_the_end(capsys):
    line = ProgressLine()
    for step, validated in ((1, None), (2, None), (3, [0, 0.5]), (4, [0, 0.5]), (5, [1, 0.6]), (900, [1, 0.6])):
        line.training({**STATE, "step": step, "validated": validated})
    steps = [text.split()[1] for text in capsys.readouterr().out.splitlines()]
    assert steps == ["1/900", "3/900", "5/900", "900/900"]
