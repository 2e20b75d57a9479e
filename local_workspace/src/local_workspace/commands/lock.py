"""Locks what the pinned packages bring, upon what the serverless environment has.

A task resolves its dependencies anew each time, so a package that is pinned nowhere may change without a
commit. `environments/` has what each version of the environment has, with its source.
"""

import argparse
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from local_workspace.bundle.root import find_root
from local_workspace.errors import BundleError
from local_workspace.workspace.temporary import own_folder

HELP = "lock what the pinned packages bring, in the jobs' environment and in uv.lock"
MARK = "# What these bring"  # begins the line that parts the pins from what is locked
NEVER = ("databricks-connect", "pyspark")  # the session's own, which another version would break
COMPUTE = ("joblib", "scipy", "threadpoolctl")  # by these scikit-learn gives a laptop the same model
ENVIRONMENTS = Path(__file__).parent / "environments"
PLATFORM = ("--python-version=3.12", "--python-platform=x86_64-manylinux_2_28")

Versions = dict[str, Version]  # by the package's canonical name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--upgrade", action="store_true", help="take newer versions of what is locked")


def run(arguments: argparse.Namespace) -> int:
    """Renews both; prints what the tasks install beside the pins, and what of the environment moves."""
    root = find_root()
    file, text = _environment_file(root)
    before, indent, pins, former, after = _split(text)
    version = _environment_version(root)
    environment = _versions((ENVIRONMENTS / f"{version}.txt").read_text("utf-8").splitlines())
    with _laptop_lock(root) as lock:
        _uv("lock", "--quiet", *(["--upgrade"] if arguments.upgrade else []), folder=root)
        preferred = _read_lock(lock) | environment | ({} if arguments.upgrade else _versions(former))
        found = resolve(pins, environment, preferred)
        installed = {name: found[name] for name in sorted(found) if found[name] != environment.get(name)}
        locked = {name: number for name, number in installed.items() if name not in _versions(pins)}
        same = locked | {name: found[name] for name in COMPUTE if name in found}
        asked = [f"--upgrade-package={name}=={number}" for name, number in same.items()]
        _uv("lock", "--quiet", *asked, folder=root)
        lines = [f"{indent}- {name}=={number}\n" for name, number in locked.items()]
        if file.read_text("utf-8") != text:
            raise BundleError(f"lock: {file} was changed meanwhile, and is left as it is; run this again")
        _replace(file, "".join([*before, *lines, *after]))
    moved = [f"{name} {environment[name]} to {installed[name]}" for name in installed if name in environment]
    print(f"A task installs {len(installed) - len(moved)} packages that environment {version} lacks.")
    print(f"Of the environment's own, {len(moved)} move: {', '.join(moved) or 'none'}.")
    return 0


def _environment_file(root: Path) -> tuple[Path, str]:
    """The YAML file with the list of packages, and its text."""
    for file in sorted([root / "databricks.yml", *root.glob("resources/**/*.yml")]):
        if MARK in (text := file.read_text("utf-8")):
            return file, text
    problem = f"no list of packages in resources/ has a line that begins with {MARK!r}"
    raise BundleError(f"lock: {problem}; write it below your pins, and what is locked will stand there")


def _replace(file: Path, text: str) -> None:
    """Writes it whole, or leaves the file as it was, as on a disk that is full."""
    part = file.with_name(f"{file.name}.part")
    try:
        part.write_text(text, "utf-8")
        shutil.copymode(file, part)
        part.replace(file.resolve())
    finally:
        part.unlink(missing_ok=True)


