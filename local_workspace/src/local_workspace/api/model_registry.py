"""Unity Catalog's registered models, and their files, for MLflow's own `databricks-uc` client.

Stands for https://docs.databricks.com/aws/en/machine-learning/manage-model-lifecycle/ and the Files API,
https://docs.databricks.com/api/workspace/files. Models stand in MLflow's SQLite store, so that
`mlflow ui` shows them; their files in `models/`.

Tags are refused by https://docs.databricks.com/aws/en/database-objects/tags#constraints. Versions come as
https://docs.databricks.com/api/workspace/modelversions/list says: at most 100 in a page, in no order, and a
page may be empty though others follow. A registered model and a search name no aliases, as people report
(databricks-sdk-py #868, mlflow #10269); a version and `get_model_version_by_alias` do.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mlflow.entities import model_registry as entities
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from local_workspace.api.request import ApiError, Json, Request, Route

NAME = re.compile(r"[^\s./A-Z]+(\.[^\s./A-Z]+){2}")
MODEL_ID = "local_workspace.model_id"  # a version's tag, since MLflow's SQLite store does not keep it
LOGGED_MODEL = re.compile(r"/models/(m-\w+)/artifacts$")  # the client sends this in place of the model's id
PAGE = 100  # versions, at most
MAX_TAGS = 50
FILTER = re.compile(r"name\s*=\s*'[^']+'")


class Registry:
    """Models stand in MLflow's store, their files in a folder."""

    def __init__(self, store_uri: str, files: Path):
        self.store = SqlAlchemyStore(store_uri)
        self.files = files

    def file(self, path: str) -> Path:
        """Where `/Models/catalog/schema/model/version/...` is kept."""
        found = (self.files / path.removeprefix("/Models/")).resolve()
        if not found.is_relative_to(self.files.resolve()):
            raise ApiError(400, "INVALID_PARAMETER_VALUE", f"{path} is outside of /Models")
        return found


def _answers(function: Callable[[SqlAlchemyStore, Json], Json]) -> Callable[[Request], Json]:
    """A route's answer; the store's errors become the API's."""

    def answer(request: Request) -> Json:
        try:
            return function(request.services.registry.store, request.asked)
        except MlflowException as error:
            raise ApiError(error.get_http_status_code(), error.error_code, error.message) from None

    return answer


def _create_model(request: Request) -> Json:
    name = request.asked["name"]
    if not NAME.fullmatch(name):
        message = (
            f"Bad Request: {name!r} is not a valid name for a model in Unity Catalog. "
            "Please specify the full name <catalog>.<schema>.<model>, in lower case"
        )
        raise ApiError(400, "INVALID_PARAMETER_VALUE", message)
    schema = name.rpartition(".")[0]
    if not request.services.spark.catalog.databaseExists(schema):
        raise ApiError(404, "SCHEMA_DOES_NOT_EXIST", f"Schema '{schema}' does not exist.")
    return _create_model_of_schema(request)


@_answers
def _create_model_of_schema(store: SqlAlchemyStore, asked: Json) -> Json:
    name = asked["name"]
    tags = [entities.RegisteredModelTag(*_tag(tag)) for tag in asked.get("tags", [])]
    return {"registered_model": _model(store.create_registered_model(name, tags, asked.get("description")))}


@_answers
def _get_model(store: SqlAlchemyStore, asked: Json) -> Json:
    return {"registered_model": _model(store.get_registered_model(asked["name"]))}


@_answers
def _search_models(store: SqlAlchemyStore, asked: Json) -> Json:
    found = store.search_registered_models(
        max_results=int(asked.get("max_results", 100)), page_token=asked.get("page_token")
    )
    return {"registered_models": [_model(model) for model in found], "next_page_token": found.token or ""}


@_answers
def _delete_model(store: SqlAlchemyStore, asked: Json) -> Json:
    store.delete_registered_model(asked["name"])
    return {}


@_answers
def _create_version(store: SqlAlchemyStore, asked: Json) -> Json:
    tags = [entities.ModelVersionTag(*_tag(tag)) for tag in asked.get("tags", [])]
    logged = LOGGED_MODEL.search(asked["source"])
    if model_id := asked.get("model_id") or (logged and logged[1]):
        tags.append(entities.ModelVersionTag(MODEL_ID, model_id))
    version = store.create_model_version(
        asked["name"],
        asked["source"],
        run_id=asked.get("run_id"),
        tags=tags,
        description=asked.get("description"),
        model_id=asked.get("model_id"),
    )
    return {"model_version": _version(version)}


