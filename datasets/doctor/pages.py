"""Pages of a Parquet column chunk, from their headers alone: pyarrow tells the encodings of a chunk, but not its pages.

A header is a struct in Thrift's compact protocol; only the sizes and the number of values are looked at.
References: https://github.com/apache/parquet-format, parquet.thrift, `PageHeader`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12
_FIRST_BYTES = 512
_MOST_BYTES = 2**24


class Page(NamedTuple):
    """A page of data or of a dictionary: its size in the file and its values, which are rows where data are no lists."""

    num_bytes: int
    num_values: int


def read_pages(file: pa.NativeFile, chunk: pq.ColumnChunkMetaData) -> Iterator[Page]:
    """Yield the pages of a column chunk.

    Raises:
        ValueError: If what stands there is no page.
    """
    place = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
        place = min(place, chunk.dictionary_page_offset)
    end = place + chunk.total_compressed_size
    while place < end:
        header, length = _read_header(file, place)
        kind, size = header.get(1), header.get(3)
        if kind is None or size is None or size < 0:
            raise ValueError(f"no page header at byte {place}")
        values = (header.get(5) or header.get(7) or header.get(8) or {}).get(1, 0)
        yield Page(length + size, values)
        place += length + size


def _read_header(file: pa.NativeFile, place: int) -> tuple[dict[int, Any], int]:
    """Return a page's header and its length; statistics of large values can make one long."""
    length = _FIRST_BYTES
    while length <= _MOST_BYTES:
        file.seek(place)
        data = file.read(length)
        try:
            reader = _Compact(data)
            return reader.struct(), reader.place
        except IndexError:
            if len(data) < length:
                break
            length *= 8
    raise ValueError(f"no page header at byte {place}")


class _Compact:
    """Reads Thrift's compact protocol into numbers of fields and plain values."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while True:
            first = self._byte()
            kind, step = first & 0x0F, first >> 4
            if kind == _STOP:
                return fields
            number = number + step if step else self._zigzag()
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind)

    def _value(self, kind: int) -> Any:
        if kind == _STRUCT:
            return self.struct()
        if kind == _BINARY:
            return self._skip(self._varint())
        if kind == _DOUBLE:
            return self._skip(8)
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._byte()
        if kind in (_LIST, _SET):
            first = self._byte()
            count = first >> 4 if first >> 4 != 15 else self._varint()
            return [self._value(first & 0x0F) for _ in range(count)]
        if kind == _MAP:
            raise ValueError("a page header holds no map")
        return self._zigzag()

    def _byte(self) -> int:
        value = self.data[self.place]
        self.place += 1
        return value

    def _skip(self, length: int) -> None:
        self.place += length
        if self.place > len(self.data):
            raise IndexError

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
