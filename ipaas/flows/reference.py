"""The reference of the document forms, made from their schemas."""

import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from ipaas.core import yamlio
from ipaas.flows.form import flow_schema
from ipaas.flows.lint import LINT_RULES

INTRODUCTION = """\
# The flow document

A flow is one YAML or JSON document. This page is made from its JSON Schema ([flow.schema.json](flow.schema.json)),
which editors can use for completion: put `# yaml-language-server: $schema=flow.schema.json` on the first line.

## What expressions may name

| where | names |
|---|---|
| business ids, the filter of an event trigger | `trigger`, `vars`, `run`, `now` |
| steps | these, and `steps.<id>.output`, `steps.<id>.status`, `steps.<id>.error` of steps before, `business_ids` |
| steps inside `for_each` | these, and the element by the name after `as`, `loop.index` (from 0) |
| `compensate` beside a call | these, and the call's own `steps.<id>.output` |
| `on_failure` of a step | these, and the step's own `steps.<id>.error` (`class`, `code`, `message`) |
| `on_failure` of the flow | these, and `failure` (`step`, `class`, `code`, `message`) |

Steps inside a branch or a strand can be named after the block; they are `skipped` with a null output where the
block went another way. Steps inside `for_each` can not: the block's own output is the list of its items' results.

A business id that reads a field with `x-sensitive`, or one with a sensitive name, is stored, shown and logged as a
mask. Expressions see its value, and who searches for the value finds the run.

Keys marked *expression* hold a bare expression (`trigger.body.order.id`). In `with`, `input`, `evidence`, `data` and
`title` of an approval, texts may hold `{{ expression }}`; a text that is nothing else keeps the type of its value.

A `map` with `fields` and a schema written in place become documents of their own when the flow is published
(`<flow>--<step>`), and the published flow refers to their version.
"""


def flow_reference() -> str:
    """The page about flow documents."""
    schema = flow_schema()
    parts = [INTRODUCTION, "## Keys of a flow\n", *_keys(schema, "")]
    for name, title in (("step", "Keys of a step"),):
        parts += [f"## {title}\n", *_keys(schema["$defs"][name], "")]
    return "\n".join(parts).rstrip() + "\n"


def lint_reference() -> str:
    """The page about lint rules."""
    head = "# Lint rules of flows\n\nWarnings about flows that are valid but likely to disappoint; they stop nothing.\n"
    rules = [f"## {rule.title}\n\n`{rule.code}`: {rule.doc}\n" for rule in LINT_RULES.values()]
    return "\n".join([head, *rules])


def mapping_reference() -> str:
    """The page about mapping documents."""
    schema = json.loads(_form("mapping", "mapping"))
    return "\n".join([MAPPING, "## Keys\n", *_keys(schema, "")]).rstrip() + "\n"


MAPPING = """\
# The mapping document

A mapping builds one target from one source. Under `fields` stands the target, key by key:

| written | means |
|---|---|
| `total: source.order.total` | the value of the expression |
| `country: {value: DE}` | a constant |
| `phone: {expr: source.phone, on_missing: omit}` | what an absent value means, see below |
| `note: {expr: source.note, default: ""}` | the default stands for absent and for null |
| `customer: {id: source.customer.id, name: source.customer.name}` | an object inside |
| `amount: {fields: {value: source.total}}` | an object inside whose only key is `value` |
| `lines: {each: source.lines, as: line, where: line.qty > 0, fields: {sku: line.sku}}` | a list of objects |
| `skus: {each: source.lines, item: item.sku}` | a list of plain values; without `as` the element is `item` |
| `lines: {each: source.lines, sort: item.sku, item: item}` | a list in order |
| `rate: {choose: [{when: source.b2b, then: "0"}], otherwise: source.rate}` | the first case whose condition holds |

Expressions name `source`, `vars`, `run` and `now`; inside a list also the element and `loop.index`, its number in the
source's list from 0. The time is that of the run, and `random()`, `uuid()` and `choice()` draw from the run, so that a
replay makes the same target.

## Missing and null

| key | says | words |
|---|---|---|
| `on_missing` | what a path that leads nowhere means | `error` (default), `omit` the field, `null`, `default` |
| `on_null` | what null means | `keep` (default), `error`, `omit` the field, `default` |
| `default` | what stands in | alone it is `on_missing: default` and `on_null: default` |

A field under `choose` whose cases all fail is left out, unless `otherwise` says what it is. `then` and `otherwise` are
fields of any form. Conditions (`when`, `where`) hold unless they are null, false, 0 or empty.

## Lists

`where` keeps the elements for which it holds, then `sort` orders them: an expression, or up to 10 keys
`{by: expression, descending: true}`. Texts are ordered among texts and numbers among numbers, anything else is an
error; null comes last, equal elements keep their order. An element whose `item` is left out makes no element. A list of
more than 10,000 elements is refused; to walk an object, walk `entries(value)`.

## Lookups and functions

`lookups: {rates: vat-rates}` names a [lookup](lookup-document.md) for `lookup('rates', key)`, and
`functions: {gross: gross}` a [function](function-document.md) for `gross(…)`. Without a version the newest is pinned
when the mapping is published.

## Texts and JSONata

Instead of `fields`, `template` makes a text: `Order {{ source.id }}: {{ source.lines | map(item.sku) | join(', ') }}`.
Null and missing values in it are errors; say `default(…, '')`.

Or `jsonata` makes the whole target by one [JSONata](jsonata.md) expression.

## Failures

A failure names the field with its place in lists, the expression, and the places of the input that it read, each with
the kind of what was there, never a value: `lines[2].total` could not be made from `source.lines[2].qty (text)`. Its
code says what kind of failure it is: `mapping.missing`, `mapping.lookup`, `mapping.limit`, `mapping.field` for all
others.
"""


