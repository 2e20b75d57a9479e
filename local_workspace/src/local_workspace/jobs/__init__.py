"""Stands in for the Jobs service: order, conditions and loops, retries, timeouts, parameters, results."""