@_answers
def _get_version(store: SqlAlchemyStore, asked: Json) -> Json:
    return {"model_version": _version(store.get_model_version(asked["name"], asked["version"]))}


@_answers
def _update_version(store: SqlAlchemyStore, asked: Json) -> Json:
    version = store.update_model_version(asked["name"], asked["version"], asked.get("description"))
    return {"model_version": _version(version)}


@_answers
def _search_versions(store: SqlAlchemyStore, asked: Json) -> Json:
    wanted = asked.get("filter", "").strip()
    if not FILTER.fullmatch(wanted):
        unsupported = f"Unsupported filter query : `{wanted}`. Please specify your"
        message = unsupported if wanted else "Missing filter: please specify a"
        message += " filter parameter in the format `name = 'model_name'`."
        raise ApiError(400, "INVALID_PARAMETER_VALUE", message)
    found = sorted(_all_versions(store, wanted), key=_in_no_order)
    start, is_full = map(int, (asked.get("page_token") or "0 1").split())
    size = min(int(asked.get("max_results") or PAGE), PAGE)
    end = start + size if is_full else start
    token = f"{end} {1 - is_full}" if end < len(found) else ""  # after a full page, one that is empty
    page = [_version(version) | {"aliases": []} for version in found[start:end]]
    return {"model_versions": page, "next_page_token": token}


def _all_versions(store: SqlAlchemyStore, wanted: str) -> list[entities.ModelVersion]:
    found, token = [], None
    while True:
        page = store.search_model_versions(wanted, max_results=1000, page_token=token)
        found += page
        if not (token := page.token):
            return found


def _in_no_order(version: entities.ModelVersion) -> str:
    return hashlib.sha256(f"{version.name} {version.version}".encode()).hexdigest()


@_answers
def _delete_version(store: SqlAlchemyStore, asked: Json) -> Json:
    store.delete_model_version(asked["name"], asked["version"])
    return {}


@_answers
def _set_alias(store: SqlAlchemyStore, asked: Json) -> Json:
    store.set_registered_model_alias(asked["name"], asked["alias"], asked["version"])
    return {}


@_answers
def _delete_alias(store: SqlAlchemyStore, asked: Json) -> Json:
    store.delete_registered_model_alias(asked["name"], asked["alias"])
    return {}


def _set_alias_by_path(request: Request) -> Json:
    name, alias = request.names
    version = request.asked["version_num"]
    asked = {"name": name, "alias": alias, "version": str(version)}
    _set_alias(replace(request, asked=asked))
    return {"alias_name": alias, "version_num": version}


def _delete_alias_by_path(request: Request) -> Json:
    name, alias = request.names
    return _delete_alias(replace(request, asked={"name": name, "alias": alias}))


@_answers
def _get_version_by_alias(store: SqlAlchemyStore, asked: Json) -> Json:
    return {"model_version": _version(store.get_model_version_by_alias(asked["name"], asked["alias"]))}


@_answers
def _set_model_tag(store: SqlAlchemyStore, asked: Json) -> Json:
    _check_count(store.get_registered_model(asked["name"]).tags, asked["key"])
    store.set_registered_model_tag(asked["name"], entities.RegisteredModelTag(*_tag(asked)))
    return {}


@_answers
def _set_version_tag(store: SqlAlchemyStore, asked: Json) -> Json:
    _check_count(store.get_model_version(asked["name"], asked["version"]).tags, asked["key"])
    store.set_model_version_tag(asked["name"], asked["version"], entities.ModelVersionTag(*_tag(asked)))
    return {}


def _tag(asked: Json) -> tuple[str, str]:
    """A tag's key and value; raises where Unity Catalog refuses one of them."""
    key, value = str(asked["key"]), str(asked.get("value") or "")
    problem = ""
    if not key or len(key) > 255:
        problem = "a tag key has 1 to 255 characters"
    elif len(value) > 1000:
        problem = f"a tag value has at most 1000 characters, not {len(value)}"
    elif found := set(key) & set(".,-=/:"):
        problem = f"a tag key has none of . , - = / :, but this one has {' '.join(sorted(found))}"
    elif key != key.strip() or value != value.strip():
        problem = "a tag key or value has no space at its begin or end"
    if problem:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Tag {key!r} is refused: {problem}")
    return key, value


