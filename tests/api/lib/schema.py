# SPDX-License-Identifier: Apache-2.0
"""Whether a value is what a schema of the OpenAPI document says: as much of JSON Schema as smsd
writes. What it does not know is an error, so that nothing passes unread."""

import re

KNOWN = {"type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems",
         "enum", "anyOf", "minimum", "maximum", "maxLength", "pattern", "$ref", "description",
         "default", "writeOnly", "x-requirements", "x-scope",
         "x-since", "x-sms-only", "readOnly"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def faults(value, schema, document, place=""):
    """A line for each place where `value` is not what `schema` says."""
    unknown = set(schema) - KNOWN
    if unknown:
        yield f"{place}: the schema has {', '.join(sorted(unknown))}, which this test does not know"
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        yield from faults(value, document["components"]["schemas"][name], document, place)
        return
    if "anyOf" in schema:
        if all(list(faults(value, s, document, place)) for s in schema["anyOf"]):
            yield f"{place}: {value!r} is none of what it may be"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is not in {schema['enum']}"
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (kind == "integer" and value is True)):
        yield f"{place}: {value!r} is no {kind}"
        return
    if kind == "object":
        yield from object_faults(value, schema, document, place)
    elif kind == "array":
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{place}: {len(value)} items"
        for number, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), document, f"{place}/{number}")
    elif kind == "string":
        if len(value.encode()) > schema.get("maxLength", len(value.encode())):
            yield f"{place}: {len(value)} characters"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{place}: {value!r} does not match {schema['pattern']}"
    elif kind == "integer":
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{place}: {value} is out of range"


def object_faults(value, schema, document, place):
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{place}: there is no {name}"
    rest = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in properties:
            yield from faults(item, properties[name], document, f"{place}/{name}")
        elif rest is False:
            yield f"{place}: {name} is not in the schema"
        elif isinstance(rest, dict):
            yield from faults(item, rest, document, f"{place}/{name}")
