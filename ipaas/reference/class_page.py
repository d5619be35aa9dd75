"""What each class of error means and leads to."""

from ipaas.core.errors import ErrorClass
from ipaas.policies.taxonomy import RULES
from ipaas.sdk.errors import classes_by_status

_HEAD = """\
# Error classes

Every failed attempt has a class, by the rules of the connector, else by the table below. The class decides whether
the call is made again, whether the failure counts against the [breaker](policies.md), and, through `failure` of the
[flow](flow-document.md), whether the run is compensated or becomes a dead letter. Retries end with the attempts and
the time that the policy allows; the class of the last attempt then decides. `outcome_unknown` is never retried: the
effect is looked up or shown to an operator, see [calls](../explanation/calls.md).

Beside its class an error has a code. Codes of vendors are in the pages of the [connectors](connectors/index.md),
those of the product in [errors](errors.md).

| class | meaning | tried again | counts against the breaker |
|---|---|---|---|
"""
_STATUS = """
## Statuses that no rule covers

| class | HTTP status |
|---|---|
"""


def class_page() -> str:
    """Markdown of ``docs/reference/error-classes.md``."""
    rows = "".join(
        f"| `{one}` | {rule.meaning} | {'yes' if rule.retryable else 'no'} | {'yes' if rule.unhealthy else 'no'} |\n"
        for one in ErrorClass
        if (rule := RULES[one])
    )
    statuses = "".join(f"| `{one}` | {', '.join(found)} |\n" for one, found in classes_by_status().items())
    return _HEAD + rows + _STATUS + statuses
