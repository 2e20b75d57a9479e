"""An answer that no bundle can be made of is refused with one sentence, and nothing is written."""

import importlib
import json
import shutil
import subprocess
import sys

import click
import pytest
import yaml
from click.testing import CliRunner
from cookiecutter.cli import main as cookiecutter_command
from cookiecutter.exceptions import FailedHookException
from cookiecutter.main import cookiecutter

ONE_MODEL = "sales/revenue:regression:xgboost"

SHORT_NAME = "use at most 40 lower-case letters, digits and _, starting with a letter"
NAME = "use only lower-case letters, digits and _, starting with a letter"
HOST = "write https:// and the host, and leave out any path, query or slash after it"
EMAIL = "write one email address like ml-team@example.com"
EMPTY = "the answer is empty; give one, or leave it out to take the default"
TAG = "has a line break or template tag in it; leave that out"
NO_CI = "'jenkins' is not a choice; choose github, azure_devops, gitlab or none"

UNUSABLE = {
    # question: (what is said about them, answers)
    "project": (SHORT_NAME, f"My_project my-project 1st _mine größe a/b ../evil . {'a' * 41}"),
    "dev_catalog": (NAME, f"Dev my-dev dev.ml 1dev _dev {'a' * 256}"),
    "staging_catalog": (NAME, "Staging my-staging"),
    "prod_catalog": (NAME, "Prod my-prod"),
    "gold_schema": (NAME, "Gold my-gold"),
    "feature_schema": (NAME, "Ml my-ml prod.ml"),
    "workspace_host": (
        HOST,
        "http://a.example.com a.example.com https:// https://bücher.example.com https://a@b.com "
        "https://a.com/ https://a.com/browse https://a.com?o=1 https://a.com#x",
    ),
    "notification_email": (EMAIL, "team team@example @example.com a@b.com,c@d.com <a@b.com> ä@b.c"),
}
UNREADABLE_MODELS = [
    "churn:classification:xgboost",
    "sales/churn:classification",
    "a/b/c:regression:xgboost",
    f"{ONE_MODEL};{ONE_MODEL}",
]
UNUSABLE_NAMES = {
    # models: the name in it that cannot be used
    "sales/Revenue:regression:xgboost": "Revenue",
    "sales/_revenue:regression:xgboost": "_revenue",
    "sales/:regression:xgboost": "",
    f"sales/{'a' * 41}:regression:xgboost": "a" * 41,
    "Sales/revenue:regression:xgboost": "Sales",
    "_sales/revenue:regression:xgboost": "_sales",
    f"{'a' * 41}/revenue:regression:xgboost": "a" * 41,
}
UNUSABLE_MODELS = {
    # models: what is said about them
    "a/b:regresion:xgboost": "'regresion' in 'a/b:regresion:xgboost' is no type; "
    "choose regression, classification or anomaly",
    "a/b:regression:prophet": "'prophet' in 'a/b:regression:prophet' is no algorithm "
    "for regression; choose xgboost or gradient_boosting",
    "a/b:classification:isolation_forest": "'isolation_forest' in "
    "'a/b:classification:isolation_forest' is no algorithm for classification; "
    "choose xgboost or gradient_boosting",
    "a/b:anomaly:xgboost": "'xgboost' in 'a/b:anomaly:xgboost' is no algorithm for anomaly; "
    "choose isolation_forest",
    f"{ONE_MODEL}, {ONE_MODEL}": "the name 'revenue' is given twice; give each model its own",
    f"{ONE_MODEL}, shop/revenue:anomaly:isolation_forest": "the name 'revenue' is given twice; "
    "give each model its own",
    ", ,": "there is none; give at least one as domain/name:type:algorithm",
}
REFUSED = [
    *(
        (question, answer, f"{answer!r} cannot be used; {rule}")
        for question, (rule, answers) in UNUSABLE.items()
        for answer in answers.split()
    ),
    *(
        ("models", models, f"{models!r} cannot be read; write domain/name:type:algorithm")
        for models in UNREADABLE_MODELS
    ),
    *(
        ("models", models, f"{name!r} cannot be used; {SHORT_NAME}")
        for models, name in UNUSABLE_NAMES.items()
    ),
    *(
        (
            "models",
            f"{domain}/revenue:regression:xgboost",
            f"the domain {domain!r} is a folder of the bundle; choose another name",
        )
        for domain in ("features", "inference")
    ),
    *(
        (
            "models",
            f"sales/{name}:regression:xgboost",
            f"the name {name!r} is a column of the bundle's tables; choose another",
        )
        for name in ("observed_at", "prediction", "model_version", "scored_at", "sales_id")
    ),
    *(("models", models, problem) for models, problem in UNUSABLE_MODELS.items()),
    ("project", "", EMPTY),
    ("models", " ", EMPTY),
    ("gold_schema", "", EMPTY),
    ("project", "class", "'class' is a word of the Python language; choose another name"),
    (
        "prod_catalog",
        "staging",
        "'staging' is also the staging_catalog, so staging would overwrite prod; give each its own",
    ),
    (
        "feature_schema",
        "gold",
        "'gold' is also the gold_schema, which is only read; give another schema to write to",
    ),
    ("project", "<<x>>", f"'<<x>>' {TAG}"),
    ("project", "<<cookiecutter.ci>>", f"'<<cookiecutter.ci>>' {TAG}"),
    ("models", "<% if", f"'<% if' {TAG}"),
    ("dev_catalog", "dev<# x #>", f"'dev<# x #>' {TAG}"),
    ("gold_schema", "# % if", f"'# % if' {TAG}"),
    ("notification_email", "a@b.com\nc@d.com", f"'a@b.com\\nc@d.com' {TAG}"),
]
REFUSED_IN_A_FILE = [
    ("ci", "jenkins", NO_CI),
    ("environment_version", "3", "'3' is not a choice; choose 4 or 5"),
    ("environment_version", 5, "5 is not text; write it in quotes"),
    ("prod_catalog", True, "True is not text; write it in quotes"),
    ("gold_schema", None, "None is not text; write it in quotes"),
    ("models", [ONE_MODEL], f"['{ONE_MODEL}'] is not text; write it in quotes"),
    ("project", "<<x>>", f"'<<x>>' {TAG}"),
]
REFUSED_IN_A_REPLAY_FILE = [
    ("project", "My_project", f"project: 'My_project' cannot be used; {SHORT_NAME}"),
    ("project", "../evil", f"project: '../evil' cannot be used; {SHORT_NAME}"),
    ("project", "<<x>>", f"project: '<<x>>' {TAG}"),
    ("models", "a/b", "models: 'a/b' cannot be read; write domain/name:type:algorithm"),
    ("environment_version", 4, "environment_version: 4 is not text; write it in quotes"),
    ("ci", "jenkins", f"ci: {NO_CI}"),
]

