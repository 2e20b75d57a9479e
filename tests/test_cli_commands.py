"""Every command of the Databricks CLI that a bundle shows or prints is one that the CLI takes."""

import json
import re
import shlex
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

REPOSITORY = Path(__file__).parents[1]
RULES = tomllib.loads((Path(__file__).parent / "cli_commands.toml").read_text("utf-8"))
COMMAND = re.compile(
    r"databricks (?:auth|bundle|jobs|registered-models|experiments|schemas) [a-z][\w-]* ?[^`#\n]*"
)
STATUS = "src/my_project_ml/pipeline_status.py"


def wrong(command):
    """What the CLI refuses of a command; empty if it takes it."""
    _, group, name, *words = shlex.split(command)
    if not (rule := RULES.get(f"{group} {name}")):
        return "no such command in cli_commands.toml"
    arguments, options = [], set()
    known = RULES["everywhere"]["options"] | rule["options"]
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            arguments.append(word)
            continue
        option, _, value = word.lstrip("-").partition("=")
        if option not in known:
            return f"no option {word}"
        options.add(option)
        if known[option] and not value:
            if not words:
                return f"{word} without a value"
            value = words.pop(0)
        if option == "json":
            json.loads(re.sub(r"(?<=: )[A-Z]+(?=[,}])", "0", value))  # a word to be filled in is a number
    least, most = rule["arguments"]
    if "json" in options and "beside_json" in rule:
        least = most = rule["beside_json"]
    return "" if least <= len(arguments) <= most else f"{len(arguments)} arguments, not {least} to {most}"


# `c` and `d` were left out by --task and by a condition.
RESULTS = "a: success\nb: success\nc: {{tasks.c.result_state}}\nd: excluded\n"


def status_output(capsys, repairs):
    """What pipeline_status prints of a run whose task `a` has failed."""
    given = {"run_id": "42", "repair_count": repairs, "results": RESULTS}
    values = {"a": "FAILED: it is broken", "b": "SUCCESS"}
    task_values = SimpleNamespace(get=lambda taskKey, **_: values[taskKey])
    widgets = SimpleNamespace(get=given.get, text=lambda *_: None)
    dbutils = SimpleNamespace(widgets=widgets, jobs=SimpleNamespace(taskValues=task_values))
    code = (REPOSITORY / "tests/rendered" / STATUS).read_text("utf-8")
    with pytest.raises(RuntimeError, match="1 of 2 tasks failed. a: FAILED: it is broken"):
        exec(compile(code, STATUS, "exec"), {"dbutils": dbutils})
    return capsys.readouterr().out


def test_the_repair_command_names_run_and_tasks(capsys):
    (command,) = COMMAND.findall(status_output(capsys, "0"))

    assert wrong(command) == ""
    assert "--no-wait" in command  # without it, the CLI gives up after 20 minutes
    body = json.loads(shlex.split(command)[-1])
    assert body == {"run_id": 42, "rerun_tasks": ["a", "pipeline_status"]}


def test_a_repaired_run_is_repaired_again_by_its_latest_repair(capsys):
    find, again = COMMAND.findall(status_output(capsys, "1"))

    assert find.strip() == "databricks jobs get-run 42 --include-history"
    assert (wrong(find), wrong(again)) == ("", "")
    assert '"latest_repair_id": ID' in again


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("databricks jobs repair-run 42 --json '{}'", "1 arguments, not 0 to 0"),
        ("databricks registered-models set-alias a.b.c champion", "2 arguments, not 3 to 3"),
        ("databricks bundle deploy --target", "--target without a value"),
        ("databricks bundle deploy --strict", "no option --strict"),
        ("databricks bundle undeploy", "no such command in cli_commands.toml"),
    ],
)
def test_a_wrong_command_is_found(command, problem):
    assert wrong(command) == problem


def test_every_command_that_is_shown_is_one_that_the_cli_takes(bake):
    models = "sales/a:regression:spark_xgboost"
    providers = ("github", "azure_devops", "gitlab", "none")
    bundles = [bake(project=f"cli_{ci}", ci=ci, models=models, history_domains="sales") for ci in providers]
    files = [
        path for bundle in bundles for path in bundle.rglob("*") if path.suffix in (".md", ".py", ".yml")
    ]
    files += [*(REPOSITORY / "local_workspace/src").rglob("*.py"), *REPOSITORY.glob("*.md")]
    files += [REPOSITORY / "local_workspace/README.md"]
    shown = {}
    for path in files:
        for command in COMMAND.findall(path.read_text("utf-8")):
            command = re.sub(r"\$\{\{ (.*?) \}\}|\$\((\w+)\)", "X", command)
            if path.suffix != ".py" or "{" not in command:  # else it is printed, see above
                shown[command.strip().rstrip(".")] = path

    assert len(shown) > 12
    assert {command: wrong(command) for command in shown if wrong(command)} == {}


def test_a_block_of_commands_works_in_a_new_terminal(bake):
    """In staging and prod the CLI asks for the principal, whatever it is to do there."""
    for readme in (bake() / "README.md", REPOSITORY / "local_workspace/README.md"):
        for block in re.findall(r"^```bash\n(.*?)^```", readme.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            if re.search(r"^databricks .* -t (staging|prod)\b", block, re.MULTILINE):
                assert block.startswith("export BUNDLE_VAR_service_principal=")
