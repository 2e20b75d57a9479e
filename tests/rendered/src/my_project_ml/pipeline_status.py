# Databricks notebook source
# MAGIC %md
# MAGIC # Status of this run
# MAGIC
# MAGIC The last task of each job. A notebook that ends with `dbutils.notebook.exit("FAILED: ...")` is a
# MAGIC successful task to Databricks. So this notebook reads the status of each task before it, prints it,
# MAGIC and raises if any of them failed: the run then fails, with one reason per failed task. An alert of
# MAGIC monitoring fails the run too, unless `alerts_fail` is `false`.

# COMMAND ----------

import json

# COMMAND ----------

# MAGIC %md
# MAGIC `results` holds a line per task: its key, and the result state that the Jobs service gives it.

# COMMAND ----------

dbutils.widgets.text("repair_count", "0", "How often this run was repaired")
dbutils.widgets.text("alerts_fail", "true", "false if an alert is no failure")

run_id = int(dbutils.widgets.get("run_id"))
alerts_fail = dbutils.widgets.get("alerts_fail") != "false"
is_repaired = dbutils.widgets.get("repair_count") not in ("", "0")
lines = dbutils.widgets.get("results").strip().splitlines()
results = {key.strip(): state.strip() for key, _, state in (line.partition(":") for line in lines)}

# COMMAND ----------


def read_status(task: str, result_state: str) -> str:
    """What a task set as its value `status`; without one, what the Jobs service says of it."""
    if result_state.startswith("{{"):  # a run of some tasks leaves references to the others as they are
        return "NOT RUN: it is no part of this run"
    if result_state in ("excluded", "disabled"):
        return f"NOT RUN: it is {result_state}"
    if result_state != "success":
        return f"FAILED: the task ended as {result_state}"
    try:
        status = dbutils.jobs.taskValues.get(taskKey=task, key="status", default="")
    except Exception as error:
        return f"FAILED: its status cannot be read: {error}"
    return status or "SUCCESS"


statuses = {task: read_status(task, result_state) for task, result_state in results.items()}
failed = {task: status for task, status in statuses.items() if status.startswith("FAILED")}
alerts = {task: status for task, status in statuses.items() if status.startswith("ALERT")}
for task, status in statuses.items():
    print(f"{task:<40} {status}")

# COMMAND ----------

# MAGIC %md
# MAGIC Databricks takes the failed notebooks for successful, so "Repair run" in the UI would run this
# MAGIC notebook alone. A run that was repaired before is repaired again by naming its latest repair.

# COMMAND ----------

if failed:
    again = {"run_id": run_id, "rerun_tasks": [*failed, "pipeline_status"]}
    print("\nTo run the failed tasks again:\n")
    if is_repaired:
        print(f"  databricks jobs get-run {run_id} --include-history  # its repair_history ends with the ID")
        again["latest_repair_id"] = "ID"
    body = json.dumps(again).replace('"ID"', "ID")
    print(f"  databricks jobs repair-run --no-wait --json '{body}'\n")

if counted := failed | alerts if alerts_fail else failed:
    reasons = "; ".join(f"{task}: {status}" for task, status in counted.items())
    ran = [status for status in statuses.values() if not status.startswith("NOT RUN")]
    raised = f"{len(failed)} of {len(ran)} tasks failed"
    raised += f", {len(alerts)} alerted" if alerts_fail and alerts else ""
    raise RuntimeError(f"{raised}. {reasons}")

# COMMAND ----------

status = "SUCCESS"
dbutils.jobs.taskValues.set(key="status", value=status)
dbutils.notebook.exit(status)