def _split(text: str) -> tuple[list[str], str, list[str], list[str], list[str]]:
    """The lines before what is locked, their indentation, the pins, what is locked, and the lines after."""
    lines = text.splitlines(keepends=True)
    mark = next(n for n, line in enumerate(lines) if line.lstrip().startswith(MARK))
    indent = lines[mark].partition("#")[0]
    comment, item = f"{indent}#", f"{indent}- "
    first = start = mark
    while first and lines[first - 1].startswith((comment, item)):
        first -= 1
    while lines[start:] and lines[start].startswith(comment):
        start += 1
    end = start
    while lines[end:] and lines[end].startswith(item):
        end += 1
    pins, locked = (
        [line.removeprefix(item).strip() for line in part if line.startswith(item) and "==" in line]
        for part in (lines[first:mark], lines[start:end])
    )
    return lines[:start], indent, pins, locked, lines[end:]


def _environment_version(root: Path) -> str:
    """That of all jobs; raises where they differ, or its packages are not known."""
    from local_workspace.rules.bundle_files import BundleFiles

    specs = [spec for job in BundleFiles(root).jobs for spec in job.environments.values()]
    found = sorted({str(spec.get("environment_version")) for spec in specs})
    known = sorted(path.stem for path in ENVIRONMENTS.glob("*.txt"))
    if len(found) != 1 or found[0] not in known:
        problem = f"the jobs have environment_version {', '.join(found) or 'nowhere'}"
        raise BundleError(f"lock: {problem}; give all of them one of {', '.join(known)}")
    return found[0]


@contextmanager
def _laptop_lock(root: Path) -> Iterator[Path]:
    """uv.lock, as it was before if there is an error."""
    lock = root / "uv.lock"
    before = lock.read_bytes() if lock.exists() else b""
    try:
        yield lock
    except BaseException:
        lock.write_bytes(before) if before else lock.unlink(missing_ok=True)
        raise


def _read_lock(lock: Path) -> Versions:
    packages = tomllib.loads(lock.read_text("utf-8"))["package"]
    return {package["name"]: Version(package["version"]) for package in packages if "version" in package}


def _versions(lines: Iterable[str]) -> Versions:
    """The exact version by package, or of `~=` the first."""
    asked = [Requirement(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()]
    found: Versions = {}
    for each in asked:
        try:
            found[canonicalize_name(each.name)] = Version(next(iter(each.specifier)).version)
        except InvalidVersion:
            raise BundleError(f"lock: {each} is no exact version; pin one, as {each.name}==1.2.3") from None
    return found


def resolve(pins: list[str], environment: Versions, preferred: Versions) -> Versions:
    """All that the pins need, `preferred` if it fits, and as little of the environment moved as possible."""
    kept: Versions = {}
    found = _compile(pins, kept, preferred)
    for name in sorted((found.keys() & environment) - _versions(pins).keys()):
        if found[name] != environment[name]:
            try:
                found = _compile(pins, kept | {name: environment[name]}, preferred)
                kept[name] = environment[name]
            except BundleError:
                continue  # another package needs a newer one
    return found


def _compile(pins: list[str], kept: Versions, preferred: Versions) -> Versions:
    """What uv resolves for the environment's Python and system; raises where nothing fits together."""
    with own_folder() as folder:
        never = "".join(f"{package}<0\n" for package in NEVER)
        (folder / "pins.in").write_text("\n".join(pins))
        (folder / "kept.in").write_text(_lines(kept) + never)
        (folder / "chosen.txt").write_text(_lines(preferred))  # uv prefers what it chose before
        command = ("pip", "compile", "pins.in", "--constraints=kept.in", "--output-file=chosen.txt")
        _uv(*command, *PLATFORM, "--no-header", "--no-annotate", "--quiet", folder=folder)
        return _versions((folder / "chosen.txt").read_text().splitlines())


def _lines(versions: Versions) -> str:
    return "".join(f"{name}=={number}\n" for name, number in versions.items())


def _uv(*arguments: str, folder: Path) -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        raise BundleError("lock: there is no uv on the PATH; install it")
    done = subprocess.run([uv, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise BundleError(f"lock: uv finds no versions that go together, or no index:\n{done.stderr.strip()}")
