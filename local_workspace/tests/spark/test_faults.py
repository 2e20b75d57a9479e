"""What goes wrong beneath a notebook: each ends with a sentence, and touches nothing else."""

import http.client
import os
import stat
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from local_workspace.errors import WorkspaceError
from local_workspace.jobs.runs import JobRun
from local_workspace.testing import LocalBundle
from own_tables import OwnTables, log, status

HEADER = "# Databricks notebook source\n"
ENDS = {  # what a notebook does -> how its task ends
    "import os; os._exit(3)": r"its process ended by itself, with exit code 3",
    "import os; os.kill(os.getpid(), 11)": r"its process was ended by SIGSEGV",
    "import ctypes; ctypes.string_at(0)": r"its process was ended by SIGSEGV",
    "import os; os.abort()": r"its process was ended by SIGABRT",
    "import os, time; time.sleep(2); os.kill(os.getpid(), 9)": (r"its process was ended by SIGKILL. It had "),
    "dbutils.jobs.taskValues.set('status', 'done')": r"its task value status is 'done'; set one of SUCCESS,",
    "raise SystemExit(2)": "SystemExit: 2",
    "1 +": "SyntaxError: invalid syntax",
    "spark.sql('SELECT 1 FROM not_there').collect()": "`not_there`",
}
HANGING = "spark.sql('SELECT sum(a.id * b.id) FROM range(1e7) a CROSS JOIN range(1e7) b').collect()"
LEAVES_A_CHILD = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"
LEAVES_A_SESSION = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"


@pytest.fixture(scope="module")
def ended(local_bundle):
    """Tasks that end badly, one that runs out of time, and one that is well, in one job."""
    tables = OwnTables(local_bundle, "faults")
    tasks = [tables.own(f"fault_{n}", HEADER + code) for n, code in enumerate(ENDS)]
    hanging = tables.own("hanging", HEADER + HANGING) | {"timeout_seconds": 5}
    child = tables.own("leaves_a_child", HEADER + LEAVES_A_CHILD)
    session = tables.own("leaves_a_session", HEADER + LEAVES_A_SESSION)
    dying = tables.own("dies_before_its_session", HEADER + LEAVES_A_SESSION + "\nimport os; os._exit(3)")
    well = tables.own("well", HEADER + "print(spark.range(1000).selectExpr('sum(id)').collect())", "hanging")
    return tables.run("faults", *tasks, hanging, child, session, dying, well | {"timeout_seconds": 120})


@pytest.mark.parametrize("code", list(ENDS))
def test_the_end_of_a_task_is_said(ended, code):
    said = status(ended, f"fault_{list(ENDS).index(code)}")
    assert said.startswith("FAILED: ") and ENDS[code] in said


def test_the_query_of_a_task_that_ran_out_of_time_starves_no_other(ended):
    assert status(ended, "hanging") == "FAILED: ran longer than 5 s"
    assert status(ended, "well") == "SUCCESS"


@pytest.mark.parametrize("task", ["leaves_a_child", "leaves_a_session", "dies_before_its_session"])
def test_what_a_notebook_starts_ends_with_its_task(ended, task):
    assert (status(ended, task) == "SUCCESS") == task.startswith("leaves")
    with pytest.raises(ProcessLookupError):
        os.kill(int(log(ended, task)), 0)


def test_secrets_of_the_environment_reach_neither_tasks_nor_spark(local_bundle):
    tasks, workers = local_bundle.ask("""
        import os
        def names(rows):
            import os, pandas
            for _ in rows:
                yield pandas.DataFrame({"name": list(os.environ)})
        workers = spark.range(1).mapInPandas(names, "name string").toPandas().name
        return [list(os.environ), list(workers)]
    """)
    assert "PATH" in tasks and "PATH" in workers
    assert "A_SECRET_OF_THE_TESTS" not in [*tasks, *workers]


def test_state_is_its_owners_alone(local_bundle, ended):
    local_bundle.run("ml_sample_data")
    modes = {
        path.relative_to(local_bundle.state).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in [local_bundle.state, *local_bundle.state.rglob("*")]
    }
    assert len(modes) > 50
    assert [path for path, mode in modes.items() if mode & 0o077] == []


