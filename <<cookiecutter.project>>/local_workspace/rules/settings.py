"""The bundle as a whole: which files are read, and which names its targets know."""

import re
from collections.abc import Iterator

from local_workspace.bundle import REFERENCE
from local_workspace.bundle_files import BundleFiles
from local_workspace.yaml_files import texts


def every_yaml_file_is_found_and_read(bundle: BundleFiles) -> Iterator[str]:
    yield from bundle.yaml.problems


def every_resource_file_is_included(bundle: BundleFiles) -> Iterator[str]:
    for path in sorted(bundle.root.glob("resources/**/*.y*ml")):
        name = path.relative_to(bundle.root).as_posix()
        if name not in bundle.yaml.files:
            yield f"{name}:1: no include of databricks.yml matches it, so it is not deployed; add it there"


def every_target_has_a_mode(bundle: BundleFiles) -> Iterator[str]:
    for name, target in bundle.targets.items():
        mode = target.get("mode") or "missing"
        if mode not in ("development", "production"):
            yield (
                f"{bundle.yaml.config.at('targets', name, 'mode')}: mode of target {name} is {mode}; "
                "write mode: development or mode: production"
            )


def every_reference_leads_somewhere(bundle: BundleFiles) -> Iterator[str]:
    """`${var.…}` to a variable, `${resources.…}` to a resource; the CLI knows the others."""
    variables = bundle.yaml.config.section("variables")
    resources = {
        (kind, key)
        for scope in bundle.yaml.scopes()
        for kind in scope.section("resources")
        for key in scope.section("resources", kind)
    }
    for content in bundle.yaml.files.values():
        for place, text in texts(content):
            for match in REFERENCE.finditer(text):
                scope, *path = match[1].split(".")
                if scope == "var" and path[0] not in variables:
                    yield (
                        f"{place}: {match[0]} is not defined; correct the name, "
                        "or declare it under variables in databricks.yml"
                    )
                if scope == "resources" and tuple(path[:2]) not in resources:
                    yield f"{place}: {match[0]} is no resource of this bundle; correct the name"


def every_variable_has_a_value_in_every_target(bundle: BundleFiles) -> Iterator[str]:
    """Or is given from outside, as its description then says."""
    variables = bundle.yaml.config.section("variables")
    for name in variables:
        variable = variables.section(name)
        outside = f"BUNDLE_VAR_{name}" in re.findall(r"\w+", str(variable.get("description")))
        if outside or "default" in variable or "lookup" in variable:
            continue
        for target, settings in bundle.targets.items():
            if name not in settings.section("variables"):
                yield (
                    f"{bundle.yaml.config.at('targets', target, 'variables')}: variable {name} has no value "
                    f"in target {target} and no default; give it one of the two"
                )


def no_experiment_is_defined_in_the_bundle(bundle: BundleFiles) -> Iterator[str]:
    """Its name would get a prefix in dev, so notebooks would write to another experiment."""
    for scope in bundle.yaml.scopes():
        for name in scope.section("resources", "experiments"):
            yield (
                f"{scope.at('resources', 'experiments', name)}: experiment {name} is defined in the bundle, "
                f"which doubles it as [dev user] {name}; "
                "remove it, the notebook creates /Shared/{project}_ml_{model_name}"
            )


RULES = (
    every_yaml_file_is_found_and_read,
    every_resource_file_is_included,
    every_target_has_a_mode,
    every_reference_leads_somewhere,
    every_variable_has_a_value_in_every_target,
    no_experiment_is_defined_in_the_bundle,
)
