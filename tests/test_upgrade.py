"""`upgrade` changes what a bundle was rendered from, and leaves its owner's work alone."""

import shutil
import subprocess
import sys

import pytest
import yaml

LATENCY = "ops/latency:regression:xgboost"
CHURN = "src/my_project_ml/sales/train_churn.py"
REVENUE = "src/my_project_ml/sales/train_revenue.py"
TRAINING = "resources/ml/ml_training_pipeline.yml"
MANY = ", ".join(f"d{i % 5}/m{i:02}:regression:gradient_boosting" for i in range(25))


def git(folder, *command, author=("-c", "user.name=a", "-c", "user.email=a@example.com")):
    command = ["git", *author, *command]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n")


def commit(folder, message="work"):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", f"--message={message}")


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def append(path, line):
    path.write_text(f"{path.read_text()}{line}\n")


def changed(bundle):
    """The paths that are staged, each with A, D or M."""
    rows = git(bundle, "diff", "--cached", "--no-renames", "--name-status", "--relative")
    return {path: kind for kind, path in (row.split("\t") for row in rows.splitlines())}


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def everything(bundle):
    """All that an upgrade could change: files, what is staged, branches, commits."""
    return (
        files(bundle),
        git(bundle, "status", "--branch"),
        git(bundle, "log", "--all", "--format=%H"),
    )


