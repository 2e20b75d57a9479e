"""Changes what a bundle was rendered from: its models, another answer, the version of its template."""

import argparse
import os
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any, NoReturn

import yaml

from local_workspace.bundle.root import find_root
from local_workspace.workspace.temporary import own_folder

HELP = "add or remove a model, change an answer, move to another version of the template"
EXPLANATION = """\
    local-workspace upgrade models+=ops/latency:regression:xgboost    one more model
    local-workspace upgrade models-=revenue                           one model less
    local-workspace upgrade notification_email=ml@example.com         another answer
    local-workspace upgrade version=v2                                another version of the template

The template is rendered twice, by .cookiecutter.yml as it is and as it will be, and git merges the difference
into the bundle. Your edits stay; where the template changed the same lines, git marks a conflict. Nothing is
committed, and nothing in a workspace is touched. Several changes can be given at once.
"""
SOURCE = ".cookiecutter.yml"
Source = dict[str, Any]  # what it says: template, directory in it, version, answers as default_context
AUTHOR = ("-c", "user.name=local-workspace", "-c", "user.email=local-workspace@localhost")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXPLANATION
    parser.add_argument("change", nargs="*", help="for example models+=domain/name:type:algorithm")


def run(arguments: argparse.Namespace) -> int:
    """Returns 1 where a file is in conflict, or nothing could be changed."""
    if not arguments.change:
        print(EXPLANATION)
        return 0
    if not shutil.which("git"):
        refuse("There is no git on the PATH; install it.")
    bundle = Repository(find_root())
    old = new = read_source(bundle.folder / SOURCE)
    if bundle.git("status", "--porcelain"):
        refuse("There are changes in this repository that are not committed. Commit or stash them first.")
    for request in arguments.change:
        new = change(new, request)
    before, after = make_commits(bundle, (old, new), f"Upgrade: {' '.join(arguments.change)}")
    difference = bundle.git("diff", "--stat=100", "--summary", "--relative", "--no-renames", before, after)
    if not difference:
        print("Nothing differs.")
        return 0
    refuse_to_overwrite(bundle, before, after)
    print(f"To be changed:\n{difference}")
    if gone := [name for name in list_models(old) if name not in list_models(new)]:
        print(f"{', '.join(gone)}: registered models and tables stay in Unity Catalog as they are.")
    if not merge(bundle, after):
        print("Resolve each conflict, then git add (or git rm) the file; git commit keeps it all.")
        print("git reset --hard takes it all back.")
        return 1
    print("All merged. git diff --cached shows it, git commit keeps it, git reset --hard takes it back.")
    return 0


def refuse(reason: str) -> NoReturn:
    raise SystemExit(f"Nothing was changed. {reason}")


