"""A pack: one file of JSON documents, compressed in blocks, each document readable without the others.

Layout: magic, length of the index (4 bytes, big endian), the index (xz JSON), the blocks (xz). The index names each
document by key with its block and its place in the decompressed block. Blocks of some 128 KiB keep both the file
small (neighbours share their words) and one look-up fast (a few milliseconds for a block nobody has opened yet).
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fhir_plugin.errors import PackageError
from fhir_plugin.packages.jsonio import loads

__all__ = ["Pack", "write_pack"]

MAGIC = b"SFPACK1\n"
BLOCK_SIZE = 128 * 1024
_DICTIONARY = 4 * 1024 * 1024
BLOCKS_KEPT = 16
"""Decompressed blocks kept per pack: about 2 MB."""


class Pack:
    """A pack on disk, opened lazily.

    Args:
        path: the file.

    Raises:
        PackageError: the file is missing or is not a pack.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            data = path.read_bytes()
        except OSError as error:
            raise PackageError(
                "The compiled FHIR definitions cannot be read.",
                where=path.name,
                remedy="Install the package again, or run tools/build_definitions.py.",
            ) from error
        if not data.startswith(MAGIC):
            raise PackageError("This is not a pack of definitions.", where=path.name, remedy="Install it again.")
        size = int.from_bytes(data[len(MAGIC) : len(MAGIC) + 4], "big")
        start = len(MAGIC) + 4
        index = loads(lzma.decompress(data[start : start + size]))
        self._data = data
        self._body = start + size
        self._blocks: list[tuple[int, int]] = [tuple(pair) for pair in index["blocks"]]
        self._entries: dict[str, tuple[int, int, int]] = index["entries"]
        self._block = lru_cache(maxsize=BLOCKS_KEPT)(self._decompress)

    @property
    def digest(self) -> str:
        """SHA-256 of the whole file, in hexadecimal."""
        return sha256(self._data).hexdigest()

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Any:
        """The document of a key, freshly parsed, or None."""
        place = self._entries.get(key)
        if place is None:
            return None
        block, start, end = place
        return loads(self._block(block)[start:end])

    def _decompress(self, number: int) -> bytes:
        offset, length = self._blocks[number]
        begin = self._body + offset
        return lzma.decompress(self._data[begin : begin + length])


def write_pack(path: Path, groups: Iterable[Iterable[tuple[str, Any]]], *, block_size: int = BLOCK_SIZE) -> int:
    """Write documents as a pack; equal documents give equal bytes.

    Args:
        path: the file to write.
        groups: documents by key; a block never spans two groups.
        block_size: decompressed bytes after which a new block begins.

    Returns:
        The size of the file in bytes.
    """
    blocks: list[bytes] = []
    entries: dict[str, tuple[int, int, int]] = {}
    for group in groups:
        current = bytearray()
        for key, document in group:
            if len(current) >= block_size:
                blocks.append(bytes(current))
                current = bytearray()
            text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
            entries[key] = (len(blocks), len(current), len(current) + len(text))
            current += text
        if current:
            blocks.append(bytes(current))
    packed = [_xz(block) for block in blocks]
    places, offset = [], 0
    for block in packed:
        places.append((offset, len(block)))
        offset += len(block)
    index = _xz(json.dumps({"blocks": places, "entries": entries}, separators=(",", ":")).encode())
    path.write_bytes(b"".join((MAGIC, len(index).to_bytes(4, "big"), index, *packed)))
    return path.stat().st_size


def _xz(data: bytes) -> bytes:
    # a dictionary no larger than the largest block: the reader reserves as much memory for each block it opens
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": _DICTIONARY}]
    return lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, filters=filters)