@pytest.fixture(scope="session", autouse=True)
def no_identity(tmp_path_factory):
    """Git as it is on a new machine, where nobody has said who they are."""
    config = tmp_path_factory.mktemp("git") / "config"
    config.write_text("[user]\n\tuseConfigOnly = true\n[advice]\n\tdetachedHead = false\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(config))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


@pytest.fixture(scope="session")
def published(template, tmp_path_factory):
    """The template in a git repository with two versions."""
    repository = shutil.copytree(template, tmp_path_factory.mktemp("published") / "template")
    rendered = repository / "<<cookiecutter.project>>"
    git(repository, "init", "--quiet")
    commit(repository)
    git(repository, "tag", "v1")
    append(rendered / "src/<<cookiecutter.project>>_ml/train/shared/run.py", "# v2 of << model.name >>")
    append(rendered / ".gitignore", "v2/")
    commit(repository)
    git(repository, "tag", "v2")
    return repository


@pytest.fixture(scope="session")
def render(published, tmp_path_factory):
    """Render a version of the published template into a folder of its own."""

    def render(version="v1", **answers):
        folder = tmp_path_factory.mktemp("rendered")
        command = [sys.executable, "-m", "cookiecutter", f"git+file://{published}", "--no-input"]
        command += [f"--checkout={version}", f"--output-dir={folder}"]
        config = folder / "config.yml"
        config.write_text(
            yaml.safe_dump(
                {
                    "cookiecutters_dir": str(folder / "clones"),
                    "replay_dir": str(folder / "replay"),
                    "default_context": answers,
                }
            )
        )
        subprocess.run([*command, f"--config-file={config}"], cwd=folder, check=True)
        return folder / answers.get("project", "my_project")

    return render


@pytest.fixture(scope="session")
def first_day(render):
    """A bundle in the git repository that its owner has made of it."""
    bundle = render()
    git(bundle, "init", "--quiet", "--initial-branch=main")
    commit(bundle)
    return bundle


@pytest.fixture
def bundle(first_day, tmp_path):
    return shutil.copytree(first_day, tmp_path / "my_project")


@pytest.fixture
def upgrade():
    def upgrade(bundle, *requests):
        command = [sys.executable, "-m", "local_workspace", "upgrade", *requests]
        return subprocess.run(command, cwd=bundle, capture_output=True, text=True, check=False)

    return upgrade


def models_of(bundle):
    return yaml.safe_load((bundle / ".cookiecutter.yml").read_text())["default_context"]["models"]


@pytest.mark.parametrize(
    "requests",
    [
        pytest.param(["models+=hr/leavers:classification:xgboost"], id="one more in a new domain"),
        pytest.param(["models+=ops/latency:regression:spark_xgboost"], id="one more, on a cluster"),
        pytest.param([f"models+={LATENCY}", "models-=churn", "models-=outliers"], id="one more, two less"),
        pytest.param(["notification_email=o'brien@example.com"], id="another answer"),
        pytest.param(["history_domains=ops"], id="several rows per key"),
        pytest.param(["ci=gitlab"], id="other files"),
        pytest.param(["version=v2"], id="another version"),
        pytest.param(["version=v2", f"models={MANY}"], id="everything, to 25 models"),
    ],
)
def test_bundle_becomes_what_it_would_have_been(bundle, upgrade, render, requests):
    done = upgrade(bundle, *requests)

    assert (done.returncode, done.stderr) == (0, "")
    answers = yaml.safe_load((bundle / ".cookiecutter.yml").read_text())["default_context"]
    version = "v2" if "version=v2" in requests else "v1"
    assert files(bundle) == files(render(version, **answers))


def test_one_more_model_adds_its_notebook_and_its_tasks(bundle, upgrade):
    upgrade(bundle, f"models+={LATENCY}")

    assert changed(bundle) == {
        ".cookiecutter.yml": "M",
        "resources/ml/ml_inference_pipeline.yml": "M",
        "resources/ml/ml_labels.yml": "M",
        "resources/ml/ml_monitoring_pipeline.yml": "M",
        "resources/ml/ml_training_pipeline.yml": "M",
        "src/my_project_ml/ops/train_latency.py": "A",
    }
    difference = git(bundle, "diff", "--cached", "--unified=0", "--", "resources").splitlines()
    added = [line for line in difference if line.startswith("+ ")]
    removed = [line for line in difference if line.startswith("- ")]
    assert [line.split(":")[0].strip("- ") for line in removed] == ["ops"]  # its labels
    assert "+        - task_key: train_latency" in added
    assert "+        - task_key: score_latency" in added
    assert not [line for line in added if "revenue" in line or "churn" in line]


def test_one_more_model_of_a_domain_with_history_has_it_too(bundle, upgrade):
    for request in ("history_domains=ops", f"models+={LATENCY}"):
        done = upgrade(bundle, request)
        assert done.returncode == 0, done.stdout + done.stderr
        git(bundle, "commit", "--quiet", "--no-edit")
    assert "timestamp_lookup_key" in (bundle / "src/my_project_ml/ops/train_latency.py").read_text()
    assert "timestamp_lookup_key" not in (bundle / CHURN).read_text()


def test_one_more_of_26_models_changes_no_other_notebook(render, upgrade):
    bundle = render(models=MANY)
    git(bundle, "init", "--quiet")
    commit(bundle)

    assert upgrade(bundle, f"models+={LATENCY}").returncode == 0

    notebooks = [path for path in changed(bundle) if path.startswith("src/")]
    assert notebooks == ["src/my_project_ml/ops/train_latency.py"]


def test_it_says_what_changes_and_what_stays(bundle, upgrade):
    done = upgrade(bundle, "models-=churn")

    assert done.stdout.startswith("To be changed:\n .cookiecutter.yml")
    assert f"\n delete mode 100644 {CHURN}\n" in done.stdout
    assert (
        "churn: registered models and tables stay in Unity Catalog as they are.\n"
        "All merged. git diff --cached shows it, git commit keeps it, "
        "git reset --hard takes it back.\n"
    ) in done.stdout


def test_nothing_is_committed_and_all_can_be_taken_back(bundle, upgrade):
    before = everything(bundle)

    upgrade(bundle, "version=v2", f"models+={LATENCY}", "models-=churn")
    assert everything(bundle) != before
    git(bundle, "reset", "--quiet", "--hard")

    assert everything(bundle) == before


def test_commit_gets_a_message(bundle, upgrade):
    upgrade(bundle, "version=v2", "models-=churn")
    git(bundle, "commit", "--quiet", "--no-edit")

    assert git(bundle, "log", "-1", "--format=%B").strip() == "Upgrade: version=v2 models-=churn"


def test_edits_elsewhere_stay(bundle, upgrade):
    edit(bundle / REVENUE, "HOLDOUT_SHARE = 0.2", "HOLDOUT_SHARE = 0.3")
    edit(bundle / TRAINING, "0 0 3 ? * SUN", "0 0 4 ? * MON")
    edit(bundle / "databricks.yml", "Who hears of a failed run.", "Who is called at night.")
    (bundle / "src/my_project_ml/own.py").write_text("OWN = 1\n")
    commit(bundle)

    done = upgrade(bundle, "version=v2", f"models+={LATENCY}", "models-=churn")

    assert done.returncode == 0
    assert "HOLDOUT_SHARE = 0.3" in (bundle / REVENUE).read_text()
    assert (bundle / REVENUE).read_text().endswith("# v2 of revenue\n")
    assert "0 0 4 ? * MON" in (bundle / TRAINING).read_text()
    assert "train_latency" in (bundle / TRAINING).read_text()
    assert "train_churn" not in (bundle / TRAINING).read_text()
    assert "Who is called at night." in (bundle / "databricks.yml").read_text()
    assert (bundle / "src/my_project_ml/own.py").read_text() == "OWN = 1\n"


def test_edit_of_the_same_lines_is_a_conflict(bundle, upgrade):
    append(bundle / REVENUE, "# mine")
    commit(bundle)

    done = upgrade(bundle, "version=v2")

    assert done.returncode == 1
    assert f"CONFLICT (content): Merge conflict in {REVENUE}\n" in done.stdout
    assert "Resolve each conflict, then git add (or git rm) the file" in done.stdout
    notebook = (bundle / REVENUE).read_text()
    assert "# mine\n" in notebook
    assert "# v2 of revenue\n" in notebook
    assert (bundle / CHURN).read_text().endswith("# v2 of churn\n")


def test_resolved_conflict_is_committed_and_the_next_upgrade_goes_on(bundle, upgrade):
    append(bundle / REVENUE, "# mine")
    commit(bundle)
    upgrade(bundle, "version=v2")
    edit(bundle / REVENUE, "<<<<<<< HEAD\n# mine\n=======\n", "# mine\n")
    text = (bundle / REVENUE).read_text()
    (bundle / REVENUE).write_text(text[: text.index(">>>>>>>")])
    commit(bundle)

    done = upgrade(bundle, f"models+={LATENCY}")

    assert done.returncode == 0
    assert (bundle / REVENUE).read_text().endswith("# mine\n# v2 of revenue\n")


def test_removed_notebook_that_was_edited_stays_as_a_conflict(bundle, upgrade):
    edit(bundle / CHURN, "HOLDOUT_SHARE = 0.2", "HOLDOUT_SHARE = 0.3")
    commit(bundle)

    done = upgrade(bundle, "models-=churn")

    assert done.returncode == 1
    assert f"CONFLICT (modify/delete): {CHURN} deleted in" in done.stdout
    assert "HOLDOUT_SHARE = 0.3" in (bundle / CHURN).read_text()
    assert "train_churn" not in (bundle / TRAINING).read_text()


def test_edits_do_not_follow_into_another_model(bundle, upgrade):
    edit(bundle / CHURN, "HOLDOUT_SHARE = 0.2", "HOLDOUT_SHARE = 0.3")
    commit(bundle)

    upgrade(bundle, "models-=churn", "models+=sales/returns:classification:gradient_boosting")

    added = (bundle / "src/my_project_ml/sales/train_returns.py").read_text()
    assert "HOLDOUT_SHARE = 0.2" in added
    assert "HOLDOUT_SHARE = 0.3" in (bundle / CHURN).read_text()


def test_two_upgrades_in_a_row(bundle, upgrade, render):
    for request in (f"models+={LATENCY}", "version=v2"):
        assert upgrade(bundle, request).returncode == 0
        commit(bundle)

    assert files(bundle) == files(render("v2", models=models_of(bundle)))


def test_change_and_change_back_leaves_nothing(bundle, upgrade):
    before = files(bundle)
    for request in (f"models+={LATENCY}", "models-=latency"):
        upgrade(bundle, request)
        commit(bundle)

    assert files(bundle) == before


def test_bundle_that_was_moved(bundle, upgrade, tmp_path):
    moved = tmp_path / "a b" / "renamed"
    moved.parent.mkdir()
    bundle.rename(moved)

    assert upgrade(moved, f"models+={LATENCY}").returncode == 0
    assert (moved / "src/my_project_ml/ops/train_latency.py").exists()


def test_bundle_in_a_folder_of_a_repository_with_a_history(first_day, upgrade, tmp_path):
    """History began before the first rendering, and another project is next door."""
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet")
    (repository / "databricks.yml").write_text("# another bundle\n")
    commit(repository)
    bundle = repository / "bundles" / "ml"
    shutil.copytree(first_day, bundle, ignore=shutil.ignore_patterns(".git"))
    commit(repository)

    assert upgrade(bundle, f"models+={LATENCY}", "version=v2").returncode == 0

    staged = git(repository, "diff", "--cached", "--name-only").splitlines()
    assert "bundles/ml/src/my_project_ml/ops/train_latency.py" in staged
    assert all(path.startswith("bundles/ml/") for path in staged)


def test_shallow_clone(bundle, upgrade, tmp_path):
    append(bundle / "databricks.yml", "# mine")
    commit(bundle)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{bundle}", str(clone))

    assert upgrade(clone, f"models+={LATENCY}").returncode == 0
    assert (clone / "databricks.yml").read_text().endswith("# mine\n")


def test_worktree_and_detached_head(bundle, upgrade, tmp_path):
    git(bundle, "worktree", "add", "--quiet", "--detach", str(tmp_path / "worktree"))

    assert upgrade(tmp_path / "worktree", f"models+={LATENCY}").returncode == 0
    assert git(bundle, "status", "--porcelain") == ""


@pytest.mark.parametrize("how", ["from its folder", "by --directory"])
def test_template_in_a_folder_of_a_repository(template, upgrade, tmp_path, how):
    repository = tmp_path / "templates"
    shutil.copytree(template, repository / "databricks" / "ml")
    git(repository, "init", "--quiet")
    commit(repository)
    command = [sys.executable, "-m", "cookiecutter", "--no-input", f"--output-dir={tmp_path}"]
    if how == "by --directory":
        command += [f"git+file://{repository}", "--directory=databricks/ml"]
    else:
        command += [str(repository / "databricks" / "ml")]
    home = {"cookiecutters_dir": str(tmp_path / "clones"), "replay_dir": str(tmp_path / "replay")}
    (tmp_path / "config.yml").write_text(yaml.safe_dump(home))
    subprocess.run([*command, "--config-file=config.yml"], cwd=tmp_path, check=True)
    bundle = tmp_path / "my_project"
    git(bundle, "init", "--quiet")
    commit(bundle)

    done = upgrade(bundle, f"models+={LATENCY}")

    assert (done.returncode, done.stderr) == (0, "")
    assert (bundle / "src/my_project_ml/ops/train_latency.py").exists()


def test_version_that_is_already_there(bundle, upgrade):
    assert upgrade(bundle, "version=v1").stdout == "Nothing differs.\n"


def test_without_a_request_it_explains_itself(bundle, upgrade):
    done = upgrade(bundle)

    assert "local-workspace upgrade models+=ops/latency:regression:xgboost" in done.stdout
    assert git(bundle, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ("model=a", "model: there is no such question; there are version, project, models, "),
        ("churn", "'churn' cannot be read; write key=value, models+=model or models-=name."),
        ("models-=", "'models-=' cannot be read; write key=value, models+=model or models-=name."),
        ("models-=chrun", "models: there is no 'chrun'; there are revenue, churn, outliers, "),
        ("models+=ops/latency", "models: 'ops/latency' cannot be read; write domain/name:type:"),
        ("models+=ops/churn:regression:xgboost", "models: the name 'churn' is given twice;"),
        ("prod_catalog=staging", "prod_catalog: 'staging' is also the staging_catalog"),
        ("ci=jenkins", "ci: 'jenkins' is not a choice; choose github, azure_devops, gitlab or"),
        ("environment_version=3", "environment_version: '3' is not a choice; choose 4, 5 or 6."),
        ("project=<<x>>", "Error message: 'x' is undefined"),
        ("version=v3", "The v3 branch of repository "),
    ],
)
def test_bad_request_is_refused(bundle, upgrade, request_, reason):
    before = everything(bundle)

    done = upgrade(bundle, f"models+={LATENCY}", request_)

    assert done.stderr.startswith(f"Nothing was changed. {reason}")
    assert len(done.stderr.splitlines()) == 1
    assert (done.stdout, done.returncode) == ("", 1)
    assert everything(bundle) == before


