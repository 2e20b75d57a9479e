"""Where the template came from, so that an upgrade can render it again."""

import subprocess
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]


def repository() -> Path:
    """The folder of the template's repository; the template's own outside of one."""
    return next((folder for folder in (TEMPLATE, *TEMPLATE.parents) if (folder / ".git").exists()), TEMPLATE)


def address(template: str) -> str:
    """Where an upgrade finds the template again from any folder: a path becomes that of its repository."""
    return template if ":" in template or template.endswith(".zip") else f"git+file://{repository()}"


def directory() -> str:
    """The template's folder in its repository; empty for the repository's own."""
    return "/".join(TEMPLATE.relative_to(repository()).parts)


def version() -> str:
    """The commit of the template, with -dirty if files differ from it; empty without git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        git = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return git.stdout.strip()
