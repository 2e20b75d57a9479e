"""A notebook's source as cells, and what of it does not run here, said with its line and the remedy.

Stands for https://docs.databricks.com/aws/en/notebooks/notebooks-code and the formats of
https://docs.databricks.com/aws/en/notebooks/notebook-format.
"""

import ast
import json
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local_workspace.errors import WorkspaceError

COMMENTS = {".py": "#", ".sql": "--", ".ipynb": "#"}  # of the formats that run here; else than .sql is Python
MAGIC = re.compile(r"(%+|!)\s*([\w-]*)(.*)")
RUN = re.compile(r"""(["']?)([^/"'\s$][^"'\s$]*)\1""")
IN_PYTHON = "write it in Python, or remove the line"
INSTEAD = {  # of a magic
    "%sh": "run the command by subprocess",
    "%fs": "keep in tables what it reads and writes",
    "%scala": "write the cell in Python or SQL",
    "%r": "write the cell in Python or SQL",
}


@dataclass(frozen=True)
class Cell:
    """What runs at once. `kind` says what `text` is: source in `python` or `sql`; the path of the notebook
    to `run`; what `pip` is asked; nothing, where Python is to `restart`; or why it is `refused`.

    `file` and `line` are where the text begins, as tracebacks name it.
    """

    kind: str
    text: str
    file: str
    line: int


def check_notebook(path: Path, within: tuple[Path, ...] = ()) -> list[str]:
    """Why a notebook, or one that it runs, does not run here: sentences, none where it does."""
    try:
        cells = read_cells(path)
    except WorkspaceError as error:
        return [str(error)]
    problems = []
    for cell in cells:
        if cell.kind == "refused":
            problems.append(cell.text)
        elif cell.kind == "python" and (wrong := _syntax_error(cell.text)):
            at = f"{cell.file}:{cell.line + (wrong.lineno or 1) - 1}"
            problems.append(f"{at}: this is no valid Python ({wrong.msg}); correct the line")
        elif cell.kind == "run" and Path(cell.text) in (*within, path):
            problems.append(f"{cell.file}:{cell.line}: this notebook would run itself; remove the %run")
        elif cell.kind == "run":
            problems += check_notebook(Path(cell.text), (*within, path))
    return list(dict.fromkeys(problems))


def read_cells(path: Path) -> list[Cell]:
    """A notebook's cells in order; a WorkspaceError says why a file is no notebook."""
    if path.suffix not in COMMENTS:
        raise WorkspaceError(f"{path}: only notebooks in {', '.join(COMMENTS)} run here; write it as one")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WorkspaceError(f"{path}: there is no such notebook; correct the path to it") from None
    except UnicodeDecodeError:
        raise WorkspaceError(f"{path}: this is not UTF-8; save it as UTF-8") from None
    if path.suffix == ".ipynb":
        return [cell for source in _jupyter_sources(path, text) for cell in _cells(path, *source, "python")]
    language = "sql" if path.suffix == ".sql" else "python"
    sources = _sources(path, text.split("\n"), COMMENTS[path.suffix])
    return [cell for line, lines in sources for cell in _cells(path, str(path), line, lines, language)]


def _sources(path: Path, lines: list[str], comment: str) -> Iterator[tuple[int, list[str]]]:
    """Where each cell of a source file begins, and its lines as the notebook shows them."""
    header = f"{comment} Databricks notebook source"
    if lines[0].rstrip() != header:
        raise WorkspaceError(f"{path}: this is no notebook; begin it with the line {header}")
    begin = 2
    found: list[str] = []
    for number, line in enumerate([*lines[1:], f"{comment} COMMAND ----------"], start=2):
        if line.startswith(f"{comment} COMMAND ----------"):
            yield begin, found
            begin, found = number + 1, []
        else:
            found.append(re.sub(rf"{comment} (MAGIC ?|DBTITLE .*)", "", line, count=1))


