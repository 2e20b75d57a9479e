"""A person's own tables: imported from files, or sampled from a workspace. No part of Databricks."""