LOOKUP = """\
# The lookup document

A lookup holds rows that mappings find by a key: `lookup('rates', source.country).rate`, where the mapping says
`lookups: {rates: vat-rates@3}`. Publishing pins the version, so new rows reach a
mapping when it is published anew, or brought along from the page of the lookup (`ipaas versions bring-along`).

```yaml
kind: lookup
slug: vat-rates
title: VAT rates
key: country
columns: {rate: number}
match: {case: ignore, trim: true}
csv: |
  country,name,rate
  DE,Germany,0.19
  AT,Austria,0.20
```

* Without `returns` the answer is the whole row as an object, with it the value of that one column.
* With several columns as `key`, the key is a list in their order: `lookup('zones', [country, zip])`.
* A missing row is the error `mapping.lookup`, unless the expression gives a third argument or `default(…, instead)`,
  the field says `on_missing` or `default`, or the lookup has a `default` itself.
* Cells are text; `columns` makes numbers (exact decimals) and booleans (`true`, `false`) of them. An empty cell is
  null.
* At most 100,000 rows, 60 columns and 1,000,000 characters. Rows are indexed once per process.

Rows come in and go out as CSV: on the page of the lookup, with `ipaas lookup import` and `ipaas lookup export`, and
with `PUT` and `GET` of `/api/v1/lookups/{slug}/rows`.
"""


def lookup_reference() -> str:
    """The page about lookup documents."""
    schema = json.loads(_form("mapping", "lookup"))
    return "\n".join([LOOKUP, "## Keys\n", *_keys(schema, "")]).rstrip() + "\n"


FUNCTION = """\
# The function document

A function is an expression that mappings call by a name, with parameters and examples. A mapping says
`functions: {gross: gross@1}` and writes `gross(source.net, rate=0.19)`; JSONata writes `$gross(net, 0.19)`.

```yaml
kind: function
slug: gross
title: Gross
parameters:
  - {name: net, kind: number}
  - {name: rate, kind: number, default: 0}
expr: net * (1 + rate)
examples:
  - {args: {net: 100, rate: 0.19}, result: 119}
  - {args: {net: "100"}, error: true}
```

The expression names its parameters alone: a function gives the same for the same arguments. Examples are tried whenever
the document is checked, and one that gives something else keeps it from being published. Functions may call functions
and use lookups; publishing pins their versions, and functions that go in a circle are refused.
"""


def function_reference() -> str:
    """The page about function documents."""
    schema = json.loads(_form("mapping", "function"))
    return "\n".join([FUNCTION, "## Keys\n", *_keys(schema, "")]).rstrip() + "\n"


def _keys(schema: dict[str, Any], prefix: str, parts: dict[str, Any] | None = None) -> Iterator[str]:
    """The keys of a schema; ``parts`` are its ``$defs`` where it is not that of flows."""
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        resolved = _resolved(part, parts)
        marks = [_type(part, resolved), *(["required"] if name in required else [])]
        yield f"{'#' * min(3 + path.count('.'), 5)} `{path}`\n\n*{', '.join(marks)}*. {part.get('description', '')}\n"
        for example in part.get("examples", resolved.get("examples", ()))[:1]:
            yield f"```yaml\n{yamlio.dump({name: example}).rstrip()}\n```\n"
        if path.count(".") < 2:
            yield from _keys(_inside(resolved), f"{path}.", parts)


def _inside(schema: dict[str, Any]) -> dict[str, Any]:
    """The object schema whose keys are documented below a key; lists of steps are documented once, as steps."""
    if schema.get("type") != "array":
        return schema
    items = _resolved(schema.get("items", {}))
    return {} if items is flow_schema()["$defs"]["step"] else items


def _resolved(part: dict[str, Any], parts: dict[str, Any] | None = None) -> dict[str, Any]:
    reference = part.get("$ref", "")
    known = flow_schema()["$defs"] if parts is None else parts
    found: dict[str, Any] = known.get(reference.removeprefix("#/$defs/"), part)
    return found


NAMES = {
    "slug": "slug",
    "expression": "expression",
    "duration": "ISO 8601 duration",
    "name": "name",
    "id": "name",
    "reference": "slug@version",
    "schema_reference": "slug@version or JSON Schema",
    "steps": "list of steps",
}


