"""Search an index by words or by a picture: which clips are nearest, and from when on.

python -m workflows.search --index INDEX --query "a dog runs over grass"
python -m workflows.search --index INDEX --query photo.jpg --num-hits 20 --output hits
"""

from infra import storage
from workflows.cli import command


def search(index: str, query: str, num_hits: int = 10, model: str | None = None, output: str | None = None) -> None:
    """Print the nearest clips.

    Args:
        index: Folder that workflows.embed made.
        query: Words, or a file with a picture.
        num_hits: How many clips.
        model: The model that made the index, where it is not found under its name any more.
        output: Folder for hits.json and index.html, a page that shows each hit from its moment.
    """
    from infra.outputs import writing
    from workflows.search.gallery import HITS, PAGE, describe_hits, write_hits
    from workflows.search.query import find

    found = find(storage.resolve(index, field="--index"), query, num_hits=num_hits, model=model)
    print(describe_hits(found))
    if output is not None:
        folder = storage.resolve(output, field="--output")
        with writing(folder, [HITS, PAGE]):
            write_hits(folder, found)
        print(f"page     {storage.join(folder, PAGE)}")


def main() -> None:
    """Parse the command line and search."""
    command.parse(search)


if __name__ == "__main__":
    command.run(main)
