"""What the hosts of the workspaces decide: where each target goes, and the machines of a cluster."""

import pytest
import yaml

SPARK = "sales/late:classification:spark_xgboost"
AWS, AZURE, GCP = "i3.xlarge", "Standard_D4ds_v5", "n2-highmem-4"


def variables(bundle):
    return yaml.safe_load((bundle / "resources/ml/ml_environment.yml").read_text())["variables"]


@pytest.mark.parametrize(
    ("host", "machine"),
    [
        ("https://example.cloud.databricks.com", AWS),
        ("https://example.cloud.databricks.us", AWS),
        ("https://adb-1.2.azuredatabricks.net", AZURE),
        ("https://adb-1.2.databricks.azure.cn", AZURE),
        ("https://adb-1.2.databricks.azure.us", AZURE),
        ("https://1.2.gcp.databricks.com", GCP),
        ("https://databricks.example.com", None),
        ("https://databricks.azure.us.example.com", None),
    ],
)
def test_the_machine_is_one_of_the_hosts_cloud_or_asked_for(bake, host, machine):
    bundle = bake(models=SPARK, workspace_host=host)
    assert variables(bundle)["spark_node_type"].get("default") == machine
    asked = "So first give `spark_node_type`" in (bundle / "README.md").read_text()
    assert asked == (machine is None)


def test_the_machine_is_asked_for_where_targets_are_in_several_clouds(bake):
    bundle = bake(models=SPARK, prod_host="https://adb-1.2.azuredatabricks.net")
    assert "default" not in variables(bundle)["spark_node_type"]


def test_each_target_has_its_host(bake):
    hosts = {
        "dev": "https://a.example.com",
        "staging": "https://b.example.com",
        "prod": "https://c.example.com",
    }
    asked = {"workspace_host": hosts["dev"], "staging_host": hosts["staging"], "prod_host": hosts["prod"]}
    targets = yaml.safe_load((bake(**asked) / "databricks.yml").read_text())["targets"]
    assert {name: target["workspace"]["host"] for name, target in targets.items()} == hosts


def test_staging_and_prod_are_where_dev_is_if_nothing_else_is_said(bake):
    targets = yaml.safe_load((bake(workspace_host="https://a.example.com") / "databricks.yml").read_text())[
        "targets"
    ]
    assert {target["workspace"]["host"] for target in targets.values()} == {"https://a.example.com"}


def test_a_group_sees_the_runs_of_staging_and_prod_and_the_principal_manages_them(bake):
    config = yaml.safe_load((bake() / "databricks.yml").read_text())
    expected = [
        {"level": "CAN_VIEW", "group_name": "${var.viewers}"},
        {"level": "CAN_MANAGE", "service_principal_name": "${var.service_principal}"},
    ]
    assert config["variables"]["viewers"]["default"] == "users"
    assert [config["targets"][name].get("permissions") for name in ("dev", "staging", "prod")] == [
        None,
        expected,
        expected,
    ]
    assert config["presets"]["tags"] == {"project": "my_project", "target": "${bundle.target}"}
