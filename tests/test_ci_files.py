"""The CI file of the chosen provider is one that the provider takes, and its test steps run."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

FILES = {
    "github": ".github/workflows/ci.yml",
    "azure_devops": "azure-pipelines.yml",
    "gitlab": ".gitlab-ci.yml",
}
SCHEMAS = {
    "github": ["vendor.github-workflows"],
    "azure_devops": [
        "vendor.azure-pipelines",
        "--data-transform=azure-pipelines",
        "--regex-variant=nonunicode",  # the schema has patterns that are none in Unicode mode
    ],
    "gitlab": ["vendor.gitlab-ci", "--data-transform=gitlab-ci"],
}
JOBS = ("ml_training_pipeline", "ml_inference_pipeline")
COMMANDS = [
    "uv sync --locked",
    "uv run ruff check",
    "uv run ruff format --check",
    "uv run local-workspace check",
    "uv run pytest",
    "databricks bundle validate --strict -t TARGET",
    "databricks bundle deploy -t staging",
    *(f"databricks bundle run {job} -t staging" for job in JOBS),
    "databricks bundle deploy -t prod",
]
each_provider = pytest.mark.parametrize("ci", FILES)


@pytest.fixture
def ci_file(bake):
    """Render the bundle for a provider; return its CI file."""

    def ci_file(ci):
        return bake(ci=ci) / FILES[ci]

    return ci_file


def find(tool):
    """A linter next to this Python, or anywhere; without it the test is skipped, visibly."""
    folders = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    return shutil.which(tool, path=folders) or pytest.skip(f"{tool} is not installed")


def assert_clean(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("ci", [*FILES, "none"])
def test_bundle_has_the_file_of_the_chosen_provider_alone(bake, ci):
    bundle = bake(ci=ci)

    assert [name for name, file in FILES.items() if (bundle / file).exists()] == [
        name for name in FILES if name == ci
    ]


@each_provider
def test_file_follows_the_schema_of_its_provider(ci_file, ci):
    file = ci_file(ci)
    # GitLab's schema does not look into jobs that are hidden by a dot.
    file.write_text(re.sub(r"^\.(?=\w+:$)", "", file.read_text(), flags=re.MULTILINE))
    assert_clean(find("check-jsonschema"), "--builtin-schema", *SCHEMAS[ci], file)


def test_actionlint_finds_nothing(ci_file):
    assert_clean(find("actionlint"), ci_file("github"))


def test_zizmor_finds_nothing(ci_file):
    """Not what it is unsure of: the tests use a cache in a release too, and nothing else does."""
    options = ("--offline", "--no-progress", "--min-confidence=medium")
    assert_clean(find("zizmor"), *options, ci_file("github"))


@each_provider
def test_every_provider_runs_the_same_commands(ci_file, ci):
    text = ci_file(ci).read_text()
    text = re.sub(r"\$\{\{ matrix.target \}\}|\$\(target\)|\$TARGET", "TARGET", text)
    commands = re.findall(r"\b(?:uv (?:sync|run)|databricks bundle)\b.*", text)

    assert commands == COMMANDS


@each_provider
def test_no_secret_and_no_token_is_needed(ci_file, ci):
    assert not re.search(r"secrets\.|DATABRICKS_TOKEN\b|CLIENT_SECRET", ci_file(ci).read_text())


def test_actions_are_pinned_by_commit(ci_file):
    uses = re.findall(r"uses: (.*)", ci_file("github").read_text())

    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_images_are_pinned(ci_file):
    jobs = yaml.safe_load(ci_file("gitlab").read_text())

    for job in ("test", ".databricks"):
        assert re.search(r":3\.12\.\d+-bookworm@sha256:[0-9a-f]{64}$", jobs[job]["image"])


@pytest.mark.parametrize("ci", ["azure_devops", "gitlab"])
def test_a_downloaded_cli_is_checked_before_it_is_used(ci_file, ci):
    text = ci_file(ci).read_text()

    downloads = re.findall(r"curl .*\n.*", text)
    assert downloads
    assert all("| sha256sum --check" in download for download in downloads)
    assert not re.search(r"curl[^\n]*\| *(ba)?sh", text)


@each_provider
def test_staging_and_prod_are_not_reached_by_the_subject_that_validates(ci_file, ci):
    text = ci_file(ci).read_text()
    named = r"(?:repo|project_path):\S+|\w+-(?:pull-request|staging|prod)"
    subjects = re.findall(rf"^# +({named}) +(?:to )?(?:validate|deploy)", text, re.MULTILINE)

    assert len(set(subjects)) == len(subjects) == 3
    assert "review" in text or "approval" in text


def test_every_provider_installs_the_same_versions(bake):
    texts = [(bake(ci=ci, project=ci) / file).read_text() for ci, file in FILES.items()]
    databricks = r"databricks_cli_([\d.]+\d)_|setup-cli@.*\n.*\n +version: \"(.*)\""
    uv = r"uv==([\d.]+\d)|setup-uv@.*\n.*\n +version: \"(.*)\""

    for pattern in (databricks, uv):
        found = [{"".join(match) for match in re.findall(pattern, text)} for text in texts]
        assert len(found[0]) == 1
        assert found[0] == found[1] == found[2]
