"""The commands: a module for each, with its arguments and its work.

The name of the module is the name of the command, HELP what a list of commands says of it. `add_arguments`
says what it takes; `run` does it and returns the exit code, and imports there what only its work needs, so
that `check` does not wait for Spark's libraries.
"""
