"""Random schemas, changes of them, and documents that are likely to show a difference."""

import json
from random import Random
from typing import Any

import jsonschema_rs

Json = Any
SCALARS = (None, True, False, 0, 1, -1, 2, 3, 5, 0.5, 1.5, 10, "", "a", "b", "ab", "abc", "2024-02-29", "x@y.example")
TYPES: tuple[Json, ...] = ("integer", "number", "string", "boolean", "null", ["string", "null"], ["integer", "string"])


def _some(random: Random, share: float) -> bool:
    return random.random() < share


def value(random: Random, depth: int = 0) -> Json:
    """Any value."""
    kind = random.random()
    if depth > 2 or kind < 0.5:
        return random.choice(SCALARS)
    if kind < 0.8:
        return {name: value(random, depth + 1) for name in random.sample(["a", "b", "c", "xa"], random.randint(0, 3))}
    return [value(random, depth + 1) for _ in range(random.randint(0, 3))]


def schema(random: Random, depth: int = 0) -> Json:
    """Any schema; in the middle of it, ``#/$defs/d`` may be referred to."""
    kind = random.random()
    if kind < 0.05:
        return random.choice([True, False, {}])
    if kind < 0.35 or depth >= 3:
        return _scalar(random)
    if kind < 0.5:
        listed = [random.choice(SCALARS) for _ in range(random.randint(1, 4))]
        return {"enum": listed} if kind < 0.45 else {"const": listed[0]}
    if kind < 0.75:
        return _object(random, depth)
    return _array(random, depth) if kind < 0.85 else _union(random, depth)


def _scalar(random: Random) -> Json:
    keywords: dict[str, tuple[float, tuple[Json, ...]]] = {
        "minimum": (0.4, (0, 1, 2, 0.5)), "exclusiveMaximum": (0.2, (3, 5, 10)), "multipleOf": (0.2, (1, 2, 0.5, 3)),
        "minLength": (0.3, (0, 1, 2)), "maxLength": (0.3, (0, 1, 2, 3)), "pattern": (0.1, ("^a", "b$", "^[ab]*$")),
        "format": (0.1, ("date", "email")),
    }  # fmt: skip
    chosen = {name: random.choice(values) for name, (share, values) in keywords.items() if _some(random, share)}
    return {"type": random.choice(TYPES), **chosen}


def _object(random: Random, depth: int) -> Json:
    found: dict[str, Json] = {"type": "object"} if _some(random, 0.8) else {}
    names = random.sample(["a", "b", "c"], random.randint(0, 3))
    found["properties"] = {name: schema(random, depth + 1) for name in names}
    if _some(random, 0.5):
        found["required"] = random.sample(["a", "b", "c"], random.randint(0, 2))
    if _some(random, 0.4):
        found["additionalProperties"] = random.choice([True, False, False, schema(random, depth + 1)])
    if _some(random, 0.1):
        found["patternProperties"] = {random.choice(["^x", "^a", "a$"]): schema(random, depth + 1)}
    if _some(random, 0.04):
        found["dependentSchemas"] = {"a": schema(random, depth + 1)}
    rare: dict[str, tuple[Json, ...]] = {
        "minProperties": (0, 1, 2), "maxProperties": (0, 1, 2), "dependentRequired": ({"a": ["b"]},),
        "propertyNames": ({"maxLength": 1}, {"pattern": "^[a-c]$"}), "unevaluatedProperties": (False, False, True),
    }  # fmt: skip
    return found | {name: random.choice(values) for name, values in rare.items() if _some(random, 0.07)}


def _array(random: Random, depth: int) -> Json:
    found: dict[str, Json] = {"type": "array"} if _some(random, 0.8) else {}
    if _some(random, 0.6):
        found["items"] = schema(random, depth + 1)
    if _some(random, 0.3):
        found["prefixItems"] = [schema(random, depth + 1) for _ in range(random.randint(1, 2))]
    if _some(random, 0.15):
        found["contains"] = schema(random, depth + 1)
    if _some(random, 0.07):
        found["unevaluatedItems"] = random.choice([False, schema(random, depth + 1)])
    rare: dict[str, tuple[float, tuple[Json, ...]]] = {
        "minItems": (0.3, (0, 1, 2)), "maxItems": (0.3, (1, 2, 3)), "uniqueItems": (0.2, (True,)),
        "minContains": (0.06, (0, 1, 2)), "maxContains": (0.06, (1, 2)),
    }  # fmt: skip
    return found | {name: random.choice(values) for name, (share, values) in rare.items() if _some(random, share)}


def _union(random: Random, depth: int) -> Json:
    kind = random.choice(["anyOf", "anyOf", "oneOf", "allOf", "allOf", "not", "if", "$ref"])
    if kind == "$ref":
        return {"$ref": "#/$defs/d"}
    if kind == "not":
        return {"not": schema(random, depth + 1)}
    if kind == "if":
        return {one: schema(random, depth + 1) for one in ("if", "then", "else")}
    return {kind: [schema(random, depth + 1) for _ in range(2)]}


