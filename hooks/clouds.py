"""The cloud of a workspace, which its host tells."""

from collections.abc import Sequence

MACHINES = {  # what the hosts of a cloud end with; a machine there with 4 cores
    ".cloud.databricks.com": "i3.xlarge",
    ".cloud.databricks.us": "i3.xlarge",
    ".cloud.databricks.mil": "i3.xlarge",
    ".azuredatabricks.net": "Standard_D4ds_v5",
    ".databricks.azure.cn": "Standard_D4ds_v5",
    ".databricks.azure.us": "Standard_D4ds_v5",
    ".gcp.databricks.com": "n2-highmem-4",
}


def machine(hosts: Sequence[str]) -> str:
    """A machine that the cloud of these hosts has; empty if no host tells, or they have several clouds."""
    found = {next((name for end, name in MACHINES.items() if host.endswith(end)), "") for host in hosts}
    return found.pop() if len(found) == 1 else ""