CALLS = {  # headers, body -> the answer's status
    "no token": ({"Content-Length": "4000000000"}, b"", 401),
    "a wrong token": ({"Authorization": "Bearer x", "Content-Length": "4000000000"}, b"", 401),
    "a token that is not ASCII": ({"Authorization": "Bearer \xff"}, b"", 401),
    "a body of no length": ({"Transfer-Encoding": "chunked"}, b"", 411),
    "a length that is none": ({"Content-Length": "-1"}, b"", 411),
    "a body that is too long": ({"Content-Length": "4000000000"}, b"", 413),
    "no JSON": ({"Content-Type": "application/json", "Content-Length": "4"}, b"{no}", 400),
    "JSON that is no object": ({"Content-Type": "application/json", "Content-Length": "4"}, b"[12]", 400),
    "a route that is not there": ({}, b"", 404),
}


@pytest.fixture(scope="module")
def service(local_bundle) -> tuple[str, int, str]:
    host, token = local_bundle.ask("""
        import os
        return [os.environ["DATABRICKS_HOST"], os.environ["DATABRICKS_TOKEN"]]
    """)
    return urlsplit(host).hostname, urlsplit(host).port, token


@pytest.mark.parametrize("call", list(CALLS))
def test_a_call_that_is_not_in_order_is_refused_at_once(service, call):
    headers, body, expected = CALLS[call]
    host, port, token = service
    connection = http.client.HTTPConnection(host, port, timeout=20)
    path = "/api/2.0/mlflow/unity-catalog/registered-models/create"
    connection.putrequest("POST", "/api/2.0/not/there" if expected == 404 else path)
    if expected != 401:
        connection.putheader("Authorization", f"Bearer {token}")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    assert response.status == expected
    assert response.getheader("Connection") == "close"  # or a client uses it again, and has to wait
    connection.close()


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


@pytest.fixture
def own(local_bundle, tmp_path):
    """A workspace of its own, since it does not survive these tests; a task of it may have 200 MB more."""
    bundle = LocalBundle(local_bundle.root, tmp_path / "copy")
    file = bundle.root / "pyproject.toml"
    file.write_text(
        file.read_text().replace("local_workspace]\n", "local_workspace]\ntask_memory_mb = 200\n")
    )
    return bundle


def run_one(bundle, code: str) -> JobRun:
    path = bundle.root / "one.py"
    path.write_text(HEADER + code)
    task = {"task_key": "one", "notebook_task": {"notebook_path": str(path)}}
    bundle.bundle.jobs["one"], bundle.bundle.files["one"] = {"tasks": [task]}, path
    return bundle.run("one")


def end_of_run(bundle, code: str) -> str:
    """The sentence that ends a run of one task, long before the task would."""
    begin = time.monotonic()
    with pytest.raises(WorkspaceError) as raised:
        run_one(bundle, f"import os, time; {code}; time.sleep(100)")
    assert time.monotonic() - begin < 50
    return str(raised.value)


def test_a_task_has_no_more_memory_than_its_owner_allows_and_spark_may_die(own):
    with own:
        (enough, too_much) = (run_one(own, f"print(len(bytearray({mb} << 20)))") for mb in (100, 400))
        assert status(enough, "one") == "SUCCESS"
        assert status(too_much, "one") == "FAILED: MemoryError:"
        (java,) = children(own._spark._process.pid)
        said = end_of_run(own, f"os.kill({java}, 9)")
    assert said.startswith("Spark ended by itself; the reason stands in ")


def test_services_may_die_and_a_damaged_catalog_is_named(own):
    with own:
        run_one(own, "spark.sql('CREATE TABLE kept AS SELECT 1 AS one')")
        said = end_of_run(own, f"os.kill({own._services.pid}, 9)")
    assert said.startswith("The workspace's services ended by themselves; the reason stands in ")
    for file in (own.state / "metastore_db/seg0").glob("c[2-9]*.dat"):
        os.truncate(file, 100)
    with own:
        said = end_of_run(own, "spark.sql('SELECT * FROM kept').collect()")
    assert "metastore_db is damaged; restore it from a copy, or remove it and move warehouse/ away" in said
    assert list(own.state.glob("warehouse/kept/_delta_log/*.json"))