NOTEBOOK = "<<cookiecutter.project>>/src/<<cookiecutter.project>>_ml/train_model.py"
COOKIECUTTER = [sys.executable, "-m", "cookiecutter"]
DEFAULT_NOTEBOOKS = ["ops/train_outliers.py", "sales/train_churn.py", "sales/train_revenue.py"]


def rows(table):
    return [pytest.param(*row, id=f"{row[0]}={row[1]}") for row in table]


def git(folder, *command):
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    command = ["git", "-C", folder, *author, *command]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def notebooks(project):
    source = project / "src" / f"{project.name}_ml"
    return sorted(path.relative_to(source).as_posix() for path in source.rglob("train_*.py"))


@pytest.fixture
def answers(template, monkeypatch):
    """The module that reads the answers."""
    monkeypatch.syspath_prepend(template)
    return importlib.import_module("hooks.answers")


@pytest.fixture
def copy(template, tmp_path):
    """The template, to be changed in one test."""
    return shutil.copytree(template, tmp_path / "copy")


@pytest.fixture
def repository(copy):
    """The template in a git repository, with one commit."""
    git(copy, "init", "--quiet")
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--message=template")
    return copy


@pytest.fixture
def output(tmp_path):
    """The folder that projects are written to."""
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


@pytest.fixture
def command(tmp_path, home, output):
    """What to give to the cookiecutter command, with answers in a configuration file if asked."""

    def command(template, *arguments, **answers):
        config = tmp_path / "config.yml"
        config.write_text(yaml.safe_dump({**home, "default_context": answers}))
        return [f"--config-file={config}", f"--output-dir={output}", str(template), *arguments]

    return command