def call(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C", **environment}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


class Repository:
    """The git repository that a folder is in."""

    def __init__(self, folder: Path):
        self.folder = folder

    def git(self, *command: str, folder: Path | None = None, **environment: str) -> str:
        done = call(["git", *command], folder or self.folder, **environment)
        if done.returncode:
            refuse((done.stderr or done.stdout).strip())
        return done.stdout.rstrip("\n")


def read_source(file: Path) -> Source:
    """What the bundle was rendered from."""
    try:
        source: Source = yaml.safe_load(file.read_text("utf-8"))
    except yaml.YAMLError as error:
        refuse(f"{file} is no YAML ({' '.join(str(error).split())}); correct it, or resolve its conflict.")
    except FileNotFoundError:
        refuse(f"There is no {file}, which says what this bundle was rendered from.")
    if not source["version"]:
        refuse(
            "The template came without git, from a zip say, so it cannot be rendered as it was. "
            f"Write the git address and the commit of the template into {file.name}, and commit that."
        )
    if source["version"].endswith("-dirty"):
        refuse(
            "The template had changes that were not committed, so it cannot be rendered as it was. "
            f"Commit them there, write that commit into {file.name} as version, and commit that."
        )
    return source


def list_models(source: Source) -> dict[str, str]:
    """The models by name, each as it was given: domain/name:type:algorithm."""
    given = [model.strip() for model in source["default_context"]["models"].split(",")]
    return {model.split("/")[-1].split(":")[0].strip(): model for model in given if model}


def change(source: Source, request: str) -> Source:
    """The source with one request carried out. Whether an answer is good is for the template to say."""
    key, equals, value = request.partition("=")
    source = deepcopy(source)
    answers, models = source["default_context"], list_models(source)
    if not equals or (not value and key != "history_domains"):
        refuse(f"{request!r} cannot be read; write key=value, models+=model or models-=name.")
    elif key == "version":
        source["version"] = value
    elif key == "models+":
        answers["models"] = ", ".join([*models.values(), value])
    elif key == "models-" and value not in models:
        refuse(f"models: there is no {value!r}; there are {', '.join(models)}.")
    elif key == "models-":
        answers["models"] = ", ".join(model for name, model in models.items() if name != value)
    elif key in answers:
        answers[key] = value
    else:
        refuse(f"{key}: there is no such question; there are version, {', '.join(answers)}.")
    return source


def render(bundle: Repository, source: Source, scratch: Path) -> str:
    """Make a git tree of what the template makes of a source, at this bundle's place in the repository."""
    config = {"cookiecutters_dir": str(scratch / "clones"), "replay_dir": str(scratch / "replay")}
    config["default_context"] = source["default_context"]
    (scratch / "config.yml").write_text(yaml.safe_dump(config), "utf-8")
    command = [sys.executable, "-m", "cookiecutter", source["template"], "--no-input"]
    command += ["--config-file=config.yml", "--output-dir=rendered", f"--checkout={source['version']}"]
    if source.get("directory"):
        command += [f"--directory={source['directory']}"]
    done = call(command, scratch)
    if done.returncode:
        said = (done.stderr + done.stdout).partition("\nContext: ")[0]  # all answers follow
        lines = said.strip().splitlines()
        refuse("\n".join([line for line in lines if line.startswith("fatal:")] or lines[-1:]))

    (rendered,) = (scratch / "rendered").iterdir()
    place = scratch / "tree" / bundle.git("rev-parse", "--show-prefix")
    place.parent.mkdir(parents=True, exist_ok=True)
    rendered.rename(place)
    repository = {
        "GIT_DIR": bundle.git("rev-parse", "--absolute-git-dir"),
        "GIT_WORK_TREE": str(scratch / "tree"),
        "GIT_INDEX_FILE": str(scratch / "index"),
    }
    bundle.git("add", "--all", "--force", ".", folder=scratch / "tree", **repository)
    return bundle.git("write-tree", folder=bundle.folder, **repository)


def make_commits(bundle: Repository, sources: tuple[Source, Source], message: str) -> tuple[str, str]:
    """Two commits that no branch knows: the first source rendered, then the second."""
    trees = []
    for source in reversed(sources):  # what is asked for first, since only that can be wrong
        with own_folder() as scratch:
            trees.append(render(bundle, source, scratch.resolve()))
    after, before = trees
    before = bundle.git(*AUTHOR, "commit-tree", "-m", "rendered before", before)
    return before, bundle.git(*AUTHOR, "commit-tree", "-m", message, "-p", before, after)


def refuse_to_overwrite(bundle: Repository, before: str, after: str) -> None:
    """Git would write over files that it ignores."""
    options = ("--name-only", "--relative", "--no-renames", "--diff-filter=d")
    written = bundle.git("diff", *options, before, after).splitlines()
    tracked = bundle.git("ls-files").splitlines()
    lost = [name for name in written if os.path.lexists(bundle.folder / name) and name not in tracked]
    if lost:
        refuse(f"These files are ignored by git and would be lost: {', '.join(lost)}.")


def merge(bundle: Repository, after: str) -> bool:
    """Bring the difference into the folder; True if it went in without a conflict."""
    # Renames off: a removed notebook's edits would move into the notebook of an added model.
    options = ("--no-commit", "--strategy=recursive", "--strategy-option=no-renames")
    done = call(["git", "cherry-pick", *options, after], bundle.folder)
    if done.returncode and not bundle.git("ls-files", "--unmerged"):
        refuse((done.stderr or done.stdout).strip())
    for line in done.stdout.splitlines():
        if line.startswith("CONFLICT"):
            print(line)
    return done.returncode == 0
