"""Imports a sample of a domain's gold table from a Databricks workspace, by your own profile and rights."""

import argparse
import logging
import os
from pathlib import Path

import pyarrow
import pyarrow.parquet
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors import DatabricksError, NotFound, PermissionDenied, Unauthenticated
from databricks.sdk.service.iam import User
from databricks.sdk.service.sql import EndpointInfo

from local_workspace.bundle.bundle import Bundle
from local_workspace.bundle.substitutions import USER
from local_workspace.errors import WorkspaceError
from local_workspace.own_tables.domains import TIME, find_domain
from local_workspace.own_tables.import_table import import_table, refuse_existing
from local_workspace.own_tables.sample_query import choose, select
from local_workspace.own_tables.statements import Statements
from local_workspace.workspace import state

FOLDER = "samples"  # in the state, which git ignores and its owner alone can read
RETRY_SECONDS = 30  # that a workspace may not answer, or be busy


def sample(root: Path, asked: argparse.Namespace) -> int:
    """Writes the sample to a Parquet file in the state, and imports it; returns the exit code of that."""
    if any(os.environ.get(name) for name in ("CI", "TF_BUILD")):
        raise WorkspaceError("sample: CI gets no sample of your tables; run this on your own machine")
    if asked.rows < 1:
        raise WorkspaceError(f"--rows: {asked.rows} is no number of rows; ask for 1 or more")
    refuse_existing(root, find_domain(Bundle(root, "dev"), asked.domain), asked.replace)
    bundle = Bundle(root, asked.target, lenient=True, user=USER)
    client = _connect(str(bundle.resolve("${workspace.host}")), asked.profile)
    try:
        found = _fetch(root, client, asked)
    except PermissionDenied as error:
        raise WorkspaceError(f"{client.config.host}: {_said(error)}; ask for the right") from None
    except DatabricksError as error:
        raise WorkspaceError(f"{client.config.host}: {_said(error)}") from None
    except (requests.RequestException, TimeoutError) as error:
        problem = f"does not answer ({type(error).__name__})"
        raise WorkspaceError(
            f"{client.config.host} {problem}; is it right, and does your network reach it?"
        ) from None
    file = _write(found, root / state.NAME / FOLDER / f"{asked.domain}.parquet")
    return import_table(root, asked.domain, [file], asked.replace)


def _connect(host: str, profile: str | None) -> WorkspaceClient:
    """A client with the user's login for the target's workspace; raises where it is of another one."""
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    login = f"databricks auth login --host {host}{f' --profile {profile}' if profile else ''}"
    try:
        client = WorkspaceClient(config=Config(profile=profile, retry_timeout_seconds=RETRY_SECONDS))
    except ValueError as error:
        said = str(error).partition(" Config:")[0].removeprefix("resolve: ").rstrip(".")
        raise WorkspaceError(f"--profile: {said}; log in by {login}") from None
    theirs = (client.config.host or "").rstrip("/")
    if theirs != host.rstrip("/"):
        name = client.config.profile or "DEFAULT"
        raise WorkspaceError(f"--profile: {name} is of {theirs}, the target of {host}; log in by {login}")
    return client


def _fetch(root: Path, client: WorkspaceClient, asked: argparse.Namespace) -> pyarrow.Table:
    try:
        user = {"userName": "", "short_name": short_name(client.current_user.me())}
    except (Unauthenticated, PermissionDenied) as error:
        name = asked.profile or client.config.profile or "DEFAULT"
        raise WorkspaceError(
            f"{client.config.host} does not take the login of profile {name}, {_said(error)}; log in anew"
        ) from None
    domain = find_domain(Bundle(root, asked.target, lenient=True, user=user), asked.domain)
    warehouse = _warehouse(client, asked.warehouse or client.config.warehouse_id)
    types = _types(client, domain.gold_table)
    for name in (*asked.hash, *asked.also):
        if name not in types:
            raise WorkspaceError(f"--hash, --also: {domain.gold_table} has no column {name}; correct it")
        if name in asked.hash and name in (*domain.labels, TIME):
            raise WorkspaceError(f"--hash: models learn by {name}, which a hash makes useless; leave it out")
    if domain.keys[0] not in types:
        raise WorkspaceError(f"{domain.gold_table} has no column {domain.keys[0]}; make it the key")
    statements = Statements(client, warehouse)
    columns, total = choose(statements, domain, types, asked.also)
    behind = [name for name in types if name not in columns]
    print(f"{domain.gold_table} has {total:,} rows. Columns that stay there: {', '.join(behind) or 'none'}")
    statement, parameters = select(domain, columns, asked.hash, asked.rows / max(total, 1))
    found = statements.run(statement, parameters)
    if found is None or not found.num_rows:
        raise WorkspaceError(f"{domain.gold_table}: no row was drawn; ask for more --rows, or fill the table")
    print(f"{found.num_rows:,} rows of {len(columns)} columns are taken.", flush=True)
    return found


def short_name(user: User) -> str:
    """A user's name in the names of dev: https://docs.databricks.com/aws/en/dev-tools/bundles/variables"""
    local = (user.user_name or "").partition("@")[0].lower()
    return "".join(letter if letter.isalnum() else "_" for letter in local)


def _warehouse(client: WorkspaceClient, asked: str | None) -> str:
    usable = {warehouse.id: _named(warehouse) for warehouse in client.warehouses.list()}
    if asked and asked in usable:
        return asked
    known = ", ".join(usable.values())
    remedy = f"name one of {known}" if known else "you can use none; ask for CAN USE on one"
    problem = f"there is no {asked} for you" if asked else "none is given"
    raise WorkspaceError(f"--warehouse: {problem} in {client.config.host}; {remedy}")


def _named(warehouse: EndpointInfo) -> str:
    return f"{warehouse.id} ({warehouse.name})"


def _types(client: WorkspaceClient, table: str) -> dict[str, str]:
    """The columns of a table, with the names that Unity Catalog has for their types."""
    try:
        found = client.tables.get(table)
    except NotFound as error:
        raise WorkspaceError(f"{table}: {_said(error)}; correct --target, or ask for SELECT on it") from None
    except PermissionDenied as error:
        raise WorkspaceError(f"{table}: {_said(error)}; ask for SELECT on it") from None
    return {
        column.name: column.type_name.value if column.type_name else "of a type unknown here"
        for column in found.columns or ()
        if column.name
    }


def _write(table: pyarrow.Table, file: Path) -> Path:
    """Writes the file, which its owner alone can read, at once or not at all."""
    mask = os.umask(0o077)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        pyarrow.parquet.write_table(table, part)
        part.replace(file)
    finally:
        os.umask(mask)
    return file


def _said(error: DatabricksError) -> str:
    return " ".join(str(error).partition(" Config:")[0].split()).rstrip(".")[:500]
