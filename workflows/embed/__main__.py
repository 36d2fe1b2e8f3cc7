"""Embed a dataset's clips with a model, into an index that workflows.search looks things up in.

python -m workflows.embed --model models:/see_hear_read@champion --data DATASET --output INDEX
python -m workflows.embed --model runs/photos/model --data DATASET --modality sound --num-workers 2 --output INDEX
"""

from datasets.reading.selection import SplitName
from infra import storage
from workflows.cli import command


def embed(
    model: str,
    data: str,
    output: str,
    modality: str = "image",
    split: SplitName = "all",
    num_workers: int = 0,
    use_gpu: bool = False,
) -> None:
    """Embed clips into an index; the same command goes on where it was stopped.

    Args:
        model: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID, or a folder.
        data: Dataset that workflows.prepare made.
        output: Folder of the index.
        modality: What of the clips is embedded: image or sound.
        split: Which clips.
        num_workers: Workers of a Ray cluster among which the clips are spread; 0 embeds in this process, without Ray.
        use_gpu: One GPU a worker.
    """
    from workflows.cli.progress import ProgressLine
    from workflows.embed.embedding import embed_dataset
    from workflows.evaluate.spread import spread_over

    folder, progress = storage.resolve(output, field="--output"), ProgressLine()
    dataset = storage.resolve(data, field="--data")
    with spread_over(model, num_workers, use_gpu=use_gpu) as spread:
        count = embed_dataset(
            model, dataset=dataset, split=split, modality=modality, folder=folder, spread=spread, progress=progress
        )
    progress.close()
    print(f"index    {folder}: {count} clips")


def main() -> None:
    """Parse the command line and embed."""
    command.parse(embed)


if __name__ == "__main__":
    command.run(main)
