"""Stands in for a Databricks workspace on a laptop and in CI; never deployed.

Each module stands for one real thing and names it:

    bundle          databricks.yml and its resources, as the Databricks CLI reads them
    yaml_files      the places in YAML that the CLI names
    jobs            the Jobs service: tasks in order, run_if, parameters, task values
    notebook        one task's Python process
    preload         what that process is forked with
    references      the `{{...}}` in a task's parameters
    dbutils         the `dbutils` of a notebook
    serverless      a serverless Spark session, with what it refuses
    databricks_sql  the SQL statements that open-source Spark does not have
    delta_tables    `delta.tables.DeltaTable` on Spark Connect
    rest_api        the workspace's HTTP server
    unity_catalog   Unity Catalog's REST API: tables, primary keys, tags
    model_registry  Unity Catalog's REST API: registered models, and their files
    feature_store   the feature store's REST API
    spark_server    the Spark Connect server, with Delta
    workspace       starts and stops all of it; where its state lives
    report          what the terminal shows
    check           `databricks bundle validate`, for what that passes
    rules           what `check` refuses, a module for each subject
    bundle_files    what `bundle deploy` sends: jobs of all targets, notebooks; read by the rules
    notebook_files  a notebook's source
"""
