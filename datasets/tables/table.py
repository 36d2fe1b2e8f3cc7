"""Small tables beside the clips, as rows: read whole, and written complete or not at all."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from infra import storage


def read_table(uri: str, *, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return a table's rows, with some of their columns or all; none where there is no table."""
    if not storage.exists(uri):
        return []
    return pq.read_table(storage.open_input(uri), columns=columns).to_pylist()


def write_table(uri: str, rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> None:
    """Write rows, of which the schema names the columns."""
    with storage.staged(uri) as path:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
