"""Unity Catalog's model registry gives its versions as the service documents it."""

from types import SimpleNamespace

import pytest
from local_workspace.api.model_registry import ROUTES, Registry
from local_workspace.api.request import Request

NAME = "main.ml.churn"
VERSIONS = 230


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """One page of a model's versions, as the API answers."""
    folder = tmp_path_factory.mktemp("registry")
    registry = Registry(f"sqlite:///{folder}/mlflow.db", folder)
    registry.store.create_registered_model(NAME)
    for _ in range(VERSIONS):
        registry.store.create_model_version(NAME, "/models/m", "run")
    (found,) = [answer for _, path, answer in ROUTES if path.endswith("model-versions/search")]

    def search(**asked):
        asked = {"filter": f"name='{NAME}'"} | asked
        return found(Request(SimpleNamespace(registry=registry), (), asked, b""))

    return search


def test_versions_come_in_pages_in_no_order_and_a_page_may_be_empty(search):
    pages, token = [], None
    while token != "":
        page = search(page_token=token, max_results="10000")
        pages.append([int(version["version"]) for version in page["model_versions"]])
        token = page["next_page_token"]

    assert [len(page) for page in pages] == [100, 0, 100, 0, 30]
    found = [version for page in pages for version in page]
    assert found != sorted(found) and found != sorted(found, reverse=True)
    assert sorted(found) == list(range(1, VERSIONS + 1))


def test_a_page_has_no_more_versions_than_asked_for(search):
    assert len(search(max_results="7")["model_versions"]) == 7
