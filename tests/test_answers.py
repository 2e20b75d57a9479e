"""An answer that no bundle can be made of is refused with one sentence, and nobody's file is touched."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from cookiecutter.cli import main as cookiecutter_command
from cookiecutter.exceptions import FailedHookException
from cookiecutter.main import cookiecutter
from hypothesis import given, settings
from hypothesis import strategies as st

from hooks import answers, origin

ONE_MODEL = "sales/revenue:regression:xgboost"
SHORT_NAME = "use at most 40 lower-case letters, digits and _, starting with a letter"
NAME = "use only lower-case letters, digits and _, starting with a letter"
HOST = "write https:// and the host, and leave out any path, query or slash after it"
EMAIL = "write one email address like ml-team@example.com"
SPEC = "write domain/name:type:algorithm"

CANNOT_BE_USED = {
    # question: (the rule, answers)
    "project": (SHORT_NAME, ["", "My_project", "my-project", "1st", "größe", "a/b", "../evil", "a" * 41]),
    "dev_catalog": (NAME, ["", "Dev", "my-dev", "dev.ml", "1dev", "_dev", "dev\n", "a" * 256]),
    "staging_catalog": (NAME, ["Staging"]),
    "prod_catalog": (NAME, ["Prod"]),
    "gold_schema": (NAME, ["Gold"]),
    "feature_schema": (NAME, ["prod.ml"]),
    "workspace_host": (
        HOST,
        [
            *("http://a.example.com", "a.example.com", "https://", "https://bücher.example.com"),
            *("https://a@b.com", "https://a.com/", "https://a.com?o=1", "https://a.com#x"),
        ],
    ),
    "notification_email": (
        EMAIL,
        ["team", "team@example", "@b.com", "a@b.com,c@d.com", "<a@b.com>", "ä@b.c"],
    ),
}
CANNOT_BE_IN_MODELS = {
    # models: the name in it
    "sales/Revenue:regression:xgboost": "Revenue",
    "sales/:regression:xgboost": "",
    f"sales/{'a' * 41}:regression:xgboost": "a" * 41,
    "_sales/revenue:regression:xgboost": "_sales",
}
REFUSED = [
    *((q, a, f"{a!r} cannot be used; {rule}") for q, (rule, bad) in CANNOT_BE_USED.items() for a in bad),
    *(("models", m, f"{name!r} cannot be used; {SHORT_NAME}") for m, name in CANNOT_BE_IN_MODELS.items()),
    *(
        ("models", models, f"{models!r} cannot be read; {SPEC}")
        for models in ("churn:anomaly:isolation_forest", "sales/churn:regression", f"{ONE_MODEL};{ONE_MODEL}")
    ),
    *(
        ("models", f"{domain}/a:regression:xgboost", f"the domain {domain!r} is a folder of the bundle")
        for domain in ("features", "inference")
    ),
    *(
        (
            "models",
            f"sales/{name}:regression:xgboost",
            f"the name {name!r} is a column of the bundle's tables",
        )
        for name in ("observed_at", "prediction", "model_version", "scored_at", "sales_id")
    ),
    (
        "models",
        "a/b:regresion:xgboost",
        "'regresion' in 'a/b:regresion:xgboost' is no type; "
        "choose regression, classification, multiclass or anomaly",
    ),
    (
        "models",
        "a/b:regression:prophet",
        "'prophet' in 'a/b:regression:prophet' is no algorithm for regression; "
        "choose gradient_boosting, linear, random_forest, spark_xgboost or xgboost",
    ),
    (
        "models",
        "a/b:anomaly:xgboost",
        "'xgboost' in 'a/b:anomaly:xgboost' is no algorithm for anomaly; choose isolation_forest",
    ),
    ("models", f"{ONE_MODEL}, shop/revenue:anomaly:isolation_forest", "the name 'revenue' is given twice"),
    ("models", "", "there is none; give at least one as domain/name:type:algorithm"),
    ("models", ", ,", "there is none; give at least one as domain/name:type:algorithm"),
    *(
        (question, word, f"{word!r} is a word that YAML does not read as text; choose another name")
        for question, word in [("project", "null"), ("gold_schema", "on"), ("prod_catalog", "off")]
    ),
    ("models", "true/a:regression:xgboost", "'true' is a word that YAML does not read as text"),
    ("models", "a/no:regression:xgboost", "'no' is a word that YAML does not read as text"),
    ("project", "class", "'class' is a word of the Python language; choose another name"),
    ("environment_version", "3", "'3' is not a choice; choose 4, 5 or 6"),
    ("ci", "jenkins", "'jenkins' is not a choice; choose github, azure_devops, gitlab or none"),
    ("environment_version", 4, "4 is not text; write it in quotes"),
    ("prod_catalog", True, "True is not text; write it in quotes"),
    ("models", None, "None is not text; write it in quotes"),
]
OF_EACH_KIND = [
    ("project=My_project", f"project: 'My_project' cannot be used; {SHORT_NAME}."),
    ("project=../evil", f"project: '../evil' cannot be used; {SHORT_NAME}."),
    ("models=a/b", f"models: 'a/b' cannot be read; {SPEC}."),
    (
        "history_domains=shop",
        "history_domains: 'shop' is no domain of the models; choose ops or sales.",
    ),
    ("ci=jenkins", "ci: 'jenkins' is not a choice; choose github, azure_devops, gitlab or none."),
    ("environment_version=3", "environment_version: '3' is not a choice; choose 4, 5 or 6."),
    (
        "prod_catalog=staging",
        "prod_catalog: 'staging' is also the staging_catalog, "
        "so staging would overwrite prod; give each its own.",
    ),
    (
        "feature_schema=gold",
        "feature_schema: 'gold' is also the gold_schema, which is only read; "
        "give another schema to write to.",
    ),
]
of_each_kind = pytest.mark.parametrize(("given", "sentence"), OF_EACH_KIND)

NOTEBOOK = "<<cookiecutter.project>>/src/<<cookiecutter.project>>_ml/train/anomaly.py"
COOKIECUTTER = [sys.executable, "-m", "cookiecutter"]
DEFAULT_NOTEBOOKS = ["ops/train_outliers.py", "sales/train_churn.py", "sales/train_revenue.py"]


def git(folder, *command):
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    command = ["git", "-C", folder, *author, *command]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def notebooks(project):
    source = project / "src" / f"{project.name}_ml"
    return sorted(path.relative_to(source).as_posix() for path in source.rglob("train_*.py"))


def many_models(count, domains):
    return ",".join(f"d{i % domains}/m{i}:regression:xgboost" for i in range(count))


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
    """The folder that projects are written to, with nothing beside it that could be written over."""
    folder = tmp_path / "outside" / "output"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def work(output):
    """What somebody has written before, where the project would go."""
    file = output / "my_project" / "databricks.yml"
    file.parent.mkdir()
    file.write_text("mine")
    return file


@pytest.fixture
def command(tmp_path, home, output):
    """What to give to the cookiecutter command, with answers in a configuration file if asked."""

    def command(template, *arguments, **in_file):
        config = tmp_path / "config.yml"
        config.write_text(yaml.safe_dump({**home, "default_context": in_file}))
        return [f"--config-file={config}", f"--output-dir={output}", str(template), *arguments]

    return command


@pytest.fixture
def run(template, command):
    """Run the cookiecutter command within this process, which is faster."""

    def run(*arguments, source=template, typed=None, **in_file):
        given = command(source, *arguments, **in_file)
        return CliRunner().invoke(cookiecutter_command, given, input=typed)

    return run


@pytest.fixture
def replay(run, output, tmp_path):
    """Run the cookiecutter command with a replay file in which one answer was edited."""

    def replay(question, answer, *flags):
        assert run("--no-input", f"--output-dir={tmp_path}/first").exit_code == 0
        last_run = tmp_path / "home/replay/template.json"
        given = json.loads(last_run.read_text())
        given["cookiecutter"][question] = answer
        last_run.write_text(json.dumps(given))
        return run(f"--replay-file={last_run}", *flags)

    return replay


def assert_nothing_written(output):
    assert [*output.parent.rglob("*")] == [output]


def assert_untouched(work):
    assert [*work.parent.parent.rglob("*")] == [work.parent, work]
    assert work.read_text() == "mine"


@pytest.mark.parametrize(("question", "answer", "problem"), REFUSED)
def test_answer_is_refused(question, answer, problem):
    with pytest.raises(FailedHookException, match=f"^{re.escape(f'{question}: {problem}')}"):
        answers.check_answers({question: answer})


@of_each_kind
def test_refused_from_the_command_line(run, output, given, sentence):
    result = run("--no-input", given)

    assert (result.stdout, result.exit_code) == (f"{sentence}\n", 1)
    assert_nothing_written(output)


@of_each_kind
def test_refused_from_a_configuration_file(run, output, given, sentence):
    result = run("--no-input", **dict([given.split("=")]))

    assert (result.stdout, result.exit_code) == (f"{sentence}\n", 1)
    assert_nothing_written(output)


@of_each_kind
def test_refused_from_python(bake, tmp_path, given, sentence):
    with pytest.raises(FailedHookException, match=f"^{re.escape(sentence)}$"):
        bake(**dict([given.split("=")]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("models", [ONE_MODEL, "ops/load:anomaly:isolation_forest"]),
        ("models", {"sales": "revenue"}),
        ("gold_schema", ["gold", "raw"]),
        ("gold_schema", None),
        ("prod_catalog", True),
    ],
)
def test_refused_from_a_configuration_file_if_not_text(run, output, question, answer):
    result = run("--no-input", **{question: answer})

    assert result.stdout.endswith(f"{question}: {answer!r} is not text; write it in quotes.\n")
    assert result.exit_code == 1
    assert_nothing_written(output)


@pytest.mark.parametrize(
    ("typed", "last_question", "problem"),
    [
        ("My_project\n", 1, f"project: 'My_project' cannot be used; {SHORT_NAME}.\n"),
        ("\nsales/revenue\n", 2, f"models: 'sales/revenue' cannot be read; {SPEC}.\n"),
        ("\n" * 13 + "jenkins\n\n", 15, f"{dict(OF_EACH_KIND)['ci=jenkins']}\n"),
    ],
    ids=["project", "models", "ci"],
)
def test_refused_in_the_dialogue(run, output, typed, last_question, problem):
    result = run(typed=typed)

    assert f"[{last_question}/15]" in result.stdout
    assert f"[{last_question + 1}/15]" not in result.stdout
    assert result.stdout.endswith(problem)
    assert result.exit_code == 1
    assert_nothing_written(output)


@of_each_kind
def test_refused_from_a_replay_file(replay, output, given, sentence):
    result = replay(*given.split("="))

    assert result.stdout.endswith(f"\n{sentence}\n")
    assert result.exit_code == 1
    assert_nothing_written(output)


@pytest.mark.parametrize("answer", ["<<x>>", "<% if", "<<cookiecutter.ci>>", "a<# b"])
def test_template_tags_write_nothing(run, output, answer):
    assert run("--no-input", f"project={answer}").exit_code == 1
    assert_nothing_written(output)


def test_folder_that_exists_is_refused(run, work):
    result = run("--no-input")

    assert (result.stdout, result.exit_code) == (f'Error: "{work.parent}" directory already exists\n', 1)
    assert_untouched(work)


@pytest.mark.parametrize("flags", [["-f"], ["-f", "--skip-if-file-exists"]], ids=" ".join)
def test_folder_with_files_is_refused(run, work, flags):
    result = run("--no-input", *flags)

    sentence = f"project: there are files in {str(work.parent)!r}; choose another name.\n"
    assert (result.stdout, result.exit_code) == (sentence, 1)
    assert_untouched(work)


@pytest.mark.parametrize("project", ["my_project", "../output/my_project"])
def test_folder_with_files_is_refused_from_a_replay_file(replay, work, project):
    assert replay("project", project, "-f").exit_code == 1
    assert_untouched(work)


def test_empty_folder_is_filled(run, output):
    (output / "my_project").mkdir()

    assert run("--no-input", "-f").exit_code == 0
    assert notebooks(output / "my_project") == DEFAULT_NOTEBOOKS


def test_command_prints_one_sentence(template, command, output):
    """The command as a person runs it."""
    given = command(template, "--no-input", "ci=jenkins")

    done = subprocess.run(COOKIECUTTER + given, capture_output=True, text=True)

    assert done.stdout == f"{dict(OF_EACH_KIND)['ci=jenkins']}\n"
    assert (done.stderr, done.returncode) == ("", 1)
    assert_nothing_written(output)


@pytest.mark.parametrize("how", ["relative path", "git address", "zip"])
def test_template_works_from(repository, command, output, tmp_path, how):
    git(repository, "archive", "--prefix=template/", f"--output={tmp_path}/t.zip", "HEAD")
    source = {"relative path": "copy", "git address": f"git+file://{repository}", "zip": "t.zip"}[how]
    version, address = git(repository, "rev-parse", "HEAD"), f"git+file://{repository}"

    subprocess.run([*COOKIECUTTER, *command(source, "--no-input")], cwd=tmp_path, check=True)

    project = output / "my_project"
    assert notebooks(project) == DEFAULT_NOTEBOOKS
    made_from = yaml.safe_load((project / ".cookiecutter.yml").read_text())
    expected = ("t.zip", "", "") if how == "zip" else (address, "", version)
    assert (made_from["template"], made_from["directory"], made_from["version"]) == expected


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (ONE_MODEL, ["sales/train_revenue.py"]),
        (
            " sales / revenue : regression : xgboost,\nops/load:anomaly:isolation_forest , ",
            ["ops/train_load.py", "sales/train_revenue.py"],
        ),
        (many_models(25, domains=5), sorted(f"d{i % 5}/train_m{i}.py" for i in range(25))),
        ("train/model:regression:xgboost", ["train/train_model.py"]),
    ],
    ids=["one", "spaces and trailing comma", "25 in 5 domains", "a domain called train"],
)
def test_each_model_gets_its_notebook(bake, models, expected):
    project = bake(models=models)

    assert notebooks(project) == expected
    assert not list(project.rglob("notebooks.txt"))


def test_good_answers_at_the_limits_are_accepted(run, output):
    result = run(
        "--no-input",
        project="a" * 40,
        models=f"{'d' * 40}/{'m' * 40}:anomaly:isolation_forest",
        dev_catalog="c" * 255,
        workspace_host="https://adb-1234567890123456.7.azuredatabricks.net",
        notification_email="o'brien+ml@team.example.co.uk",
        environment_version=5,
        ci="none",
    )

    assert result.exit_code == 0
    project = output / ("a" * 40)
    assert notebooks(project) == [f"{'d' * 40}/train_{'m' * 40}.py"]
    environment = yaml.safe_load((project / "resources/ml/ml_environment.yml").read_text())
    assert environment["variables"]["environment_version"]["default"] == "5"


@pytest.mark.parametrize(("count", "domains"), [(998, 1), (500, 499)])
def test_a_job_of_1000_tasks_is_accepted_and_one_more_is_not(count, domains):
    assert len(answers.parse_models(many_models(count, domains))) == count

    problem = f"models: {count + 1} models with their domains make a training job of 1001 tasks; give fewer, "
    with pytest.raises(FailedHookException, match=f"^{problem}"):
        answers.parse_models(many_models(count + 1, domains))


def test_the_training_job_has_as_many_tasks_as_were_counted(bake, monkeypatch):
    monkeypatch.setattr(answers, "MAX_TASKS", 6)
    jobs = yaml.safe_load((bake(monitoring="no") / "resources/ml/ml_training_pipeline.yml").read_text())[
        "resources"
    ]["jobs"]

    assert len(jobs["ml_training_pipeline"]["tasks"]) == 6


@pytest.mark.parametrize("ci", ["github", "azure_devops", "gitlab", "none"])
def test_files_of_other_ci_providers_are_left_out(bake, ci):
    project = bake(ci=ci)

    files = {
        "github": ".github/workflows/ci.yml",
        "azure_devops": "azure-pipelines.yml",
        "gitlab": ".gitlab-ci.yml",
    }
    left = [provider for provider, file in files.items() if (project / file).exists()]
    assert left == [provider for provider in files if provider == ci]
    assert (project / ".github").exists() == (ci == "github")


def test_notebook_is_rendered_from_the_answers_and_its_model(copy, run, output):
    (copy / NOTEBOOK).write_text(
        "# % if model.type == 'anomaly'\n"
        "a = '<< model.domain >>/<< model.name >> << cookiecutter.project >>'\n"
        "# % endif\n"
        "<% for name, version in cookiecutter._pins['4'].items() %>\n"
        "b = '<< name >>==<< version >> ${var.x} {{job.id}}'\n"
        "<% endfor %>\n"
        "\n"
    )

    run("--no-input", "models=ops/load:anomaly:isolation_forest", source=copy)

    pins = json.loads((copy / "cookiecutter.json").read_text())["_pins"]["4"]
    pinned = [f"b = '{pin}=={pins[pin]} " + "${var.x} {{job.id}}'\n" for pin in pins]
    source = output / "my_project/src/my_project_ml"
    expected = "".join(["a = 'ops/load my_project'\n", *pinned, "\n"])
    assert (source / "ops/train_load.py").read_text() == expected
    assert not (source / "train").exists()


def test_notebook_with_an_unknown_word_fails(copy, run, output):
    (copy / NOTEBOOK).write_text("<< modle >>\n")

    assert run("--no-input", source=copy).exit_code == 1
    assert_nothing_written(output)


def test_code_without_answers_is_copied_as_it_is(copy, run, output):
    code = "x = 1 << cookiecutter\n# % if\n"
    names = ("tests/a.py", "tests/b/c.py", ".gitignore")
    for name in names:
        file = copy / "<<cookiecutter.project>>" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)

    run("--no-input", source=copy)

    for name in names:
        assert (output / "my_project" / name).read_text() == code


def test_models_keep_their_order_and_domains_are_sorted():
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


@pytest.mark.parametrize("url", ["https://example.com/t.git", "git@example.com:a/t", "gh:a/t"])
def test_address_on_the_web_stays(url):
    assert origin.address(url) == url


def test_version_is_the_commit(repository, monkeypatch, tmp_path):
    monkeypatch.setattr(origin, "TEMPLATE", repository)
    commit = git(repository, "rev-parse", "HEAD")
    assert origin.version() == commit

    git(repository, "tag", "--annotate", "--message=1", "v1")
    assert origin.version() == commit

    (repository / "cookiecutter.json").write_text("{}")
    assert origin.version() == f"{commit}-dirty"

    monkeypatch.setattr(origin, "TEMPLATE", tmp_path)
    assert origin.version() == ""


def test_version_is_empty_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")

    assert origin.version() == ""


WORDS = [*answers.YAML_WORDS, "none", "nan", "inf", "e1", "o7", "x10", "y", "n", "t", "f", "null_", "date"]
names = st.one_of(st.sampled_from(WORDS), st.from_regex(answers.SHORT_NAME[0], fullmatch=True))


def is_accepted(given):
    try:
        return answers.check_answers(given) == ""
    except FailedHookException:
        return False


@st.composite
def accepted_answers(draw):
    """Answers of any words that the questions take."""
    given = {
        question: draw(names) for question in ("project", "dev_catalog", "gold_schema", "feature_schema")
    }
    kinds = st.sampled_from(["regression:xgboost", "classification:xgboost", "anomaly:isolation_forest"])
    models = [f"{draw(names)}/{draw(names)}:{draw(kinds)}" for _ in range(draw(st.integers(1, 3)))]
    given["models"] = ", ".join(models)
    given["history_domains"] = models[0].partition("/")[0] if draw(st.booleans()) else ""
    return given


def scalars(node):
    if isinstance(node, yaml.ScalarNode):
        yield node
    for item in node.value if isinstance(node, yaml.CollectionNode) else []:
        yield from (
            found for part in (item if isinstance(item, tuple) else [item]) for found in scalars(part)
        )


@settings(max_examples=15, deadline=None, derandomize=True)
@given(accepted_answers().filter(is_accepted))
def test_every_accepted_name_is_text_in_all_yaml(template, tmp_path_factory, given):
    folder = tmp_path_factory.mktemp("yaml")
    home = {"cookiecutters_dir": str(folder / "clones"), "replay_dir": str(folder / "replay")}
    project = cookiecutter(
        str(template), no_input=True, extra_context=given, output_dir=str(folder), default_config=home
    )
    used = set(re.findall(r"\w+", " ".join(given.values())))
    for path in Path(project).rglob("*.yml"):
        for node in scalars(yaml.compose(path.read_text(), Loader=yaml.CSafeLoader)):
            if node.value in used:
                assert node.tag == "tag:yaml.org,2002:str", f"{path.name}: {node.value}"
    shutil.rmtree(folder)
