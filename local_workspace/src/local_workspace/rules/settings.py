"""The bundle as a whole: which files are read, and which names its targets know."""

import re
from collections.abc import Iterator

from local_workspace.bundle.substitutions import REFERENCE
from local_workspace.bundle.yaml_files import texts
from local_workspace.rules.bundle_files import BundleFiles


def every_yaml_file_is_found_and_read(bundle: BundleFiles) -> Iterator[str]:
    yield from [*bundle.yaml.problems, *bundle.yaml.unused]
    for path in sorted(bundle.root.glob("resources/**/*.y*ml")):
        name = path.relative_to(bundle.root).as_posix()
        if name not in bundle.yaml.files:
            yield f"{name}:1: no include of databricks.yml matches it, so it is not deployed; add it there"


def every_target_has_a_mode(bundle: BundleFiles) -> Iterator[str]:
    for name, target in bundle.targets.items():
        mode = target.get("mode") or "missing"
        if mode not in ("development", "production"):
            place = bundle.yaml.config.at("targets", name, "mode")
            yield f"{place}: mode of target {name} is {mode}; write mode: development or mode: production"


def every_reference_leads_somewhere(bundle: BundleFiles) -> Iterator[str]:
    """`${var.…}` to a variable, `${resources.…}` to a resource; the CLI knows the others."""
    known: set[tuple[str, ...]] = {("var", name) for name in bundle.yaml.config.section("variables")}
    for scope in bundle.yaml.scopes():
        for kind in scope.section("resources"):
            known |= {("resources", kind, name) for name in scope.section("resources", kind)}
    for content in bundle.yaml.files.values():
        for place, text in texts(content):
            for match in REFERENCE.finditer(text):
                scope, *path = re.findall(r"[^.\[\]]+", match[1])
                name = path[:1] if scope == "var" else path[:2]
                if scope in ("var", "resources") and (scope, *name) not in known:
                    yield f"{place}: {match[0]} is not defined in this bundle; correct the name, or define it"


def every_variable_has_a_value_in_every_target(bundle: BundleFiles) -> Iterator[str]:
    """Or is given from outside, as its description then says."""
    variables = bundle.yaml.config.section("variables")
    for name in variables:
        variable = variables.section(name)
        outside = re.search(rf"\bBUNDLE_VAR_{name}\b", variable.name("description"))
        if outside or {"default", "lookup"} & variable.keys():
            continue
        for target in bundle.targets:
            if name not in bundle.targets[target].section("variables"):
                place = bundle.yaml.config.at("targets", target, "variables")
                yield f"{place}: variable {name} has no value in target {target}; add it, or a default"


def no_experiment_is_defined_in_the_bundle(bundle: BundleFiles) -> Iterator[str]:
    """Its name would get a prefix in dev, so notebooks would write to another experiment."""
    for scope in bundle.yaml.scopes():
        for name in scope.section("resources", "experiments"):
            place = scope.at("resources", "experiments", name)
            problem = f"experiment {name} of the bundle gets a double, [dev user] {name}"
            yield f"{place}: {problem}; remove it, the notebook creates /Shared/{{project}}_ml_{{model_name}}"