def uncommitted(bundle, published):
    append(bundle / "databricks.yml", "# mine")
    return "There are changes in this repository that are not committed."


def untracked(bundle, published):
    (bundle / "mine.py").write_text("MINE = 1\n")
    return "There are changes in this repository that are not committed."


def ignored_in_the_way(bundle, published):
    append(bundle / ".gitignore", "train_latency.py")
    commit(bundle)
    (bundle / "src/my_project_ml/ops/train_latency.py").write_text("MINE = 1\n")
    return "These files are ignored by git and would be lost: src/my_project_ml/ops/train_latency.py."


def unreachable(bundle, published):
    edit(bundle / ".cookiecutter.yml", str(published), "/nowhere/template")
    commit(bundle)
    return "fatal: '/nowhere/template' does not appear to be a git repository"


def of_a_zip(bundle, published):
    source = yaml.safe_load((bundle / ".cookiecutter.yml").read_text())
    edit(bundle / ".cookiecutter.yml", source["version"], "")
    commit(bundle)
    return "The template came without git, from a zip say"


def of_uncommitted_changes(bundle, published):
    source = yaml.safe_load((bundle / ".cookiecutter.yml").read_text())
    edit(bundle / ".cookiecutter.yml", source["version"], f"{source['version']}-dirty")
    commit(bundle)
    return "The template had changes that were not committed"


