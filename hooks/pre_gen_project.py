"""Check the answers again: those of a replay file, and of Python, may not have been checked yet.

The check is made while cookiecutter renders this file; a refusal stops it there.
"""
# << cookiecutter | refuse_bad_answers >>
