"""Table names as on Databricks, `dev.gold.sales`, said as the local catalog has them."""

import re
from pathlib import Path

from local_workspace.bundle.bundle import CATALOG, Bundle
from local_workspace.bundle.yaml_files import YamlFiles

SCHEMAS = ("gold_schema", "feature_schema")  # variables of the bundle
TEXT_OR_COMMENT = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|--[^\n]*|/\*.*?\*/"""


def to_local(statement: str, root: Path) -> str:
    """The statement with each `catalog.schema` of a target as the local one; other names stay.

    A schema may be named as the target has it, `dev_local_gold`, or without a developer's prefix, `gold`.
    """
    local = _schemas(root)
    names = "|".join(r"\s*\.\s*".join(f"`?{re.escape(part)}`?" for part in name) for name in local)
    pattern = rf"{TEXT_OR_COMMENT}|(?<![\w.`])(?P<name>{names})(?!\w)"

    def replace(match: re.Match[str]) -> str:
        if not match["name"]:
            return match[0]
        catalog, schema = re.sub(r"[`\s]", "", match["name"]).lower().split(".")
        return f"{CATALOG}.{local[catalog, schema]}"

    return re.sub(pattern, replace, statement, flags=re.IGNORECASE | re.DOTALL) if local else statement


def _schemas(root: Path) -> dict[tuple[str, str], str]:
    """The schema here of each (catalog, schema) there; where targets share a catalog, true names win."""
    yaml = YamlFiles(root)
    short: dict[tuple[str, str], str] = {}
    true: dict[tuple[str, str], str] = {}
    for target in yaml.config.section("targets"):
        bundle = Bundle(root, target, yaml, lenient=True)
        for variable in SCHEMAS:
            catalog, schema = (str(bundle.resolve(f"${{var.{name}}}")) for name in ("catalog", variable))
            default = yaml.config.section("variables", variable).name("default")
            short.setdefault((catalog.lower(), default.lower()), schema)
            true[catalog.lower(), schema.lower()] = schema
    return short | true