def _type(part: dict[str, Any], resolved: dict[str, Any]) -> str:
    name = part.get("$ref", "").removeprefix("#/$defs/")
    if name in NAMES:
        return NAMES[name]
    if "const" in resolved:
        return f"`{resolved['const']}`"
    if "enum" in resolved:
        return "one of " + ", ".join(f"`{value}`" for value in resolved["enum"])
    kind = resolved.get("type", "any value")
    bounds = [f"{word} {resolved[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in resolved]
    return " ".join([kind if isinstance(kind, str) else " or ".join(kind), *bounds])


SCHEMA = """\
# The schema document

A schema document names a JSON Schema (draft 2020-12), so that flows, mappings and deliveries refer to it as
`slug@version`. A published version never changes. References (`$ref`) stay inside the document: nothing is fetched.
Editors can use [schema.schema.json](schema.schema.json) for completion.

`x-sensitive: personal` (or another class) on a subschema masks its value in pages, API, logs and exports. It does not
change what steps see.
"""


def schema_reference() -> str:
    """The page about schema documents."""
    schema = json.loads(_form("contracts", "schema"))
    return "\n".join([SCHEMA, "## Keys\n", *_keys(schema, "")]).rstrip() + "\n"


CONTRACT = """\
# The contract document

A contract says what an integration promises to those who send to it and receive from it. A flow that names it
(`contract: slug@version`) is held to its schemas, with the mode that each edge has in the environment. A published
version never changes. [Publish a contract](../how-to/publish-a-contract.md) shows how; editors can use
[contract.schema.json](contract.schema.json) for completion.
"""


def contract_reference() -> str:
    """The page about contract documents."""
    schema = json.loads(_form("contracts", "contract"))
    return "\n".join([CONTRACT, "## Keys\n", *_keys(schema, "", schema["$defs"])]).rstrip() + "\n"


EVENT_TYPE = """\
# The event type document

An event type says what an event of the business is called, who owns it, what it carries, who publishes it and who takes
it. Events that flows publish are held to it in every environment. [Own and type your events](../how-to/event-types.md)
shows how; editors can use [event_type.schema.json](event_type.schema.json) for completion.
"""


def event_type_reference() -> str:
    """The page about event type documents."""
    schema = json.loads(_form("contracts", "event_type"))
    return "\n".join([EVENT_TYPE, "## Keys\n", *_keys(schema, "", schema["$defs"])]).rstrip() + "\n"


TERM = """\
# The term document

A term of the glossary says what a word of the business means, what else it is called, and which fields hold it.
[The glossary and conventions](../how-to/glossary-and-conventions.md) shows what it is good for.
"""

CONVENTION = """\
# The convention document

A convention is a rule that drafts of schemas, lookups, functions, contracts, mappings and flows are checked by. Each
finding has the convention as its code, says why, and what to write instead where that can be said.
[The glossary and conventions](../how-to/glossary-and-conventions.md) shows how.
"""


DOMAIN = """\
# The domain file

A part of the business with those who answer for it. It has no versions: applied, the domain is as its file says.
[Documents in files](../how-to/flows-in-git.md) shows how, [Review a change](../how-to/review-a-change.md) what
stewards do.
"""


def _ownership_reference(kind: str, head: str) -> str:
    schema = json.loads(_form("ownership", kind))
    return "\n".join([head, "## Keys\n", *_keys(schema, "", schema.get("$defs", {}))]).rstrip() + "\n"


def _form(package: str, name: str) -> str:
    return files(f"ipaas.{package}").joinpath(f"{name}.schema.json").read_text("utf-8")


PAGES: Mapping[str, Callable[[], str]] = {
    "flow.schema.json": lambda: _form("flows", "flow"),
    "mapping.schema.json": lambda: _form("mapping", "mapping"),
    "lookup.schema.json": lambda: _form("mapping", "lookup"),
    "function.schema.json": lambda: _form("mapping", "function"),
    "lookup-document.md": lookup_reference,
    "function-document.md": function_reference,
    "schema.schema.json": lambda: _form("contracts", "schema"),
    "contract.schema.json": lambda: _form("contracts", "contract"),
    "contract-document.md": contract_reference,
    "event_type.schema.json": lambda: _form("contracts", "event_type"),
    "event-type-document.md": event_type_reference,
    "term.schema.json": lambda: _form("ownership", "term"),
    "convention.schema.json": lambda: _form("ownership", "convention"),
    "domain.schema.json": lambda: _form("ownership", "domain"),
    "domain-file.md": lambda: _ownership_reference("domain", DOMAIN),
    "term-document.md": lambda: _ownership_reference("term", TERM),
    "convention-document.md": lambda: _ownership_reference("convention", CONVENTION),
    "flow-document.md": flow_reference,
    "mapping-document.md": mapping_reference,
    "schema-document.md": schema_reference,
    "flow-lint-rules.md": lint_reference,
}