def without_source(bundle, published):
    (bundle / ".cookiecutter.yml").unlink()
    commit(bundle)
    return f"There is no {bundle / '.cookiecutter.yml'}"


def in_conflict(bundle, published):
    append(bundle / ".cookiecutter.yml", "<<<<<<< HEAD\n=======\n>>>>>>> theirs")
    return f"{bundle / '.cookiecutter.yml'} is no YAML (while scanning "


@pytest.mark.parametrize(
    "make",
    [
        uncommitted,
        in_conflict,
        untracked,
        ignored_in_the_way,
        unreachable,
        of_a_zip,
        of_uncommitted_changes,
        without_source,
    ],
)
def test_bundle_that_cannot_be_upgraded_is_left_alone(bundle, published, upgrade, make):
    reason = make(bundle, published)
    before = everything(bundle)

    done = upgrade(bundle, f"models+={LATENCY}")

    assert done.stderr.startswith(f"Nothing was changed. {reason}")
    assert (done.stdout, done.returncode) == ("", 1)
    assert everything(bundle) == before


def test_bundle_without_git_is_left_alone(bundle, upgrade):
    shutil.rmtree(bundle / ".git")
    before = files(bundle)

    done = upgrade(bundle, f"models+={LATENCY}")

    assert done.stderr.startswith("Nothing was changed. fatal: not a git repository")
    assert (done.stdout, done.returncode) == ("", 1)
    assert files(bundle) == before


