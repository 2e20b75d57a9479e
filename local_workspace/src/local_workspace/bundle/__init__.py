"""Stands in for the Databricks CLI: how it reads a bundle."""