@pytest.fixture
def run(template, command):
    """Run the cookiecutter command within this process, which is faster."""

    def run(*arguments, source=template, typed=None, **answers):
        given = command(source, *arguments, **answers)
        return CliRunner().invoke(cookiecutter_command, given, input=typed)

    return run


@pytest.fixture
def replay(run, output, tmp_path):
    """Run the cookiecutter command with a replay file in which one answer was edited."""

    def replay(question, answer, *flags):
        assert run("--no-input", "--accept-hooks=no").exit_code == 0
        (output / "my_project").rename(tmp_path / "first")
        last_run = tmp_path / "home/replay/template.json"
        answers = json.loads(last_run.read_text())
        answers["cookiecutter"][question] = answer
        last_run.write_text(json.dumps(answers))
        return run(f"--replay-file={last_run}", *flags)

    return replay


def assert_refused(result, sentence):
    assert result.stdout == f"{sentence}.\n"
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)


def assert_nothing_written(output):
    assert list(output.iterdir()) == []
    assert not (output.parent / "home/replay").exists()


@pytest.mark.parametrize(("question", "answer", "problem"), rows(REFUSED))
def test_bad_answer_is_refused(run, output, question, answer, problem):
    assert_refused(run("--no-input", f"{question}={answer}"), f"{question}: {problem}")
    assert_nothing_written(output)


@pytest.mark.filterwarnings("ignore:Invalid default received")
@pytest.mark.parametrize(("question", "answer", "problem"), rows(REFUSED_IN_A_FILE))
def test_bad_answer_in_a_configuration_file_is_refused(run, output, question, answer, problem):
    assert_refused(run("--no-input", **{question: answer}), f"{question}: {problem}")
    assert_nothing_written(output)


@pytest.mark.parametrize(("question", "answer", "sentence"), rows(REFUSED_IN_A_REPLAY_FILE))
def test_bad_answer_in_a_replay_file_is_refused(replay, output, question, answer, sentence):
    assert_refused(replay(question, answer), sentence)
    assert list(output.iterdir()) == []


def test_bad_answer_of_the_last_run_is_refused(replay, run, output):
    replay("ci", "jenkins")

    assert_refused(run("--replay"), f"ci: {NO_CI}")
    assert list(output.iterdir()) == []


def test_bad_project_is_refused_before_the_next_question(run):
    result = run(typed="My_project\n")

    assert "[1/11]" in result.stdout
    assert "[2/11]" not in result.stdout
    assert result.stdout.endswith(f"project: 'My_project' cannot be used; {SHORT_NAME}.\n")


def test_bad_models_are_refused_before_the_next_question(run):
    result = run(typed="\nsales/revenue\n")

    assert "[2/11]" in result.stdout
    assert "[3/11]" not in result.stdout
    assert result.stdout.endswith(
        "models: 'sales/revenue' cannot be read; write domain/name:type:algorithm.\n"
    )


@pytest.mark.parametrize("flags", [(), ("--overwrite-if-exists",), ("--skip-if-file-exists",)])
def test_folder_with_files_is_refused(run, output, flags):
    work = output / "my_project" / "work.txt"
    work.parent.mkdir()
    work.write_text("mine")

    result = run("--no-input", *flags)

    folder = str(work.parent)
    assert_refused(result, f"project: there are files in {folder!r}; choose another name")
    assert [*output.rglob("*")] == [work.parent, work]


def test_folder_with_files_is_refused_in_a_replay(replay, output):
    work = output / "other" / "work.txt"
    work.parent.mkdir()
    work.write_text("mine")

    result = replay("project", "other", "--overwrite-if-exists")

    folder = str(work.parent)
    assert_refused(result, f"project: there are files in {folder!r}; choose another name")
    assert [*output.rglob("*")] == [work.parent, work]


