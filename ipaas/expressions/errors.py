"""What can go wrong with an expression, told without any value of the data."""

from typing import Any

from ipaas.core.errors import IpaasError


class ExpressionError(IpaasError):
    """{place}{reason}."""

    status = 422
    code = "expression.error"
    title = "Expression failed"
    remedy = "{hint}"

    def __init__(
        self,
        reason: str,
        *,
        hint: str = "See the reference of expressions.",
        position: int | None = None,
        expression: str = "",
        where: str = "",
        path: str = "",
    ) -> None:
        """``position`` counts characters of ``expression`` from 0; ``where`` is the field or place in a document.

        ``path`` is what was looked up, for a missing value.
        """
        self.reason = reason
        self.hint = hint
        self.position = position
        self.expression = expression
        self.where = where
        self.path = path
        super().__init__(**self._params())

    def _params(self) -> dict[str, Any]:
        shown = self.expression if len(self.expression) <= 120 else self.expression[:119] + "…"
        parts = [self.where] if self.where else []
        if shown:
            parts.append(f"in `{shown}`")
        if self.position is not None:
            parts.append(f"at character {self.position + 1}")
        place = " ".join(parts)
        return {
            "place": f"{place}: " if place else "",
            "reason": self.reason,
            "hint": self.hint,
            "where": self.where,
            "position": self.position,
            "path": self.path,
        }

    def located(self, *, position: int | None = None, expression: str = "", where: str = "") -> "ExpressionError":
        """The same error with its place; what is known already is kept."""
        return type(self)(
            self.reason,
            hint=self.hint,
            position=self.position if self.position is not None else position,
            expression=self.expression or expression,
            where=self.where or where,
            path=self.path,
        )


class ExpressionSyntax(ExpressionError):
    """{place}{reason}."""

    code = "expression.syntax"
    title = "Expression not understood"


class ExpressionUndefined(ExpressionError):
    """{place}{reason}."""

    code = "expression.undefined"
    title = "Value missing"


class ExpressionType(ExpressionError):
    """{place}{reason}."""

    code = "expression.type"
    title = "Wrong kind of value"


class ExpressionValue(ExpressionError):
    """{place}{reason}."""

    code = "expression.value"
    title = "Value not usable"


class ExpressionLimit(ExpressionError):
    """{place}{reason}."""

    code = "expression.limit"
    title = "Expression too expensive"
