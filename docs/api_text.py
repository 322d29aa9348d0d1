"""Text of the API page besides docstrings: signatures as in the source, and a table of each configuration's settings."""

import ast
import inspect
import textwrap
from typing import Any

from ddnmf_core.config import Config


def signature(
    app: Any, what: str, name: str, obj: Any, options: Any, text: str, returned: str
) -> tuple[str, str | None] | None:
    """Return a function's signature with the types of its source; a configuration's fields are in its table instead."""
    if what == "class" and issubclass(obj, Config):
        return "(**settings)", None
    if what not in ("function", "method") or not obj.__module__.startswith("ddnmf_core"):
        return None
    node = ast.parse(textwrap.dedent(inspect.getsource(obj))).body[0]
    assert isinstance(node, ast.FunctionDef)
    if what == "method" and not any(ast.unparse(decorator) == "staticmethod" for decorator in node.decorator_list):
        node.args.args.pop(0)  # self or cls
    for argument in [*node.args.args, *node.args.kwonlyargs]:
        argument.annotation = unquoted(argument.annotation)
    returns = unquoted(node.returns)
    return f"({ast.unparse(node.args)})", returns and ast.unparse(returns)


def unquoted(annotation: ast.expr | None) -> ast.expr | None:
    """Parse a type written as a string, for a late import."""
    is_text = isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)
    return ast.parse(annotation.value, mode="eval").body if is_text else annotation


def docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Undo napoleon's reading of a property's words before a colon as a type; append the table of a configuration's fields."""
    if what == "property":
        lines[:] = inspect.cleandoc(obj.__doc__ or "").splitlines()
    if what == "class" and issubclass(obj, Config):
        lines += ["", *table(obj)]


def table(config: type[Config]) -> list[str]:
    """Build a reStructuredText table: name, allowed values, default and comment of each field."""
    meanings = comments(config)
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - setting", "     - values", "     - default", "     - meaning"]
    for name, schema in config.model_json_schema()["properties"].items():
        default = f"``{schema['default']!r}``" if "default" in schema else "required"
        lines += [f"   * - ``{name}``", f"     - {allowed(schema)}", f"     - {default}", f"     - {meanings.get(name, '')}"]
    return lines


def allowed(schema: dict[str, Any]) -> str:
    """Describe the allowed values of a field in JSON schema: 'number from 0 up to 1'."""
    if "anyOf" in schema:
        return " or ".join(allowed(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"``{value}``" for value in schema["enum"])
    if schema["type"] == "array":
        return f"{schema['minItems']} to {schema['maxItems']} numbers, each a {allowed(schema['items'])}"
    words = {
        "null": "``None``",
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "``True`` or ``False``",
    }[schema["type"]]
    low, above, high = (schema.get(key) for key in ("minimum", "exclusiveMinimum", "maximum"))
    limits = [("from", low), ("above", above), ("up to", high)]
    return " ".join([words, *(f"{word} {limit:,}".removesuffix(".0") for word, limit in limits if limit is not None)])


def comments(config: type[Config]) -> dict[str, str]:
    """Read the comment beside each field from the source."""
    source = textwrap.dedent(inspect.getsource(config))
    lines = source.splitlines()
    fields = [node for node in ast.parse(source).body[0].body if isinstance(node, ast.AnnAssign)]  # type: ignore[attr-defined]
    return {
        ast.unparse(node.target): line.split("  # ", 1)[1]
        for node in fields
        for line in lines[node.lineno - 1 : node.end_lineno]
        if "  # " in line
    }
