"""What the answers mean, and which of them are refused."""

import keyword
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from cookiecutter.exceptions import FailedHookException, OutputDirExistsException

from hooks import algorithms

TYPES = ("regression", "classification", "multiclass", "anomaly")
RESERVED_DOMAINS = ("features", "inference", "monitoring")  # folders beside those of the domains
RESERVED_MODELS = ("observed_at", "prediction", "model_version", "scored_at")  # columns beside the label's
YAML_WORDS = ("null", "true", "false", "yes", "no", "on", "off")  # no text to YAML
MAX_TASKS = 1000  # of a Databricks job

SHORT_NAME = (
    r"[a-z][a-z0-9_]{0,39}",
    "use at most 40 lower-case letters, digits and _, starting with a letter",
)
CATALOG_NAME = (
    r"[a-z][a-z0-9_]{0,254}",
    "use only lower-case letters, digits and _, starting with a letter",
)
HOST = (
    r"https://[\w-]+(\.[\w-]+)+",
    "write https:// and the host, and leave out any path, query or slash after it",
)
PATTERNS = {
    "project": SHORT_NAME,
    "dev_catalog": CATALOG_NAME,
    "staging_catalog": CATALOG_NAME,
    "prod_catalog": CATALOG_NAME,
    "gold_schema": CATALOG_NAME,
    "feature_schema": CATALOG_NAME,
    "workspace_host": HOST,
    "staging_host": HOST,
    "prod_host": HOST,
    "notification_email": (
        r"\w[\w.+%'-]*@[\w-]+(\.[\w-]+)+",
        "write one email address like ml-team@example.com",
    ),
}
CHOICES = {
    "environment_version": ("4", "5", "6"),
    "ci": ("github", "azure_devops", "gitlab", "none"),
    "monitoring": ("yes", "no"),
}
MUST_DIFFER = {
    "prod_catalog": ("staging_catalog", "so staging would overwrite prod; give each its own"),
    "feature_schema": ("gold_schema", "which is only read; give another schema to write to"),
}


def refuse(question: str, problem: str) -> NoReturn:
    """Stop with one sentence: cookiecutter prints this exception and exits with 1."""
    raise FailedHookException(f"{question}: {problem}.")


def one_of(words: Iterable[str]) -> str:
    """The words as a sentence lists them."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def check_pattern(question: str, answer: str, pattern: tuple[str, str]) -> None:
    """Refuse an answer that is not all of a pattern; the pattern comes with its sentence."""
    regex, rule = pattern
    if not re.fullmatch(regex, answer, re.ASCII):
        refuse(question, f"{answer!r} cannot be used; {rule}")
    if answer in YAML_WORDS:
        refuse(question, f"{answer!r} is a word that YAML does not read as text; choose another name")


def parse_model(entry: str) -> dict[str, str]:
    """One model's domain, name, type and algorithm."""
    parts = re.fullmatch(r"([^/:]*)/([^/:]*):([^/:]*):([^/:]*)", entry)
    if not parts:
        refuse("models", f"{entry!r} cannot be read; write domain/name:type:algorithm")
    domain, name, kind, algorithm = (part.strip() for part in parts.groups())
    check_pattern("models", domain, SHORT_NAME)
    check_pattern("models", name, SHORT_NAME)
    if domain in RESERVED_DOMAINS:
        refuse("models", f"the domain {domain!r} is a folder of the bundle; choose another name")
    if name in (*RESERVED_MODELS, f"{domain}_id"):
        refuse("models", f"the name {name!r} is a column of the bundle's tables; choose another")
    if kind not in TYPES:
        refuse("models", f"{kind!r} in {entry!r} is no type; choose {one_of(TYPES)}")
    if algorithm not in (choice := algorithms.serving(kind)):
        problem = f"{algorithm!r} in {entry!r} is no algorithm for {kind}"
        refuse("models", f"{problem}; choose {one_of(choice)}")
    return {"domain": domain, "name": name, "type": kind, "algorithm": algorithm}


def parse_models(text: str) -> list[dict[str, str]]:
    """The models in the order given."""
    models = [parse_model(entry.strip()) for entry in text.split(",") if entry.strip()]
    if not models:
        refuse("models", "there is none; give at least one as domain/name:type:algorithm")
    for name, count in Counter(model["name"] for model in models).items():
        if count > 1:
            refuse("models", f"the name {name!r} is given twice; give each model its own")
    tasks = len(models) + len({model["domain"] for model in models}) + 1  # the last is pipeline_status
    if tasks > MAX_TASKS:
        problem = f"{len(models)} models with their domains make a training job of {tasks} tasks"
        refuse("models", f"{problem}; give fewer, since a job takes at most {MAX_TASKS}")
    return models


def parse_domains(text: str) -> list[dict]:
    """The domains by name, each with its models."""
    models = parse_models(text)
    return [
        {"name": domain, "models": [model for model in models if model["domain"] == domain]}
        for domain in sorted({model["domain"] for model in models})
    ]


def parse_names(text: str) -> list[str]:
    """The names in the order given."""
    return [name.strip() for name in text.split(",") if name.strip()]


def check_answers(answers: Mapping[str, object]) -> str:
    """Refuse the first answer that no bundle can be made of, among those given so far; else empty."""
    for question, answer in answers.items():
        if question.startswith("_"):
            continue
        if not isinstance(answer, str):
            refuse(question, f"{answer!r} is not text; write it in quotes")
        if question in PATTERNS:
            check_pattern(question, answer, PATTERNS[question])
        if question in CHOICES and answer not in CHOICES[question]:
            refuse(question, f"{answer!r} is not a choice; choose {one_of(CHOICES[question])}")
        if question == "project" and keyword.iskeyword(answer):
            refuse("project", f"{answer!r} is a word of the Python language; choose another name")
        if question == "models":
            parse_models(answer)
        if question == "history_domains" and "models" in answers:
            domains = sorted({model["domain"] for model in parse_models(answers["models"])})
            for name in parse_names(answer):
                if name not in domains:
                    refuse(question, f"{name!r} is no domain of the models; choose {one_of(domains)}")
        if question == "monitoring" and answer == "yes" and "models" in answers:
            models = len(parse_models(answers["models"]))
            if (tasks := 2 * models + 2) > MAX_TASKS:  # two for each, retrain and pipeline_status
                problem = f"{models} models make a monitoring job of {tasks} tasks"
                refuse(question, f"{problem}; answer no, since a job takes at most {MAX_TASKS}")
        if question in MUST_DIFFER:
            other, problem = MUST_DIFFER[question]
            if answer == answers.get(other):
                refuse(question, f"{answer!r} is also the {other}, {problem}")
    return ""


def check_given(given: Mapping[str, object]) -> str:
    """Refuse a list, of which cookiecutter would take the first item without a word; else empty."""
    for question, answer in given.items():
        if isinstance(answer, list):
            refuse(question, f"{answer!r} is not text; write it in quotes")
    return ""


def check_folder(answers: Mapping[str, str]) -> str:
    """Refuse a folder with files in it, over which --overwrite-if-exists would write; else empty."""
    folder = Path(answers["_output_dir"], answers["project"])
    if any(folder.iterdir()):
        # Cookiecutter prints this exception alone; one of a failed hook comes with its traceback.
        raise OutputDirExistsException(f"project: there are files in {str(folder)!r}; choose another name.")
    return ""
