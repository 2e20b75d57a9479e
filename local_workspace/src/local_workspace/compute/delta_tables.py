"""The server half of Delta Connect: what Delta's own client asks of a table, said in SQL.

Stands for https://docs.delta.io/latest/api/python/spark/index.html on serverless compute, which has that
half; Maven Central has not. What SQL has no words for is refused.
"""

import re

from delta.connect import proto
from delta.connect.plan import DeltaLogicalPlan
from google.protobuf.message import Message
from pyspark.errors import AnalysisException
from pyspark.sql.connect.client import SparkConnectClient
from pyspark.sql.connect.proto import Command, Expression, Relation
from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

SOURCE = "source_of_merge"
NAME_PART = re.compile(r"`((?:[^`]|``)+)`|([^.`]+)")


def serve_delta_tables() -> None:
    """Makes `delta.tables.DeltaTable` work in this process, on any session of Spark Connect."""

    def plan(self: DeltaLogicalPlan, session: SparkConnectClient) -> Relation:
        relation = self._create_proto_relation()
        relation.MergeFrom(answer(self.to_delta_relation(session)))
        return relation

    def command(self: DeltaLogicalPlan, session: SparkConnectClient) -> Command:
        raise _refused(self.to_delta_command(session).WhichOneof("command_type"))

    DeltaLogicalPlan.plan = plan
    DeltaLogicalPlan.command = command


def answer(asked: proto.DeltaRelation) -> Relation:
    """What Spark runs in place of a message that only Delta's server half understands."""
    kind = asked.WhichOneof("relation_type")
    message, statement = getattr(asked, kind), Statement()
    if kind == "scan":
        scan = Relation()
        scan.read.named_table.unparsed_identifier = _name(message.table)
        return scan
    if kind == "describe_history":
        return statement.relation(f"DESCRIBE HISTORY {_name(message.table)}")
    if kind == "describe_detail":
        return statement.relation(f"DESCRIBE DETAIL {_name(message.table)}")
    if kind == "delete_from_table":
        condition = statement.condition(" WHERE", message)
        return statement.relation(f"DELETE FROM {_target(message.target)}{condition}")
    if kind == "update_table":
        values, condition = statement.assignments(message), statement.condition(" WHERE", message)
        return statement.relation(f"UPDATE {_target(message.target)} SET {values}{condition}")
    if kind == "merge_into_table":
        return statement.relation(statement.merge(message), message.source)
    raise _refused(kind)


class Statement:
    """A SQL statement as it is written; `literals` are its parameters, which keep their types."""

    def __init__(self) -> None:
        self.literals: list[Expression] = []

    def relation(self, query: str, source: Relation | None = None) -> Relation:
        """The statement as Spark Connect takes it; `source` is what it calls by the name SOURCE."""
        relation = Relation()
        sql = relation.with_relations.root.sql if source else relation.sql
        sql.query = query
        for number, literal in enumerate(self.literals):
            sql.named_arguments[f"literal_{number}"].CopyFrom(literal)
        if source:
            view = relation.with_relations.references.add().subquery_alias
            view.input.CopyFrom(source)
            view.alias = SOURCE
        return relation

    def merge(self, asked: proto.MergeIntoTable) -> str:
        source = asked.source
        alias = f" AS {_quoted(source.subquery_alias.alias)}" if source.HasField("subquery_alias") else ""
        clauses = [("MATCHED", action) for action in asked.matched_actions]
        clauses += [("NOT MATCHED", action) for action in asked.not_matched_actions]
        clauses += [("NOT MATCHED BY SOURCE", action) for action in asked.not_matched_by_source_actions]
        evolves = "WITH SCHEMA EVOLUTION " if asked.with_schema_evolution else ""
        lines = [
            f"MERGE {evolves}INTO {_target(asked.target)} USING {SOURCE}{alias}{self.condition(' ON', asked)}"
        ]
        for when, action in clauses:
            lines.append(f"WHEN {when}{self.condition(' AND', action)} THEN {self.action(action)}")
        return "\n".join(lines)

    def action(self, asked: proto.MergeIntoTable.Action) -> str:
        kind = asked.WhichOneof("action_type")
        if kind == "update_action":
            return f"UPDATE SET {self.assignments(asked.update_action)}"
        if kind == "insert_action":
            pairs = asked.insert_action.assignments
            names = ", ".join(self.expression(pair.field) for pair in pairs)
            return f"INSERT ({names}) VALUES ({', '.join(self.expression(pair.value) for pair in pairs)})"
        return {
            "update_star_action": "UPDATE SET *",
            "insert_star_action": "INSERT *",
            "delete_action": "DELETE",
        }[kind]

    def assignments(self, asked: Message) -> str:
        pairs = asked.assignments
        return ", ".join(f"{self.expression(pair.field)} = {self.expression(pair.value)}" for pair in pairs)

    def condition(self, word: str, asked: Message) -> str:
        return f"{word} {self.expression(asked.condition)}" if asked.HasField("condition") else ""

    def expression(self, column: Expression) -> str:
        """A column in SQL; its functions and operators by the names that Spark Connect gives them."""
        kind = column.WhichOneof("expr_type")
        asked = getattr(column, kind)
        if kind == "literal":
            self.literals.append(column)
            return f":literal_{len(self.literals) - 1}"
        if kind == "expression_string":
            return f"({asked.expression})"
        if kind == "unresolved_attribute" and not asked.HasField("plan_id"):
            parts = NAME_PART.finditer(asked.unparsed_identifier)
            return ".".join(_quoted((part[1] or part[2]).replace("``", "`")) for part in parts)
        if kind == "unresolved_function" and not asked.is_distinct:
            arguments = ", ".join(self.expression(argument) for argument in asked.arguments)
            return f"{_quoted(asked.function_name)}({arguments})"
        if kind == "cast":
            cast = "TRY_CAST" if asked.eval_mode == Expression.Cast.EVAL_MODE_TRY else "CAST"
            kind_of = asked.type_str or proto_schema_to_pyspark_data_type(asked.type).simpleString()
            return f"{cast}({self.expression(asked.expr)} AS {kind_of})"
        if kind == "alias":
            return self.expression(asked.expr)  # the name of a value does not matter here
        raise AnalysisException(
            f"a DeltaTable takes no column of this kind in the local workspace ({kind}); write it as SQL "
            'text, and name columns by their alias: "source.price * 2" or F.col("source.price") * 2'
        )


def _name(table: proto.DeltaTable) -> str:
    return f"delta.{_quoted(table.path.path)}" if table.HasField("path") else table.table_or_view_name


def _target(relation: Relation) -> str:
    """A table, which may have an alias."""
    if relation.HasField("subquery_alias"):
        aliased = relation.subquery_alias
        return f"{_target(aliased.input)} AS {_quoted(aliased.alias)}"
    name: str = relation.read.named_table.unparsed_identifier
    return name


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _refused(kind: str) -> AnalysisException:
    return AnalysisException(
        f"DeltaTable cannot do {kind} in the local workspace; say it in SQL, by spark.sql"
    )
