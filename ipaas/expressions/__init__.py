"""Guarded expressions over plain JSON data: Jinja's expression syntax, own evaluation, everything bounded."""

from ipaas.expressions.compiler import Library
from ipaas.expressions.errors import (
    ExpressionError,
    ExpressionLimit,
    ExpressionSyntax,
    ExpressionType,
    ExpressionUndefined,
    ExpressionValue,
)
from ipaas.expressions.registry import FUNCTIONS
from ipaas.expressions.templates import (
    Expression,
    ValueTemplate,
    compile_expression,
    compile_object,
    compile_value,
)

__all__ = [
    "FUNCTIONS",
    "Expression",
    "ExpressionError",
    "ExpressionLimit",
    "ExpressionSyntax",
    "ExpressionType",
    "ExpressionUndefined",
    "ExpressionValue",
    "Library",
    "ValueTemplate",
    "compile_expression",
    "compile_object",
    "compile_value",
]
