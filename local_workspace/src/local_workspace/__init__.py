"""Stands in for a Databricks workspace on a laptop and in CI; never deployed. README.md says how."""
