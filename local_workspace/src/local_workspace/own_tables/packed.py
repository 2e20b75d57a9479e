"""Opens files, unpacked where they are packed, whatever their name says."""

from pathlib import Path

import pyarrow

MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}


def open_file(path: Path) -> pyarrow.NativeFile:
    with open(path, "rb") as file:
        begin = file.read(4)
    packed = next((name for magic, name in MAGIC.items() if begin.startswith(magic)), None)
    return pyarrow.input_stream(str(path), compression=packed)
