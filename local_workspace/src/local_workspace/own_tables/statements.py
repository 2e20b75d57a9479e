"""SQL statements on a warehouse of a Databricks workspace, and their results by external links.

Uses https://docs.databricks.com/api/workspace/statementexecution
"""

import time
from urllib.parse import urlsplit

import pyarrow
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.sql import (
    Disposition,
    ExternalLink,
    Format,
    StatementParameterListItem,
    StatementResponse,
    StatementState,
    StatementStatus,
)

from local_workspace.errors import WorkspaceError

SECONDS = 900  # that a statement may take, the warehouse's start among them
LINK_SECONDS = 120  # without an answer of the storage
MAX_BYTES = 500_000_000  # of a result
TRIES = 3  # of a link, each time a new one: one is valid for some minutes


class Statements:
    """Runs statements on `warehouse`; each raises a sentence where it does not succeed."""

    def __init__(self, client: WorkspaceClient, warehouse: str):
        self._api = client.statement_execution
        self._warehouse = warehouse

    def run(self, statement: str, parameters: dict[str, str]) -> pyarrow.Table:
        """The whole result; `parameters` are named in the statement as :name."""
        response = self._api.execute_statement(
            statement=statement,
            warehouse_id=self._warehouse,
            parameters=[StatementParameterListItem(name, value=value) for name, value in parameters.items()],
            disposition=Disposition.EXTERNAL_LINKS,
            format=Format.ARROW_STREAM,
            byte_limit=MAX_BYTES,
            wait_timeout="0s",  # so that its id is known at once, by which it can be cancelled
        )
        statement_id = response.statement_id
        assert statement_id is not None  # since it has begun
        try:
            response = self._wait(statement_id, response)
        except BaseException:  # Ctrl-C too: it would go on, and cost
            self._api.cancel_execution(statement_id)
            raise
        self._check(response)
        return self._read(statement_id, response)

    def _wait(self, statement_id: str, response: StatementResponse) -> StatementResponse:
        deadline = time.monotonic() + SECONDS
        while (state := _status(response).state) in (StatementState.PENDING, StatementState.RUNNING):
            if time.monotonic() > deadline:
                waiting = state == StatementState.PENDING
                why = (
                    "is it starting, or is its queue long?"
                    if waiting
                    else "take a larger one, or fewer --rows"
                )
                problem = f"the statement did not end within {SECONDS} seconds and was cancelled"
                raise WorkspaceError(f"warehouse {self._warehouse}: {problem}; {why}")
            time.sleep(1)
            response = self._api.get_statement(statement_id)
        return response

    def _check(self, response: StatementResponse) -> None:
        status = _status(response)
        if status.state != StatementState.SUCCEEDED:
            state = status.state.value if status.state else "the statement has no state"
            said = " ".join((status.error.message or "").split()) if status.error else state
            remedy = "; ask for SELECT on the table" if "PERMISSION" in said.upper() else ""
            raise WorkspaceError(f"warehouse {self._warehouse}: {said[:500]}{remedy}")
        if response.manifest and response.manifest.truncated:
            limit = MAX_BYTES // 1_000_000
            raise WorkspaceError(f"--rows: this sample is larger than {limit} MB; ask for fewer rows")

    def _read(self, statement_id: str, response: StatementResponse) -> pyarrow.Table | None:
        """The chunks of a result in order; none where it has no rows."""
        links = response.result.external_links if response.result else None
        count = response.manifest.total_chunk_count if response.manifest else 0
        tables = []
        for index in range(count or 0):
            found = [link for link in links or () if link.chunk_index == index]
            tables.append(self._fetch(statement_id, index, found[0] if found else None))
        return pyarrow.concat_tables(tables) if tables else None

    def _fetch(self, statement_id: str, index: int, link: ExternalLink | None) -> pyarrow.Table:
        """One chunk. A link that has expired is refused by the storage, and a new one asked for."""
        for _ in range(TRIES):
            link = link or self._new_link(statement_id, index)
            address = link.external_link or ""
            host = urlsplit(address).hostname  # the rest of the link is a secret
            try:
                # The link has its own credential: no header of the workspace's, or of ~/.netrc
                answer = requests.get(
                    address,
                    headers=link.http_headers,
                    auth=lambda request: request,
                    timeout=LINK_SECONDS,
                )
            except requests.RequestException as error:
                refused, link = type(error).__name__, None
                continue
            if answer.ok:
                return pyarrow.ipc.open_stream(answer.content).read_all()
            refused, link = f"HTTP {answer.status_code}", None
        raise WorkspaceError(
            f"{host}: the storage gave chunk {index} in none of {TRIES} tries ({refused}); "
            "does your network let you reach it?"
        )

    def _new_link(self, statement_id: str, index: int) -> ExternalLink:
        links = self._api.get_statement_result_chunk_n(statement_id, index).external_links
        assert links  # since the statement asked for them
        return links[0]


def _status(response: StatementResponse) -> StatementStatus:
    return response.status or StatementStatus()
