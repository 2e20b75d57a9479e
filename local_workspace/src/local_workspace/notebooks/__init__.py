"""Stands in for a notebook task: its process, its cells, the names it finds, `dbutils`."""
