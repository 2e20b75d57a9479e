"""Stands in for serverless compute: real Spark and Delta, SQL that open-source Spark lacks, refusals."""