def test_the_rules_hold_through_a_long_life(bundle, upgrade):
    """Three models, edits, two more, one less, another version: the bundle's rules hold after each."""
    edit(bundle / REVENUE, "HOLDOUT_SHARE = 0.2", "HOLDOUT_SHARE = 0.3")
    edit(bundle / CHURN, "n_iter_no_change=20", "n_iter_no_change=30")
    edit(bundle / TRAINING, "0 0 3 ? * SUN", "0 0 4 ? * MON")
    commit(bundle)
    steps = [
        [f"models+={LATENCY}", "models+=hr/leavers:classification:xgboost"],
        ["models-=outliers"],
        ["version=v2", "environment_version=5"],
    ]
    for requests in [[], *steps]:
        if requests:
            done = upgrade(bundle, *requests)
            assert done.returncode == 0, done.stdout + done.stderr
            git(bundle, "commit", "--quiet", "--no-edit")
        command = [sys.executable, "-m", "local_workspace", "check"]
        done = subprocess.run(command, cwd=bundle, capture_output=True, text=True)
        assert done.returncode == 0, f"after {requests}\n{done.stdout}"
    models = ["revenue", "churn", "latency", "leavers"]
    assert [entry.split("/")[1].split(":")[0] for entry in models_of(bundle).split(", ")] == models
    assert "n_iter_no_change=30" in (bundle / CHURN).read_text()
