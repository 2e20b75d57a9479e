# Databricks notebook source
# Lets Spark do once what most tasks do, so that the first command through `up` is as quick as the next.
from pyspark.sql import functions as F

folder = dbutils.widgets.get("folder")

# COMMAND ----------

table = f"delta.`{folder}/warm`"
spark.range(2).selectExpr("id", "id * 0.5 AS value").write.format("delta").save(f"{folder}/warm")
counts = f"SELECT id, count(*) * 1.0 AS value FROM {table} GROUP BY id"
spark.sql(
    f"MERGE INTO {table} t USING ({counts}) s ON t.id = s.id "
    "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
)

# COMMAND ----------

# What `sql` and a training begin with, for this table and for one of each schema that has any.
tables = [table]
for schema in [row.namespace for row in spark.sql("SHOW SCHEMAS").collect()]:
    spark.sql(f"DESCRIBE SCHEMA {schema}").collect()
    tables += [f"{schema}.{row.tableName}" for row in spark.sql(f"SHOW TABLES IN {schema}").collect()][:1]
for name in tables:
    spark.sql(f"SELECT count(*) FROM {name}").show()
    spark.sql(f"DESCRIBE DETAIL {name}").collect()
    newest = spark.sql(f"DESCRIBE HISTORY {name} LIMIT 1").first()
    rows = spark.sql(f"SELECT * FROM {name} VERSION AS OF {newest.version} LIMIT 1000")
    key = F.col(rows.columns[0])
    middle = rows.agg(F.count("*"), F.percentile_approx(F.xxhash64(key), 0.5).cast("string")).first()
    found = rows.where(F.xxhash64(key) > middle[1]).withColumn("_held_out", F.pmod(F.hash(key), F.lit(2)))
    found.join(rows, rows.columns[0]).toPandas()
