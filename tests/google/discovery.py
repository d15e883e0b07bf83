#!/usr/bin/env python3
"""Makes src/sandbox/google/walletobjects.schema.json from Google's discovery document of the Wallet API.

The document is a file of the PyPI package google-api-python-client (Apache-2.0), pinned in requirements.txt:

    python3 -m venv target/google-client
    target/google-client/bin/pip install -r tests/google/requirements.txt
    target/google-client/bin/python tests/google/discovery.py            # writes the schema
    target/google-client/bin/python tests/google/discovery.py --check    # says whether it is what the package says

What the document says of types becomes a strict JSON Schema (draft 2020-12): unknown fields are refused, int64 is a text of
digits, int32 is bounded, enums have their current values only, and what a description calls "Required." is required. What it
says in prose alone (one-ofs, ids, review) is code: src/sandbox/google/rules.
"""

import importlib.metadata
import json
import pathlib
import re
import sys

import googleapiclient.discovery_cache

PACKAGE = "google-api-python-client"
TARGET = pathlib.Path(__file__).resolve().parents[2] / "src/sandbox/google/walletobjects.schema.json"
VERTICALS = ["Loyalty", "Offer", "GiftCard", "Generic"]
SERVED = ["insert", "get", "list", "patch", "update", "addmessage"]
RESOURCES = [f"{vertical.lower()}{layer}" for vertical in VERTICALS for layer in ("class", "object")] + ["jwt", "issuer"]
ISSUER_METHODS = ["get"]
JWT_METHODS = ["insert", "validate"]

# Prose that marks a field as Google's own to set.
READ_ONLY = re.compile(r"set by the platform|inherited fields of the parent class|Output only", re.IGNORECASE)
INT64 = r"^-?(0|[1-9][0-9]{0,18})$"
INT32 = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}


def read_document():
    folder = pathlib.Path(googleapiclient.discovery_cache.__file__).parent / "documents"
    return json.loads((folder / "walletobjects.v1.json").read_text(encoding="utf-8"))


def served_array(name):
    """Whether a member of the save link's payload is of a vertical that we serve."""
    return any(name == vertical[0].lower() + vertical[1:] + end for vertical in VERTICALS for end in ("Classes", "Objects"))


def value(source, place, aliases):
    """The schema of one value."""
    if "$ref" in source:
        return {"$ref": "#/$defs/" + source["$ref"]}
    kind, form = source["type"], source.get("format")
    if kind == "array":
        return {"type": "array", "items": value(source["items"], place, aliases)}
    if kind == "object":
        raise ValueError(f"{place}: an object without a name")
    if "enum" in source:
        old = source.get("enumDeprecated", [False] * len(source["enum"]))
        if any(old):
            aliases[place] = [name for name, gone in zip(source["enum"], old) if gone]
        return {"type": "string", "enum": [name for name, gone in zip(source["enum"], old) if not gone]}
    if form == "int32":
        return dict(INT32)
    if form == "int64":
        return {"type": "string", "pattern": INT64}
    if form not in (None, "double"):
        raise ValueError(f"{place}: format {form} is new")
    return {"type": kind}


def definition(name, source, aliases):
    """The schema of one of Google's messages."""
    properties, required = {}, []
    for field, said in sorted(source.get("properties", {}).items()):
        if name == "Resources" and not served_array(field):
            continue
        text = said.get("description", "")
        schema = value(said, f"{name}.{field}", aliases)
        if said.get("deprecated") or text.startswith("Deprecated"):
            schema["deprecated"] = True
        if said.get("readOnly") or READ_ONLY.search(text):
            # A class's `reviewStatus` is set by both sides: what may be sent is a rule in code.
            if field != "reviewStatus":
                schema["readOnly"] = True
        if text.startswith("Required"):
            required.append(field)
        properties[field] = schema
    made = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        made["required"] = required
    return made


def references(schema):
    """The names that a schema refers to."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix("#/$defs/")
        for inner in schema.values():
            yield from references(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from references(inner)


def methods(document, aliases):
    """What is served: method, path, parameters, and the names of what goes in and comes out."""
    made = {}
    for resource in RESOURCES:
        wanted = {"issuer": ISSUER_METHODS, "jwt": JWT_METHODS}.get(resource, SERVED)
        for name in wanted:
            said = document["resources"][resource]["methods"][name]
            parameters = {}
            for parameter, details in sorted(said.get("parameters", {}).items()):
                schema = value(details, f"{said['id']}.{parameter}", aliases)
                parameters[parameter] = {"in": details["location"], "required": details.get("required", False), "schema": schema}
            made[said["id"]] = {"method": said["httpMethod"], "path": said["path"], "parameters": parameters}
            for side in ("request", "response"):
                if side in said:
                    made[said["id"]][side] = said[side]["$ref"]
    return made


def make():
    document, aliases = read_document(), {}
    served = methods(document, aliases)
    waiting = sorted({said[side] for said in served.values() for side in ("request", "response") if side in said})
    defs = {}
    while waiting:
        name = waiting.pop()
        if name not in defs:
            defs[name] = definition(name, document["schemas"][name], aliases)
            waiting.extend(references(defs[name]))
    version = importlib.metadata.version(PACKAGE)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Made by tests/google/discovery.py. See walletobjects.LICENCE.md.",
        "x-source": {
            "api": document["id"],
            "revision": document["revision"],
            "package": f"{PACKAGE} {version}",
            "licence": "Apache-2.0",
        },
        "x-batch-path": "/" + document["batchPath"],
        "x-query": sorted(document["parameters"]),
        "x-methods": served,
        "x-old-enum-values": dict(sorted(aliases.items())),
        "$defs": dict(sorted(defs.items())),
    }


def main():
    made = make()
    # One definition a line: small, and a new revision shows in a diff what it changed.
    lines = []
    for key, part in made.items():
        if isinstance(part, dict) and key in ("x-methods", "$defs", "x-old-enum-values"):
            inner = ",\n".join(f"{json.dumps(name)}:{json.dumps(said, separators=(',', ':'))}" for name, said in part.items())
            lines.append(f"{json.dumps(key)}:{{\n{inner}\n}}")
        else:
            lines.append(f"{json.dumps(key)}:{json.dumps(part, separators=(',', ':'))}")
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    assert json.loads(text) == made
    if "--check" in sys.argv[1:]:
        if TARGET.read_text(encoding="utf-8") != text:
            sys.exit(f"{TARGET.name} is not what {made['x-source']['package']} says: run tests/google/discovery.py")
        print(f"{TARGET.name} is what {made['x-source']['package']}, revision {made['x-source']['revision']}, says")
        return
    TARGET.write_text(text, encoding="utf-8")
    print(f"{TARGET}: revision {made['x-source']['revision']}, {len(made['$defs'])} definitions, {len(text)} bytes")


if __name__ == "__main__":
    main()