def changed(random: Random, given: Json, depth: int = 0) -> Json:
    """The schema with a change somewhere in it."""
    if isinstance(given, bool) or not given.keys() - {"$ref"} or _some(random, 0.15):
        return schema(random, depth)
    found: dict[str, Json] = json.loads(json.dumps(given))
    key = random.choice([one for one in found if one != "$ref"])
    part = found[key]
    if key in ("properties", "patternProperties", "dependentSchemas", "$defs"):
        _change_map(random, part, key, depth)
    elif key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        part[random.randrange(len(part))] = schema(random, depth + 1)
    elif isinstance(part, dict) and key != "dependentRequired":
        found[key] = changed(random, part, depth + 1)
    elif isinstance(part, bool):
        found[key] = not part
    elif isinstance(part, int | float):
        found[key] = random.choice([1, 2, 4, 0.5]) if key == "multipleOf" else max(0, part + random.choice([-1, 1]))
    elif _some(random, 0.5):
        del found[key]
    else:
        other = schema(random, depth)
        found |= other if isinstance(other, dict) else {}
    return found


def _change_map(random: Random, part: dict[str, Json], key: str, depth: int) -> None:
    if part and _some(random, 0.6):
        name = random.choice(sorted(part))
        part[name] = changed(random, part[name], depth + 1)
    elif key == "properties":
        part[random.choice("abc")] = schema(random, depth + 1)
    elif part and key != "$defs":
        del part[random.choice(sorted(part))]


def pair(seed: int) -> tuple[Json, Json] | None:
    """A schema and a change of it; None where one of them can not be compiled."""
    random = Random(seed)
    old = _whole(random, schema(random))
    new = old
    for _ in range(random.randint(1, 2)):
        new = changed(random, new)
    new = _whole(random, new)
    return (old, new) if compiled(old) and compiled(new) else None


def _whole(random: Random, given: Json) -> Json:
    if "#/$defs/d" in json.dumps(given) and "d" not in given.get("$defs", {}):
        return {**given, "$defs": {"d": schema(random, 2)}}
    return given


def compiled(given: Json) -> jsonschema_rs.Validator | None:
    try:
        return jsonschema_rs.Draft202012Validator(given, validate_formats=True)
    except (ValueError, jsonschema_rs.ValidationError):
        return None


def likely(random: Random, given: Json, root: Json, depth: int = 0) -> Json:
    """A value that a schema is likely to accept, or nearly."""
    if depth > 4 or isinstance(given, bool):
        return value(random, min(depth, 2))
    if "$ref" in given:
        return likely(random, root.get("$defs", {}).get("d", True), root, depth + 1)
    if "const" in given or "enum" in given:
        return random.choice(given.get("enum") or [given.get("const")])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in given and _some(random, 0.9):
            return likely(random, random.choice(given[key]), root, depth + 1)
    for key in ("then", "else"):
        if key in given and _some(random, 0.5):
            return likely(random, given[key], root, depth + 1)
    if "properties" in given or given.get("type") == "object":
        return _likely_object(random, given, root, depth)
    if given.keys() & {"items", "prefixItems", "contains"} or given.get("type") == "array":
        return _likely_array(random, given, root, depth)
    return _likely_scalar(random, given)


def _likely_object(random: Random, given: Json, root: Json, depth: int) -> Json:
    needed, rest = given.get("required", []), given.get("additionalProperties", True)
    named = given.get("properties", {})
    found = {
        name: likely(random, one, root, depth + 1)
        for name, one in named.items()
        if name in needed or _some(random, 0.6)
    }
    found |= {name: likely(random, rest, root, depth + 1) for name in needed if name not in found}
    if _some(random, 0.4) and rest is not False:
        found[random.choice(["a", "b", "c", "xa", "zz"])] = value(random, depth + 1)
    return found


def _likely_array(random: Random, given: Json, root: Json, depth: int) -> Json:
    prefix, rest, least = given.get("prefixItems", []), given.get("items", True), given.get("minItems", 0)
    count = random.randint(least, max(least, given.get("maxItems", 3)))
    return [likely(random, prefix[n] if n < len(prefix) else rest, root, depth + 1) for n in range(count)]


def _likely_scalar(random: Random, given: Json) -> Json:
    kind = given.get("type")
    kind = random.choice(kind) if isinstance(kind, list) else kind
    if kind in ("integer", "number"):
        low, step = given.get("minimum", 0), given.get("multipleOf", 1)
        return random.choice([low, low + 1, low + step, step, 2 * step, 0, 3, 4, 9, 10, 100, -5])
    if kind == "string":
        return random.choice(["", "a", "b", "ab", "abc", "abcd", "zz", "2024-02-29", "x@y.example"])
    return random.choice(SCALARS)


def documents(seed: int, old: Json, new: Json, count: int = 60) -> list[Json]:
    """Documents that are likely to show a difference between two schemas."""
    random = Random(seed)
    near = [likely(random, one, one) for one in (old, old, new) for _ in range(count // 2)]
    return near + [value(random) for _ in range(count // 2)]
