# Databricks notebook source
# Lets Spark do once what most tasks do, so that the first command through `up` is as quick as the next.
folder = dbutils.widgets.get("folder")

# COMMAND ----------

table = f"delta.`{folder}/warm`"
spark.range(2).selectExpr("id", "id * 0.5 AS value").write.format("delta").save(f"{folder}/warm")
counts = f"SELECT id, count(*) * 1.0 AS value FROM {table} GROUP BY id"
spark.sql(
    f"MERGE INTO {table} t USING ({counts}) s ON t.id = s.id "
    "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
)
spark.sql(f"DESCRIBE DETAIL {table}").collect()
spark.sql(f"DESCRIBE HISTORY {table} LIMIT 1").collect()
spark.sql(f"SELECT count(*) FROM {table}").toPandas()
