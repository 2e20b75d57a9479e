"""What templates can call beside Jinja's own; `_extensions` in cookiecutter.json names it."""

from jinja2 import Environment
from jinja2.ext import Extension

from hooks import algorithms, answers, clouds, lock, origin, parts, wheel


class BundleExtension(Extension):
    """The answers and what they need, a notebook's parts, the template's origin, the wheel, the lock."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters["parse_models"] = answers.parse_models
        environment.filters["parse_domains"] = answers.parse_domains
        environment.filters["parse_names"] = answers.parse_names
        environment.filters["put_together"] = parts.put_together
        environment.filters["check_answers"] = answers.check_answers
        environment.filters["on_cluster"] = algorithms.on_cluster
        environment.filters["needed_by"] = algorithms.needed_by
        environment.filters["machine"] = clouds.machine
        environment.filters["locked"] = lock.needed
        environment.filters["check_given"] = answers.check_given
        environment.filters["check_folder"] = answers.check_folder
        environment.globals["origin"] = origin
        environment.globals["wheel"] = wheel
