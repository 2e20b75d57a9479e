"""Stands in for the workspace's HTTP APIs, which the real clients call."""