def _jupyter_sources(path: Path, text: str) -> Iterator[tuple[str, int, list[str]]]:
    """What tracebacks call each code cell of an .ipynb, its first line, and its lines."""
    try:
        notebook = json.loads(text)
        language = notebook["metadata"].get("language_info", {}).get("name", "python")
        sources = [cell["source"] if cell["cell_type"] == "code" else [] for cell in notebook["cells"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WorkspaceError(f"{path}: this is no Jupyter notebook of format 4; save it as one") from None
    if language != "python":
        raise WorkspaceError(f"{path}: its language is {language}; only Python runs here in .ipynb")
    for number, source in enumerate(sources, start=1):
        yield f"{path} cell {number}", 1, "".join(source).split("\n")


def _cells(path: Path, file: str, line: int, lines: list[str], language: str) -> Iterator[Cell]:
    """One cell of the notebook, parted at the magics in it; none if it is markdown."""
    first = next((number for number, text in enumerate(lines) if text.strip()), 0)
    magic = MAGIC.match(lines[first])
    word = magic[2] if magic and magic[1] == "%" else ""
    if word in ("md", "md-sandbox"):
        return
    if magic and word in ("python", "sql"):
        language, lines, magic = word, [*lines[:first], magic[3], *lines[first + 1 :]], None
    text = "\n".join(lines)
    if language == "sql" and not magic:
        yield _sql(file, line, text)
    elif not _syntax_error(text):
        yield Cell("python", text, file, line)
    else:
        yield from _parts(path, file, line, lines)


def _sql(file: str, line: int, text: str) -> Cell:
    if substituted := re.search(r"\$\{.*", text):
        at = f"{file}:{line + text.count(chr(10), 0, substituted.start())}"
        problem = "${name} is not replaced in a local run; write the parameter marker :name"
        return Cell("refused", f"{at}: {problem}", file, line)
    return Cell("sql", text, file, line)


def _parts(path: Path, file: str, line: int, lines: list[str]) -> Iterator[Cell]:
    """A Python cell with magics in it: the lines between them, and each of them."""
    begin = number = 0
    while number < len(lines):
        end, magic = number + 1, MAGIC.match(lines[number])
        if magic:
            while lines[end - 1].endswith("\\") and end < len(lines):
                end += 1
            yield Cell("python", "\n".join(lines[begin:number]), file, line + begin)
            alone = not "".join(lines[:number] + lines[end:]).strip()
            yield (part := _magic(path, file, line + number, magic, alone))
            if part.kind == "refused":
                return  # what follows may be no Python
            begin = end
        number = end
    yield Cell("python", "\n".join(lines[begin:]), file, line + begin)


def _magic(path: Path, file: str, line: int, magic: re.Match[str], alone: bool) -> Cell:
    name, asked = magic[1] + magic[2], magic[3].strip()
    if name == "%pip":
        return Cell("pip", asked, file, line)
    if name == "%restart_python":
        return Cell("restart", "", file, line)
    problem = f"{name} does not run here; {INSTEAD.get(name, IN_PYTHON)}"
    if name == "%run":
        target = RUN.fullmatch(asked)
        known = [path.parent / (target[2] + suffix) for suffix in COMMENTS] if target else []
        found = [file for file in known if file.is_file()]
        if found and alone:
            return Cell("run", os.path.normpath(found[0]), file, line)
        if found:
            problem = "%run needs a cell of its own; part the cell"
        elif not target:
            problem = "%run takes a relative path alone here; set a variable in place of a parameter"
        elif target[2].endswith(tuple(COMMENTS)):
            problem = "a deployed notebook has no suffix in its name; leave it out after %run"
        else:
            problem = f"%run does not find {target[2]}; correct the path, which begins at this notebook"
    return Cell("refused", f"{file}:{line}: {problem}", file, line)


def _syntax_error(text: str) -> SyntaxError | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except SyntaxError as error:
            return error
    return None
