"""`sample`, against a server that answers as a workspace does, and a storage that its links lead to.

The shapes of requests and answers are those of https://docs.databricks.com/api/workspace/statementexecution
and of the pages beside it on tables, warehouses and the current user.
"""

import json
import re
import subprocess
import threading
from argparse import Namespace
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow
import pyarrow.parquet
import pytest
from local_workspace.errors import WorkspaceError
from local_workspace.own_tables import sample, statements
from rendered import copy_rendered

ID = "01eef5da-c56e-1f36-bafa-21906587d6ba"
TYPES = {
    "sales_id": "LONG",
    "observed_at": "TIMESTAMP",
    "region": "STRING",
    "comment": "STRING",
    "spend": "DECIMAL",
    "signed_up": "DATE",
    "revenue": "DOUBLE",
    "churn": "BOOLEAN",
    "address": "STRUCT",
}
TEXTS = {"region": 4, "comment": 90_000}  # how many different ones
SAMPLED = ["sales_id", "observed_at", "region", "spend", "signed_up", "revenue", "churn"]
CHUNKS = 3
EXPIRED = (
    b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
)


class Workspace:
    """What the server is asked, and what it answers; a test changes the answers."""

    def __init__(self):
        self.asked: list[tuple[str, str, dict]] = []
        self.fetched: list[dict] = []  # headers of each link that was followed
        self.states = {"rows": ["SUCCEEDED"]}  # that a statement goes through
        self.error: dict = {}
        self.answers: dict = {}  # (method, path) -> status, body
        self.truncated = False
        self.refused_links = 0  # of the next ones
        self.expired: set[str] = set()
        self.links = 0
        self.storage = ""

    def answer(self, method: str, path: str, body: dict) -> tuple[int, dict]:
        self.asked.append((method, path, body))
        if (method, path) in self.answers:
            return self.answers[method, path]
        if path == "/api/2.0/preview/scim/v2/Me":
            return 200, {"id": "7", "userName": "Ann.Lee@example.com", "active": True}
        if path == "/api/2.0/sql/warehouses":
            return 200, {"warehouses": [{"id": "0123abcd", "name": "Small", "state": "STOPPED"}]}
        if path.startswith("/api/2.1/unity-catalog/tables/"):
            catalog, schema, name = path.rsplit("/", 1)[1].split(".")
            columns = [
                {
                    "name": column,
                    "type_name": kind,
                    "type_text": kind.lower(),
                    "position": position,
                    "nullable": True,
                }
                for position, (column, kind) in enumerate(TYPES.items())
            ]
            return 200, {"catalog_name": catalog, "schema_name": schema, "name": name, "columns": columns}
        if (method, path) == ("POST", "/api/2.0/sql/statements"):
            self.counts = "count(*)" in body["statement"]
            self.left = ["SUCCEEDED"] if self.counts else list(self.states["rows"])
            return 200, self.response()
        if path == f"/api/2.0/sql/statements/{ID}":
            return 200, self.response()
        if path == f"/api/2.0/sql/statements/{ID}/cancel":
            return 200, {}
        if match := re.fullmatch(rf"/api/2.0/sql/statements/{ID}/result/chunks/(\d+)", path):
            return 200, {"external_links": [self.link(int(match[1]))]}
        return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": f"No API found for '{method} {path}'"}

    def response(self) -> dict:
        state = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if state != "SUCCEEDED":
            return {
                "statement_id": ID,
                "status": {"state": state} | ({"error": self.error} if self.error else {}),
            }
        chunks = 1 if self.counts else CHUNKS
        manifest = {
            "format": "ARROW_STREAM",
            "total_chunk_count": chunks,
            "total_row_count": chunks,
            "truncated": self.truncated and not self.counts,
            "chunks": [{"chunk_index": n, "row_offset": n, "row_count": 1} for n in range(chunks)],
        }
        status = {"state": state}
        return {
            "statement_id": ID,
            "status": status,
            "manifest": manifest,
            "result": {"external_links": [self.link(0)]},
        }

    def link(self, index: int) -> dict:
        self.links += 1
        more = {"next_chunk_index": index + 1} if index + 1 < CHUNKS and not self.counts else {}
        if more:
            more["next_chunk_internal_link"] = (
                f"/api/2.0/sql/statements/{ID}/result/chunks/{index + 1}?row_offset=1"
            )
        return {
            "chunk_index": index,
            "row_offset": index,
            "row_count": 1,
            "byte_count": 100,
            "external_link": f"{self.storage}/chunk/{index}?X-Amz-Signature=secret{self.links}",
            "expiration": "2026-01-30T22:23:23.140Z",
            "http_headers": {"x-amz-server-side-encryption-customer-key": "key"},
        } | more

    def chunk(self, path: str, headers: dict) -> tuple[int, bytes]:
        if not path.startswith("/chunk/"):  # what the SDK asks a host before it logs in
            return 404, b""
        self.fetched.append(headers)
        if self.refused_links or path in self.expired:
            self.refused_links = max(0, self.refused_links - 1)
            self.expired.add(path)
            return 403, EXPIRED
        if self.counts:
            table = pyarrow.table({"rows": [100_000]} | {name: [count] for name, count in TEXTS.items()})
        else:
            index = int(re.match(r"/chunk/(\d)", path)[1])
            names = pyarrow.schema({"sales_id": pyarrow.int64(), "region": pyarrow.string()})
            table = pyarrow.table({"sales_id": [index], "region": [None if index else "north"]}, names)
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return 200, sink.getvalue().to_pybytes()


