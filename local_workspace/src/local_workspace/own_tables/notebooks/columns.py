# Databricks notebook source
"""Exits with the names of a table's columns."""

import json

dbutils.notebook.exit(json.dumps(spark.table(dbutils.widgets.get("table")).columns))
