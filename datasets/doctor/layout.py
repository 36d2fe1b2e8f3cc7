"""How a Parquet file is laid out, and what of that makes reading single clips slow or large."""

import dataclasses
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.clips.parquet import ROW_GROUP_BYTES
from datasets.doctor.flag import Flag
from datasets.doctor.pages import Page, read_pages
from datasets.schema import MEDIA_COLUMNS
from infra import storage

_GIANT_PAGE_BYTES = 2 * ROW_GROUP_BYTES
"""The writer never puts more rows than those of a pair into more."""
_GIANT_GROUP_BYTES = 4 * ROW_GROUP_BYTES
_PAIR = 2
_LONG_LIST = 1024


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a file; `largest_page` is that of the file's largest row group, looked at for media only."""

    name: str
    type: str
    is_blob: bool
    is_tensor: bool
    is_long_list: bool
    num_bytes: int
    compression: tuple[str, ...]
    has_dictionary: bool
    has_statistics: bool
    largest_page: Page | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A file: its size, the (rows, bytes) of its row groups, its columns."""

    uri: str
    num_bytes: int
    groups: tuple[tuple[int, int], ...]
    columns: tuple[Column, ...]

    @property
    def num_rows(self) -> int:
        """Rows of the file."""
        return sum(rows for rows, _ in self.groups)


def read_layout(uri: str) -> Layout:
    """Return the layout of a file, from its footer and the headers of its pages.

    Raises:
        pyarrow.ArrowException, OSError, ValueError: If it is no Parquet file, or a broken one.
    """
    with storage.open_input(uri) as source:
        file = pq.ParquetFile(source)
        metadata = file.metadata
        groups = tuple(
            (metadata.row_group(i).num_rows, metadata.row_group(i).total_byte_size)
            for i in range(metadata.num_row_groups)
        )
        columns = tuple(_column(source, metadata, field) for field in file.schema_arrow)
        return Layout(uri=uri, num_bytes=source.size(), groups=groups, columns=columns)


def _column(source: pa.NativeFile, metadata: pq.FileMetaData, field: pa.Field) -> Column:
    chunks = [
        (group, metadata.row_group(group).column(place))
        for group in range(metadata.num_row_groups)
        for place in range(metadata.num_columns)
        if metadata.schema.column(place).path.split(".")[0] == field.name
    ]
    filled = [(group, chunk) for group, chunk in chunks if chunk.num_values]
    is_blob = field.name in MEDIA_COLUMNS or pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
    nested = pa.types.is_nested(field.type)
    largest = max(filled, key=lambda item: item[1].total_compressed_size, default=None)
    pages = list(read_pages(source, largest[1])) if largest and is_blob and not nested else []
    return Column(
        name=field.name,
        type=str(field.type),
        is_blob=is_blob,
        is_tensor=isinstance(field.type, pa.BaseExtensionType) or b"ARROW:extension:name" in (field.metadata or {}),
        is_long_list=nested
        and any(chunk.num_values > _LONG_LIST * metadata.row_group(group).num_rows for group, chunk in filled),
        num_bytes=sum(chunk.total_compressed_size for _, chunk in chunks),
        compression=tuple(sorted({chunk.compression for _, chunk in filled})),
        has_dictionary=any(chunk.has_dictionary_page for _, chunk in filled),
        has_statistics=any(chunk.is_stats_set and chunk.statistics.has_min_max for _, chunk in filled),
        largest_page=max(pages, default=None),
    )


def flag_layout(layout: Layout) -> Iterator[Flag]:
    """Yield what makes a file slow to read by single clips, or large."""
    if not layout.num_rows:
        yield Flag(severity="warning", name="empty file", place=layout.uri, detail="no rows; remove it")
    for group, (rows, num_bytes) in enumerate(layout.groups):
        if num_bytes > _GIANT_GROUP_BYTES and rows > _PAIR:
            detail = f"row group {group} has {num_bytes / 1e6:.0f} MB in {rows} rows; write 8 to 64 MB"
            yield Flag(severity="warning", name="giant row group", place=layout.uri, detail=detail)
            break
    for column in layout.columns:
        for name, detail in _faults(column):
            yield Flag(severity="warning", name=name, place=layout.uri, detail=f"{column.name}: {detail}")


def _faults(column: Column) -> Iterator[tuple[str, str]]:
    if column.is_tensor:
        yield "tensor column", f"{column.type} is an extension type; store bytes in a binary column"
    elif column.is_long_list:
        yield "pixel list", f"{column.type} holds more than {_LONG_LIST} numbers a row; store bytes in a binary column"
    if not column.is_blob:
        return
    page = column.largest_page
    if page is not None and page.num_bytes > _GIANT_PAGE_BYTES and page.num_values > _PAIR:
        yield (
            "giant page",
            f"one page has {page.num_bytes / 1e6:.0f} MB in {page.num_values} rows, all read for one clip; write few rows a page",
        )
    if column.has_dictionary:
        yield "dictionary on media", "every clip differs; write the column without"
    if set(column.compression) - {"UNCOMPRESSED"}:
        yield "compression on media", f"{', '.join(column.compression)} costs time and saves nothing; write it as it is"
    if column.has_statistics:
        yield "statistics on media", "least and greatest of pictures are copies of pictures; write the column without"