def _check_count(tags: dict[str, str], key: str) -> None:
    if key not in tags and len(tags.keys() - {MODEL_ID}) >= MAX_TAGS:
        message = f"Tag {key!r} is refused: an object has at most {MAX_TAGS} tags"
        raise ApiError(400, "INVALID_PARAMETER_VALUE", message)


def _model(model: entities.RegisteredModel) -> Json:
    return {
        "name": model.name,
        "creation_timestamp": model.creation_timestamp,
        "last_updated_timestamp": model.last_updated_timestamp,
        "description": model.description or "",
        "tags": [{"key": key, "value": value} for key, value in model.tags.items()],
    }


def _version(version: entities.ModelVersion) -> Json:
    tags = dict(version.tags)
    return {
        "name": version.name,
        "version": str(version.version),
        "creation_timestamp": version.creation_timestamp,
        "last_updated_timestamp": version.last_updated_timestamp,
        "description": version.description or "",
        "source": version.source,
        "run_id": version.run_id or "",
        "status": version.status,
        "aliases": [{"alias": alias, "version": str(version.version)} for alias in version.aliases],
        "model_id": tags.pop(MODEL_ID, ""),
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }


def _emit_lineage(request: Request) -> Json:
    return {}


def _uses_files_api(request: Request) -> Json:
    return {"is_databricks_sdk_models_artifact_repository_enabled": True}


def _upload(request: Request) -> Json:
    path = request.services.registry.file(request.names[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(request.body)
    return {}


def _download(request: Request) -> bytes:
    path: Path = request.services.registry.file(request.names[0])
    if not path.is_file():
        raise ApiError(404, "NOT_FOUND", f"The file being accessed is not found: {request.names[0]}")
    return path.read_bytes()


def _list_directory(request: Request) -> Json:
    name = request.names[0].rstrip("/")
    folder = request.services.registry.file(name)
    if not folder.is_dir():
        raise ApiError(404, "NOT_FOUND", f"The directory being accessed is not found: {name}")
    contents = [
        {
            "path": f"{name}/{entry.name}",
            "name": entry.name,
            "is_directory": entry.is_dir(),
            "file_size": 0 if entry.is_dir() else entry.stat().st_size,
        }
        for entry in sorted(folder.iterdir())
    ]
    return {"contents": contents}


_UC = r"/api/2\.0/mlflow/unity-catalog"
_ALIAS = r"/api/2\.1/unity-catalog/models/([^/]+)/aliases/([^/]+)"  # `databricks registered-models`
_FILES = r"/api/2\.0/fs/files(/Models/.+)"
_DIRECTORIES = r"/api/2\.0/fs/directories(/Models/.+)"

ROUTES: list[Route] = [
    ("POST", rf"{_UC}/registered-models/create", _create_model),
    ("GET", rf"{_UC}/registered-models/get", _get_model),
    ("GET", rf"{_UC}/registered-models/search", _search_models),
    ("DELETE", rf"{_UC}/registered-models/delete", _delete_model),
    ("POST", rf"{_UC}/registered-models/set-tag", _set_model_tag),
    ("POST", rf"{_UC}/registered-models/alias", _set_alias),
    ("DELETE", rf"{_UC}/registered-models/alias", _delete_alias),
    ("GET", rf"{_UC}/registered-models/alias", _get_version_by_alias),
    ("PUT", _ALIAS, _set_alias_by_path),
    ("DELETE", _ALIAS, _delete_alias_by_path),
    ("POST", rf"{_UC}/model-versions/create", _create_version),
    ("POST", rf"{_UC}/model-versions/finalize", _get_version),
    ("POST", rf"{_UC}/model-versions/emit-lineage", _emit_lineage),
    ("GET", rf"{_UC}/model-versions/get", _get_version),
    ("PATCH", rf"{_UC}/model-versions/update", _update_version),
    ("GET", rf"{_UC}/model-versions/search", _search_versions),
    ("DELETE", rf"{_UC}/model-versions/delete", _delete_version),
    ("POST", rf"{_UC}/model-versions/set-tag", _set_version_tag),
    ("GET", rf"{_UC}/registered-models:is-databricks-sdk-\S+-repository-enabled", _uses_files_api),
    ("PUT", _FILES, _upload),
    ("GET", _FILES, _download),
    ("HEAD", _DIRECTORIES, _list_directory),
    ("GET", _DIRECTORIES, _list_directory),
]