def test_empty_folder_is_filled(run, output):
    (output / "my_project").mkdir()

    assert run("--no-input", "--overwrite-if-exists").exit_code == 0
    assert notebooks(output / "my_project") == DEFAULT_NOTEBOOKS


def test_bad_answer_from_python_is_refused(bake, tmp_path):
    with pytest.raises(FailedHookException, match=r"^project: 'My_project' cannot"):
        bake(project="My_project")
    assert list(tmp_path.iterdir()) == []


def test_folder_with_files_is_refused_from_python(template, tmp_path, home):
    work = tmp_path / "my_project" / "work.txt"
    work.parent.mkdir()
    work.write_text("mine")

    with pytest.raises(FailedHookException, match=r"^project: there are files in"):
        cookiecutter(
            str(template),
            no_input=True,
            output_dir=str(tmp_path),
            overwrite_if_exists=True,
            default_config=home,
        )
    assert [*work.parent.iterdir()] == [work]


def test_template_works_within_another_command(bake):
    flag = click.Option(["--flag"], is_flag=True)
    other = click.Command("other", params=[flag], callback=lambda **_: bake())

    assert CliRunner().invoke(other).exit_code == 0


def test_command_prints_one_sentence(template, command, output):
    """The command as a person runs it, with an answer that cookiecutter itself stumbles over."""
    given = command(template, "--no-input", "project=<% if")

    done = subprocess.run(COOKIECUTTER + given, capture_output=True, text=True, check=False)

    assert done.stdout == f"project: '<% if' {TAG}.\n"
    assert (done.stderr, done.returncode) == ("", 1)
    assert_nothing_written(output)


def test_template_works_from_a_relative_path(template, command, output):
    given = command(template.name, "--no-input")

    subprocess.run(COOKIECUTTER + given, cwd=template.parent, check=True)

    assert notebooks(output / "my_project") == DEFAULT_NOTEBOOKS


def test_template_works_from_a_git_address(repository, command, output):
    given = command(f"git+file://{repository}", "--no-input", "--checkout=HEAD")

    subprocess.run(COOKIECUTTER + given, check=True)

    assert notebooks(output / "my_project") == DEFAULT_NOTEBOOKS


def test_template_works_from_a_zip(repository, command, output, tmp_path):
    git(repository, "archive", "--prefix=template/", f"--output={tmp_path}/t.zip", "HEAD")
    given = command(tmp_path / "t.zip", "--no-input")

    subprocess.run(COOKIECUTTER + given, check=True)

    assert notebooks(output / "my_project") == DEFAULT_NOTEBOOKS


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        pytest.param(ONE_MODEL, ["sales/train_revenue.py"], id="one"),
        pytest.param(
            " sales / revenue : regression : xgboost,ops/load:anomaly:isolation_forest , ",
            ["ops/train_load.py", "sales/train_revenue.py"],
            id="spaces and trailing comma",
        ),
        pytest.param(
            ",".join(f"d{i % 5}/m{i:02}:regression:gradient_boosting" for i in range(25)),
            sorted(f"d{i % 5}/train_m{i:02}.py" for i in range(25)),
            id="25 in 5 domains",
        ),
        pytest.param("a/model:regression:xgboost", ["a/train_model.py"], id="called model"),
    ],
)
def test_each_model_gets_its_notebook(bake, models, expected):
    assert notebooks(bake(models=models)) == expected


def test_good_answers_at_the_limits_are_accepted(bake):
    project = bake(
        project="a" * 40,
        models=f"{'d' * 40}/{'m' * 40}:anomaly:isolation_forest",
        dev_catalog="c" * 255,
        workspace_host="https://adb-1234567890123456.7.azuredatabricks.net",
        notification_email="o'brien+ml@team.example.co.uk",
        environment_version="5",
        ci="none",
    )

    assert notebooks(project) == [f"{'d' * 40}/train_{'m' * 40}.py"]