@contextmanager
def serving(answer):
    """A server on a loopback port; `answer` gets method, path, headers, body and gives status and bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = answer(self.command, self.path, dict(self.headers), body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A running workspace, the user's profiles for it, and a copy of the bundle whose targets are there."""
    found = Workspace()

    def api(method, path, headers, body):
        if path == "/.well-known/databricks-config":
            return 404, b"{}"
        if headers.get("Authorization") != "Bearer ours":
            status, answer = 401, {"error_code": "UNAUTHENTICATED", "message": "Invalid access token"}
        else:
            status, answer = found.answer(method, path.partition("?")[0], json.loads(body or b"{}"))
        return status, json.dumps(answer).encode()

    with serving(lambda m, path, headers, b: found.chunk(path, headers)) as storage, serving(api) as host:
        found.storage = storage.replace("127.0.0.1", "localhost")
        found.host = host
        for name in ("CI", "TF_BUILD", "DATABRICKS_HOST", "DATABRICKS_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        profiles = f"[ours]\nhost = {host}/\ntoken = ours\n[old]\nhost = {host}\ntoken = old\n"
        profiles += f"[other]\nhost = {found.storage}\ntoken = x\n"
        (tmp_path / "databrickscfg").write_text(profiles)
        (tmp_path / "netrc").write_text("machine localhost login a password b\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "databrickscfg"))
        found.root = tmp_path / "bundle"
        copy_rendered(found.root)
        bundle = found.root / "databricks.yml"
        bundle.write_text(re.sub(r"(?m)^( +host:).*", rf"\1 {host}", bundle.read_text()))
        yield found


@pytest.fixture
def run(workspace, monkeypatch):
    """Runs `sample` up to its import: the table that would be imported."""
    imported = []

    def import_table(root, domain, files, replace):
        imported.extend(files)
        return 0

    monkeypatch.setattr(sample, "import_table", import_table)

    def run(**asked) -> pyarrow.Table:
        usual = {
            "domain": "sales",
            "target": "prod",
            "rows": 10_000,
            "profile": "ours",
            "warehouse": "0123abcd",
        }
        usual |= {"hash": [], "also": [], "replace": False}
        assert sample.sample(workspace.root, Namespace(**usual | asked)) == 0
        return pyarrow.parquet.read_table(imported[0])

    return run


def test_a_sample_of_several_chunks_becomes_a_file_that_git_ignores(run, workspace):
    table = run()
    assert table.to_pylist() == [{"sales_id": n, "region": None if n else "north"} for n in range(CHUNKS)]
    file = workspace.root / ".local_workspace/samples/sales.parquet"
    assert file.stat().st_mode & 0o077 == 0
    subprocess.run(["git", "init", "--quiet"], cwd=workspace.root, check=True)
    assert subprocess.run(["git", "check-ignore", "--quiet", file], cwd=workspace.root).returncode == 0


def test_the_storage_gets_no_login_and_the_headers_that_it_wants(run, workspace):
    run()
    assert len(workspace.fetched) == 1 + CHUNKS
    for headers in workspace.fetched:
        assert "Authorization" not in headers
        assert headers["x-amz-server-side-encryption-customer-key"] == "key"


def test_the_statements_ask_for_what_models_use_by_external_links(run, workspace, capsys):
    run(rows=25_000)
    count, rows = [
        body
        for method, path, body in workspace.asked
        if (method, path) == ("POST", "/api/2.0/sql/statements")
    ]
    assert count["statement"] == (
        "SELECT count(*), approx_count_distinct(`region`, 0.01), approx_count_distinct(`comment`, 0.01) "
        "FROM `prod`.`gold`.`sales`"
    )
    names = ", ".join(f"`{name}` AS `{name}`" for name in SAMPLED)
    assert rows == {
        "statement": f"SELECT {names} FROM `prod`.`gold`.`sales` WHERE `sales_id` IS NOT NULL "
        "AND pmod(xxhash64(CAST(`sales_id` AS STRING), 'sample'), 1000000) < 250000",
        "warehouse_id": "0123abcd",
        "parameters": [],
        "disposition": "EXTERNAL_LINKS",
        "format": "ARROW_STREAM",
        "byte_limit": statements.MAX_BYTES,
        "wait_timeout": "0s",  # so that the statement can be cancelled from its begin
    }
    assert "Columns that stay there: comment, address" in capsys.readouterr().out


def test_hashed_columns_are_salted_anew_and_others_can_be_had_besides(run, workspace):
    for _ in range(2):
        run(hash=["sales_id", "region"], also=["address"], replace=True)
    first, second = [body for _, _, body in workspace.asked if "AS `region`" in body.get("statement", "")]
    for name in ("sales_id", "region"):
        assert f"sha2(concat(:salt, CAST(`{name}` AS STRING)), 256) AS `{name}`" in first["statement"]
    assert "`address` AS `address`" in first["statement"]
    assert first["parameters"][0]["name"] == "salt"
    assert len({one["parameters"][0]["value"] for one in (first, second)}) == 2


def test_what_the_owner_takes_from_the_features_stays_there(run, workspace, capsys):
    (notebook,) = workspace.root.glob("src/*/features/create_feature_tables.py")
    notebook.write_text(notebook.read_text().replace('["observed_at"]', '["observed_at", "spend"]'))
    run()
    assert "Columns that stay there: comment, spend, address" in capsys.readouterr().out


def test_in_dev_the_table_is_the_users_own(run, workspace):
    run(target="dev")
    assert ("GET", "/api/2.1/unity-catalog/tables/dev.dev_ann_lee_gold.sales", {}) in workspace.asked


def test_variables_given_from_outside_name_the_table_too(run, workspace, monkeypatch):
    monkeypatch.setenv("BUNDLE_VAR_catalog", "elsewhere")
    run()
    assert ("GET", "/api/2.1/unity-catalog/tables/elsewhere.gold.sales", {}) in workspace.asked


def test_a_warehouse_that_starts_is_waited_for(run, workspace, monkeypatch):
    monkeypatch.setattr(statements.time, "sleep", lambda seconds: None)
    workspace.states["rows"] = ["PENDING", "PENDING", "RUNNING", "SUCCEEDED"]
    assert run().num_rows == CHUNKS


def test_a_link_that_has_expired_is_asked_for_again(run, workspace):
    workspace.refused_links = 2
    assert run().num_rows == CHUNKS


PERMISSION = {
    "error_code": "PERMISSION_DENIED",
    "message": "User does not have USE SCHEMA on Schema 'prod.gold'.",
}
NO_TABLE = {"error_code": "TABLE_DOES_NOT_EXIST", "message": "Table 'prod.gold.sales' does not exist."}
NO_SELECT = {
    "error_code": "BAD_REQUEST",
    "message": "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\n"
    "User does not have permission SELECT on Table 'prod.gold.sales'. SQLSTATE: 42501",
}
TABLE = ("GET", "/api/2.1/unity-catalog/tables/prod.gold.sales")
WAREHOUSES = ("GET", "/api/2.0/sql/warehouses")
REFUSED = {  # what is wrong -> what differs of the workspace, of the command, the sentence
    "no such profile": (
        {},
        {"profile": "x"},
        r"^--profile: .* has no x profile configured; log in by databricks auth",
    ),
    "profile of another workspace": (
        {},
        {"profile": "other"},
        r"^--profile: other is of http://localhost:\d+, the target of http://127\.0\.0\.1:\d+; log in by",
    ),
    "login that has ended": (
        {},
        {"profile": "old"},
        r"does not take the login of profile old, Invalid access token; log",
    ),
    "no right to the table": (
        {"answers": {TABLE: (403, PERMISSION)}},
        {},
        r"^prod\.gold\.sales: User does not have USE SCHEMA .*; ask for SELECT on it$",
    ),
    "no such table": (
        {"answers": {TABLE: (404, NO_TABLE)}},
        {},
        r"^prod\.gold\.sales: Table .* does not exist; correct",
    ),
    "no right to read": (
        {"states": {"rows": ["FAILED"]}, "error": NO_SELECT},
        {},
        r"^warehouse 0123abcd: .*does not have permission SELECT on Table .*; ask for SELECT on the table$",
    ),
    "no warehouse named": (
        {},
        {"warehouse": None},
        r"^--warehouse: none is given in .*; name one of 0123abcd \(Small\)$",
    ),
    "no such warehouse": (
        {},
        {"warehouse": "x"},
        r"^--warehouse: there is no x for you in .*; name one of 0123abcd",
    ),
    "no warehouse at all": (
        {"answers": {WAREHOUSES: (200, {})}},
        {"warehouse": None},
        r"you can use none; ask for CAN USE on one$",
    ),
    "links that are always refused": (
        {"refused_links": 99},
        {},
        r"^localhost: the storage gave chunk 0 in none of 3 tries \(HTTP 403\); does your network",
    ),
    "a sample that is too large": (
        {"truncated": True},
        {},
        r"^--rows: this sample is larger than 500 MB; ask for fewer",
    ),
    "a statement that was cancelled": (
        {"states": {"rows": ["CANCELED"]}},
        {},
        r"^warehouse 0123abcd: CANCELED$",
    ),
    "a statement that takes too long": (
        {"states": {"rows": ["RUNNING"]}},
        {},
        r"^warehouse 0123abcd: the statement did not end within 0 seconds and was cancelled; take a larger",
    ),
    "a warehouse that does not start": (
        {"states": {"rows": ["PENDING"]}},
        {},
        r"within 0 seconds and was cancelled; is it starting",
    ),
    "a column that is not there": (
        {},
        {"hash": ["x"]},
        r"^--hash, --also: prod\.gold\.sales has no column x; correct it$",
    ),
    "a label that is hashed": (
        {},
        {"hash": ["revenue"]},
        r"^--hash: models learn by revenue, which a hash makes useless",
    ),
    "no rows": ({}, {"rows": 0}, r"^--rows: 0 is no number of rows"),
    "no such domain": ({}, {"domain": "x"}, r"^domain: target dev has no 'x'; it has "),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_goes_wrong_is_a_sentence_and_nothing_is_written(run, workspace, monkeypatch, what):
    differs, asked, sentence = REFUSED[what]
    vars(workspace).update(differs)
    monkeypatch.setattr(statements, "SECONDS", 0)
    with pytest.raises(Exception, match=sentence) as refused:
        run(**asked)
    assert len(str(refused.value).splitlines()) == 1
    assert "secret" not in str(refused.value)
    assert not (workspace.root / ".local_workspace").exists()
    cancelled = any(path.endswith("/cancel") for _, path, _ in workspace.asked)
    assert cancelled == (differs.get("states", {}).get("rows", [""])[0] in ("PENDING", "RUNNING"))


def test_a_workspace_that_does_not_answer_is_named(run, workspace, monkeypatch):
    monkeypatch.setattr(sample, "RETRY_SECONDS", 1)
    for file in (workspace.root / "databricks.yml", workspace.root.parent / "databrickscfg"):
        file.write_text(file.read_text().replace(workspace.host, "http://127.0.0.1:9"))
    with pytest.raises(WorkspaceError, match=r"^http://127\.0\.0\.1:9 does not answer \(.*\); is it right"):
        run()


@pytest.mark.parametrize("name", ["CI", "TF_BUILD"])
def test_ci_gets_no_sample(run, workspace, monkeypatch, name):
    monkeypatch.setenv(name, "true")
    with pytest.raises(WorkspaceError, match="CI gets no sample of your tables"):
        run()
    assert not workspace.asked
