"""Run everything once, from nothing to a picture of where the sound comes from: prepare, train, evaluate, localize.

python -m workflows.demo                      drawn scenes
python -m workflows.demo --videos FOLDER      the same, and what the model makes of one's own videos
"""

from workflows.cli import command


def demo(
    videos: str | None = None,
    name: str = "demo",
    num_videos: int = 800,
    epochs: int = 3,
    num_workers: int = 2,
) -> None:
    """Run all four verbs and print what they found.

    Args:
        videos: Folder of videos to show the trained model; it learns from drawn scenes alone.
        name: Name of the datasets and of the run; what an earlier demo of this name left is replaced.
        num_videos: Number of drawn scenes.
        epochs: Passes over the training clips.
        num_workers: Training workers.
    """
    from workflows.demo.stages import demonstrate

    demonstrate(videos=videos, name=name, num_videos=num_videos, epochs=epochs, num_workers=num_workers)


def main() -> None:
    """Parse the command line and run."""
    command.parse(demo)


if __name__ == "__main__":
    command.run(main)
