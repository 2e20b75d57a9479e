"""What the answers mean, and which of them are refused.

Cookiecutter loads this file as a Jinja extension, so templates and hooks read the answers in the
same way. An answer that no bundle can be made of is refused with one sentence, before any file is
written.
"""

import json
import keyword
import re
import subprocess
from functools import cache
from pathlib import Path

import click
from cookiecutter.cli import main as cookiecutter_command
from cookiecutter.config import get_user_config
from cookiecutter.exceptions import FailedHookException
from jinja2 import pass_environment
from jinja2.ext import Extension

TEMPLATE = Path(__file__).resolve().parents[1]
PROJECT_FOLDER = "<<cookiecutter.project>>"
STARTED_IN = Path.cwd()  # cookiecutter changes folder while it renders

QUESTIONS = {
    question: default
    for question, default in json.loads((TEMPLATE / "cookiecutter.json").read_text("utf-8")).items()
    if not question.startswith("_")
}

ALGORITHMS = {
    "regression": ("xgboost", "gradient_boosting"),
    "classification": ("xgboost", "gradient_boosting"),
    "anomaly": ("isolation_forest",),
}
FOLDERS_OF_THE_BUNDLE = ("features", "inference")
COLUMNS_OF_THE_BUNDLE = ("observed_at", "prediction", "model_version", "scored_at")

SHORT_NAME = (
    r"[a-z][a-z0-9_]{0,39}",
    "use at most 40 lower-case letters, digits and _, starting with a letter",
)
UNITY_CATALOG_NAME = (
    r"[a-z][a-z0-9_]{0,254}",
    "use only lower-case letters, digits and _, starting with a letter",
)
FORMS = {
    "project": SHORT_NAME,
    "dev_catalog": UNITY_CATALOG_NAME,
    "staging_catalog": UNITY_CATALOG_NAME,
    "prod_catalog": UNITY_CATALOG_NAME,
    "gold_schema": UNITY_CATALOG_NAME,
    "feature_schema": UNITY_CATALOG_NAME,
    "workspace_host": (
        r"https://[\w-]+(\.[\w-]+)+",
        "write https:// and the host, and leave out any path, query or slash after it",
    ),
    "notification_email": (
        r"\w[\w.+%'-]*@[\w-]+(\.[\w-]+)+",
        "write one email address like ml-team@example.com",
    ),
}
MUST_DIFFER = {
    "prod_catalog": ("staging_catalog", "so staging would overwrite prod; give each its own"),
    "feature_schema": ("gold_schema", "which is only read; give another schema to write to"),
}


class BadAnswer(FailedHookException):
    """An answer that is refused. The cookiecutter command prints it and exits with 1."""


def refuse(question, problem):
    raise BadAnswer(f"{question}: {problem}.")


def one_of(words):
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def parse_models(text):
    """List the models in the order given, each with its domain, name, type and algorithm."""
    models = [parse_model(entry.strip()) for entry in text.split(",") if entry.strip()]
    if not models:
        refuse("models", "there is none; give at least one as domain/name:type:algorithm")
    names = [model["name"] for model in models]
    for name in names:
        if names.count(name) > 1:
            refuse("models", f"the name {name!r} is given twice; give each model its own")
    return models


def parse_model(entry):
    parts = re.fullmatch(r"([^/:]*)/([^/:]*):([^/:]*):([^/:]*)", entry)
    if not parts:
        refuse("models", f"{entry!r} cannot be read; write domain/name:type:algorithm")
    domain, name, kind, algorithm = (part.strip() for part in parts.groups())
    check_form("models", domain, SHORT_NAME)
    check_form("models", name, SHORT_NAME)
    if domain in FOLDERS_OF_THE_BUNDLE:
        refuse("models", f"the domain {domain!r} is a folder of the bundle; choose another name")
    if name in (*COLUMNS_OF_THE_BUNDLE, f"{domain}_id"):
        refuse("models", f"the name {name!r} is a column of the bundle's tables; choose another")
    if kind not in ALGORITHMS:
        refuse("models", f"{kind!r} in {entry!r} is no type; choose {one_of(ALGORITHMS)}")
    if algorithm not in ALGORITHMS[kind]:
        problem = f"{algorithm!r} in {entry!r} is no algorithm for {kind}"
        refuse("models", f"{problem}; choose {one_of(ALGORITHMS[kind])}")
    return {"domain": domain, "name": name, "type": kind, "algorithm": algorithm}


def parse_domains(text):
    """List the domains by name, each with its models."""
    models = parse_models(text)
    return [
        {"name": domain, "models": [model for model in models if model["domain"] == domain]}
        for domain in sorted({model["domain"] for model in models})
    ]


