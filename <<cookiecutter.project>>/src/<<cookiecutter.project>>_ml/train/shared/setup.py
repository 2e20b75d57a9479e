# MAGIC The version of `{catalog}.{feature_schema}.<< model.name >>` with the alias `champion` scores. Safe to run
# MAGIC again: each run adds a run and a version.

# COMMAND ----------

import logging
import re
import traceback
import warnings
from datetime import datetime
from importlib.metadata import PackageNotFoundError, distribution

import mlflow
import numpy as np
import pandas as pd
from databricks.feature_engineering import FeatureEngineeringClient, FeatureLookup
from databricks.feature_engineering.training_set import TrainingSet
from matplotlib.figure import Figure
from mlflow.exceptions import MlflowException
from mlflow.types.schema import ColSpec, DataType, Schema
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.base import BaseEstimator

mlflow.set_registry_uri("databricks-uc")
mlflow.autolog(disable=True)
# What these warn of is always so: Spark Connect has no RDD, and the raw model has the input example.
for noisy in ("mlflow.data.spark_dataset", "mlflow.tracking._model_registry.fluent"):
    logging.getLogger(noisy).setLevel(logging.ERROR)
warnings.filterwarnings("ignore", ".*(An input example was not provided|contains integer column)")

# The job gives the parameters. Fill them in above when you open this notebook by hand.
dbutils.widgets.text("catalog", "", "Catalog")
dbutils.widgets.text("gold_schema", "", "Schema of the gold tables")
dbutils.widgets.text("feature_schema", "", "Schema of features, models and predictions")
dbutils.widgets.text("project", "", "Project, which names the experiment")
dbutils.widgets.text("model_name", "", "Name of the model, as registered")
dbutils.widgets.text("features_status", "", "How the refresh of the features ended; empty by hand")
dbutils.widgets.text("approval", "automatic", "Who names the champion: automatic, or manual")
dbutils.widgets.text("promotion_margin", "0.01", "Share of what is left to win that a new champion wins")
dbutils.widgets.text("git_commit", "", "The commit that was deployed")

# COMMAND ----------

# DBTITLE 1,Yours to change
DOMAIN = "<< model.domain >>"
KEY = "<< model.domain >>_id"  # the primary key of the feature table
