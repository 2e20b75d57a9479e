"""An archive of the classes that Spark's JVM loads, with which it starts in two thirds of the time.

https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
A run without an archive lists its classes. When it has ended, this file makes the archive in the background:
once for each Java, set of jars and options, in ~/.cache/local_workspace, where links to the jars last.

python class_archive.py FOLDER JAVA OPTION ... JAR ... < CLASSES
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

FREE_MB = 2000
SHORT = re.compile("insufficient memory|Cannot allocate memory|No space left on device")
WHOLE = 20_000  # classes; a command that lists fewer has used only a part of Spark
AT_ITS_ADDRESS = ("-XX:+UnlockDiagnosticVMOptions", "-XX:ArchiveRelocationMode=0")  # else it is rewritten
UNUSED_SECONDS = 30 * 24 * 3600  # after which the archive of other versions is removed


class ClassArchive:
    """The archive for one Java, its options and its jars.

    `release` is what this Java says of its version; `listed` is the file for the names of the classes.
    """

    def __init__(self, java: str, release: str, options: tuple[str, ...], jars: list[Path], listed: Path):
        self._java, self._options, self._jars, self._listed = java, options, jars, listed
        what = [release, *options, *(f"{jar.name} {jar.stat().st_size}" for jar in jars)]
        key = hashlib.sha256("\n".join(what).encode()).hexdigest()[:16]
        self._folder = Path.home() / ".cache/local_workspace" / key
        self._archive = self._folder / "classes.jsa"

    def command(self) -> list[str]:
        """The beginning of Spark's command: Java with the archive, else one that lists its classes."""
        if any(not option.startswith("-D") for option in os.environ.get("JAVA_TOOL_OPTIONS", "").split()):
            use, jars = [], self._jars  # an agent, for example, changes classes
        elif self._is_made():
            use, jars = [f"-XX:SharedArchiveFile={self._archive}", *AT_ITS_ADDRESS], self._linked()
            with suppress(OSError):
                os.utime(self._folder)
        else:
            use, jars = [f"-XX:DumpLoadedClassList={self._listed}"], self._jars
        return [self._java, *self._options, *use, "-cp", os.pathsep.join(map(str, jars))]

    def make(self) -> None:
        """Begins to make it, unless another run has: in CI, where no later run would find it, not at all."""
        if not self._listed.exists() or self._is_made() or "CI" in os.environ or "TF_BUILD" in os.environ:
            return
        with suppress(OSError), open(self._listed) as classes:  # else the next run goes without, too
            self._make_folder()
            room = self._is_ours() and shutil.disk_usage(self._folder).free >> 20 > FREE_MB
            if room and sum(1 for _ in classes) > WHOLE and not _refused(self._folder).exists():
                classes.seek(0)
                subprocess.Popen(
                    [sys.executable, "-ES", __file__, self._folder, self._java, *self._options, *self._jars],
                    cwd="/",
                    env=os.environ | {"LC_ALL": "C.UTF-8"},  # for paths with letters outside ASCII
                    stdin=classes,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )

    def _linked(self) -> list[Path]:
        return [self._folder / jar.name for jar in self._jars]

    def _is_made(self) -> bool:
        return self._archive.exists() and all(jar.exists() for jar in self._linked()) and self._is_ours()

    def _make_folder(self) -> None:
        """Makes it, this user's alone; what others could have written to goes."""
        for folder in (self._folder.parent, self._folder):
            if folder.exists() and _is_ours(folder, 0) and not _is_ours(folder):
                shutil.rmtree(folder)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _is_ours(self) -> bool:
        """Spark loads the jars in it, so nobody else may put one there."""
        return _is_ours(self._folder.parent) and _is_ours(self._folder)


def _is_ours(folder: Path, *theirs: int) -> bool:
    from local_workspace.compute.ours import is_ours  # not above, as this file also runs alone

    return is_ours(folder, *theirs)


def main() -> int:
    folder, java, *rest = Path(sys.argv[1]), *sys.argv[2:]
    options = [argument for argument in rest if argument.startswith("-")]
    os.nice(19)
    with open(folder / "lock", "w") as lock, suppress(BlockingIOError):  # where another one makes it
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        jars = os.pathsep.join(_link(Path(jar), folder) for jar in rest[len(options) :])
        part = folder / "part.jsa"
        part.unlink(missing_ok=True)
        dump = ["-Xshare:dump", "-XX:SharedClassListFile=/dev/stdin", f"-XX:SharedArchiveFile={part}"]
        made = subprocess.run([java, *options, *dump, "-cp", jars], capture_output=True, text=True)
        said = made.stdout + made.stderr
        if made.returncode == 0:
            part.replace(folder / "classes.jsa")
            _remove_unused(folder.parent)
        elif made.returncode > 0 and not SHORT.search(said):  # else another run may have more luck
            _refused(folder).write_text(said)
    return 0


def _refused(folder: Path) -> Path:
    """What Java said when it could not make the archive, after which no run tries it again."""
    return folder / "refused.txt"


def _link(jar: Path, folder: Path) -> str:
    """The jar by a path that stays when the environment of this bundle goes."""
    link = folder / jar.name
    if not link.exists():
        try:
            link.hardlink_to(jar)
        except OSError:
            part = folder / "part.jar"
            shutil.copy2(jar, part)
            part.replace(link)
    return str(link)


def _remove_unused(cache: Path) -> None:
    for folder in cache.iterdir():
        if time.time() - folder.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