@pytest.mark.parametrize("ci", ["github", "azure_devops", "gitlab", "none"])
def test_files_of_other_ci_providers_are_left_out(copy, run, output, ci):
    files = {
        "github": ".github/workflows/ci.yml",
        "azure_devops": "azure-pipelines.yml",
        "gitlab": ".gitlab-ci.yml",
    }
    for file in files.values():
        (copy / "<<cookiecutter.project>>" / file).parent.mkdir(parents=True, exist_ok=True)
        (copy / "<<cookiecutter.project>>" / file).write_text("on: push\n")

    run("--no-input", f"ci={ci}", source=copy)

    assert [p for p, file in files.items() if (output / "my_project" / file).exists()] == [
        p for p in files if p == ci
    ]
    assert (output / "my_project/.github").exists() == (ci == "github")


def test_notebook_is_rendered_from_the_answers_and_its_model(copy, run, output):
    (copy / NOTEBOOK).write_text(
        "# % if model.type == 'anomaly'\n"
        "a = '<< model.domain >>/<< model.name >> << cookiecutter.project >>'\n"
        "# % endif\n"
        "<% for name, version in cookiecutter._pins.items() %>\n"
        "b = '<< name >>==<< version >> ${var.x} {{job.id}}'\n"
        "<% endfor %>\n"
        "\n"
    )

    run("--no-input", "models=ops/load:anomaly:isolation_forest", source=copy)

    pins = json.loads((copy / "cookiecutter.json").read_text())["_pins"]
    pinned = [f"b = '{pin}=={pins[pin]} " + "${var.x} {{job.id}}'\n" for pin in pins]
    source = output / "my_project/src/my_project_ml"
    expected = "".join(["a = 'ops/load my_project'\n", *pinned, "\n"])
    assert (source / "ops/train_load.py").read_text() == expected
    assert not (source / "train_model.py").exists()


def test_notebook_with_an_unknown_word_fails(copy, run, output):
    (copy / NOTEBOOK).write_text("<< modle >>\n")

    assert run("--no-input", source=copy).exit_code == 1
    assert list(output.iterdir()) == []


def test_code_without_answers_is_copied_as_it_is(copy, run, output):
    code = "x = 1 << cookiecutter\n# % if\n"
    names = ("tests/a.py", "local_workspace/b/c.py", "upgrade.py")
    for name in names:
        file = copy / "<<cookiecutter.project>>" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)

    run("--no-input", source=copy)

    for name in names:
        assert (output / "my_project" / name).read_text() == code


def test_models_keep_their_order_and_domains_are_sorted(answers):
    models = [
        {"domain": domain, "name": name, "type": "regression", "algorithm": "xgboost"}
        for domain, name in ("zb", "yd", "xc", "za")
    ]
    text = ", ".join(f"{m['domain']}/{m['name']}:regression:xgboost" for m in models)
    b, d, c, a = models

    assert answers.parse_models(text) == [b, d, c, a]
    assert answers.parse_domains(text) == [
        {"name": "x", "models": [c]},
        {"name": "y", "models": [d]},
        {"name": "z", "models": [b, a]},
    ]


def test_address_of_a_folder_is_absolute(answers, template, monkeypatch):
    monkeypatch.setattr(answers, "STARTED_IN", template.parent)
    monkeypatch.setattr(answers, "TEMPLATE", template)

    assert answers.address(template.name) == f"git+file://{template}"
    assert answers.address(str(template)) == f"git+file://{template}"


@pytest.mark.parametrize("url", ["https://example.com/t.git", "git@example.com:a/t", "gh:a/t"])
def test_address_on_the_web_stays(answers, url):
    assert answers.address(url) == url


def test_version_is_the_commit(answers, repository, monkeypatch, tmp_path):
    version = answers.template_version.__wrapped__
    monkeypatch.setattr(answers, "TEMPLATE", repository)
    assert version() == git(repository, "rev-parse", "HEAD")

    git(repository, "tag", "--annotate", "--message=1", "v1")
    assert version() == git(repository, "rev-parse", "HEAD")

    (repository / "cookiecutter.json").write_text("{}")
    assert version() == git(repository, "rev-parse", "HEAD") + "-dirty"

    monkeypatch.setattr(answers, "TEMPLATE", tmp_path)
    assert version() == ""
