"""The course of a run as numbers and as a picture."""

import io

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from infra import storage
from infra.tracking import Run

_CURVES = {
    "train/sync_accuracy": ("train", "tab:blue", "-"),
    "validation/sync_accuracy": ("validation", "tab:orange", "-"),
    "validation/swapped_source_accuracy": ("another video's sound", "tab:red", ":"),
    "validation/audio_only_accuracy": ("sound alone", "tab:green", "--"),
    "validation/video_only_accuracy": ("picture alone", "tab:purple", "-."),
}


def write_learning_curve(run_folder: str, history: list[dict[str, float]], run: Run) -> None:
    """Write `history.json` and `learning_curve.png` to the run's folder, and the plot to its tracking."""
    storage.write_json(storage.join(run_folder, "history.json"), history)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for name, (label, color, style) in _CURVES.items():
        points = [(e["epoch"] + 1, e[name]) for e in history if e.get(name) is not None]
        left.plot(*zip(*points, strict=True) if points else ([], []), style, color=color, label=label)
    left.axhline(0.5, color="0.7", linewidth=0.8)
    left.set(xlabel="epoch", ylabel="accuracy", ylim=(0.3, 1.02))
    left.legend(fontsize=8)
    for name, color in (("train/loss", "tab:blue"), ("validation/loss", "tab:orange")):
        points = [(e["epoch"] + 1, e[name]) for e in history if e.get(name) is not None]
        right.plot(*zip(*points, strict=True) if points else ([], []), color=color, label=name.split("/")[0])
    right.axhline(0.6931, color="0.7", linewidth=0.8)
    right.set(xlabel="epoch", ylabel="loss (nats); chance 0.693")
    right.legend(fontsize=8)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110)
    storage.write_bytes(storage.join(run_folder, "learning_curve.png"), picture.getvalue())
    run.log_figure(figure, "plots/learning_curve.png")
    plt.close(figure)
