"""Starts Spark, the services and processes, finds those that run, ends them, and keeps their state."""
