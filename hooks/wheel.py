"""The wheel of local_workspace that a bundle gets: the same bytes on every machine and Python.

Nothing is compressed, since zlib differs between builds, and dates are fixed. The version ends with a hash of
the content, so two different wheels never have the same version, and uv never keeps the older one installed.

python hooks/wheel.py FOLDER    makes it in a folder, to compare it with that of a bundle
"""

import base64
import hashlib
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]
PROJECT = TEMPLATE / "local_workspace"
WHEEL = """\
Wheel-Version: 1.0
Generator: ml-bundle-template
Root-Is-Purelib: true
Tag: py3-none-any
"""


@cache
def _content() -> tuple[str, dict[str, bytes]]:
    """The version, and the content of each file by its name in the wheel."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    sources = sorted(path for kind in ("*.py", "*.txt") for path in (PROJECT / "src").rglob(kind))
    files = {path.relative_to(PROJECT / "src").as_posix(): path.read_bytes() for path in sources}
    scripts = "".join(f"{name} = {target}\n" for name, target in project["scripts"].items())
    more = {
        "WHEEL": WHEEL.encode(),
        "entry_points.txt": f"[console_scripts]\n{scripts}".encode(),
        "licenses/LICENSE": (TEMPLATE / "LICENSE").read_bytes(),
    }
    readme = (PROJECT / "README.md").read_text("utf-8")
    required = "".join(f"Requires-Dist: {requirement}\n" for requirement in project["dependencies"])
    metadata = (
        f"Name: {project['name']}\nSummary: {project['description']}\n"
        f"License-Expression: {project['license']}\nLicense-File: LICENSE\n"
        f"Requires-Python: {project['requires-python']}\n{required}"
        f"Description-Content-Type: text/markdown\n\n{readme}"
    )
    digest = hashlib.sha256(metadata.encode())
    for name, text in sorted({**files, **more}.items()):
        digest.update(f"\0{name}\0".encode() + text)
    version = f"{project['version']}+h{digest.hexdigest()[:8]}"
    more["METADATA"] = f"Metadata-Version: 2.4\nVersion: {version}\n{metadata}".encode()
    folder = f"local_workspace-{version}.dist-info"
    return version, files | {f"{folder}/{name}": text for name, text in sorted(more.items())}


def version() -> str:
    return _content()[0]


def file_name() -> str:
    return f"local_workspace-{version()}-py3-none-any.whl"


def make(folder: Path) -> str:
    """Writes the wheel into a folder; returns the SHA-256 of its bytes, as uv.lock has it."""
    _, files = _content()
    record = f"local_workspace-{version()}.dist-info/RECORD"
    lines = [f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items()]
    files = files | {record: "".join([*lines, f"{record},,\n"]).encode()}
    path = folder / file_name()
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as wheel:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # as Unix has them, everywhere
            wheel.writestr(entry, content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    print(make(Path(sys.argv[1])), file_name())