def check_form(question, answer, form):
    pattern, rule = form
    if not re.fullmatch(pattern, answer, re.ASCII):
        refuse(question, f"{answer!r} cannot be used; {rule}")


def check_text(question, answer):
    """Refuse what no question takes, and a choice that its question does not offer."""
    if not isinstance(answer, str):
        refuse(question, f"{answer!r} is not text; write it in quotes")
    if not answer.strip():
        refuse(question, "the answer is empty; give one, or leave it out to take the default")
    if not answer.isprintable() or any(tag in answer for tag in ("<<", "<%", "<#", "# %")):
        refuse(question, f"{answer!r} has a line break or template tag in it; leave that out")
    choices = QUESTIONS[question]
    if isinstance(choices, list) and answer not in choices:
        refuse(question, f"{answer!r} is not a choice; choose {one_of(choices)}")


def check_project(project, output):
    """Refuse a name that Python cannot take, and a folder in which there is work already."""
    if keyword.iskeyword(project):
        refuse("project", f"{project!r} is a word of the Python language; choose another name")
    if output:
        folder = Path(output, project)
        if folder.is_dir() and any(folder.iterdir()):
            refuse("project", f"there are files in {str(folder)!r}; choose another name")


def command_line():
    """What the running cookiecutter command was given; nothing when Python calls cookiecutter."""
    context = click.get_current_context(silent=True)
    return context.params if context and context.command is cookiecutter_command else {}


def refuse_lost_answers():
    """Refuse given answers that would not arrive, while they are still to be seen.

    Cookiecutter renders them as templates, takes the first of a list, and drops every answer of a
    configuration file that follows a wrong choice.
    """
    if command := command_line():
        config = get_user_config(command["config_file"], command["default_config"])
        for given in (config["default_context"], command["extra_context"]):
            for question, answer in (given or {}).items():
                if question in QUESTIONS:
                    check_text(question, answer)
    return ""


def refuse_bad_answers(answers):
    """Refuse the first answer that no bundle can be made of, among those given so far."""
    for question in (question for question in QUESTIONS if question in answers):
        answer = answers[question]
        check_text(question, answer)
        if question in FORMS:
            check_form(question, answer, FORMS[question])
        if question == "project":
            check_project(answer, answers.get("_output_dir", command_line().get("output_dir")))
        if question == "models":
            parse_models(answer)
        if question in MUST_DIFFER:
            other, problem = MUST_DIFFER[question]
            if answer == answers.get(other):
                refuse(question, f"{answer!r} is also the {other}, {problem}")
    return ""


@pass_environment
def notebooks(environment, answers):
    """Each model's training notebook: its path, and its text. For a hook, which starts in the template."""
    source = f"src/{answers['project']}_ml"
    train_model = Path(PROJECT_FOLDER, f"src/{PROJECT_FOLDER}_ml/train_model.py")
    template = environment.from_string(train_model.read_text("utf-8"))
    return {
        f"{source}/{model['domain']}/train_{model['name']}.py": template.render(
            cookiecutter=answers, model=model
        )
        for model in parse_models(answers["models"])
    }


def repository():
    """The folder of the template's repository; the template's own outside of one."""
    return next((folder for folder in (TEMPLATE, *TEMPLATE.parents) if (folder / ".git").exists()), TEMPLATE)


def address(template):
    """Where an upgrade finds the template's repository again, from any folder."""
    return f"git+file://{repository()}" if (STARTED_IN / template).is_dir() else template


@cache
def template_version():
    """The commit of the template, with -dirty if files differ from it; empty without git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        git = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return git.stdout.strip()


class Answers(Extension):
    """Gives templates and hooks the functions above."""

    def __init__(self, environment):
        super().__init__(environment)
        for function in (parse_models, parse_domains, refuse_bad_answers, notebooks, address):
            environment.filters[function.__name__] = function
        environment.globals["refuse_lost_answers"] = refuse_lost_answers
        environment.globals["template_directory"] = "/".join(TEMPLATE.relative_to(repository()).parts)
        environment.globals["template_version"] = template_version()
        environment.policies["json.dumps_kwargs"] = {}  # tojson sorts keys otherwise

    def preprocess(self, source, name, filename=None):
        """Check all answers with the project folder's name, which cookiecutter renders before it writes.

        Those of a replay file were not asked for; and only now is it known where Python writes to.
        """
        return source + "<< cookiecutter | refuse_bad_answers >>" if source == PROJECT_FOLDER else source
