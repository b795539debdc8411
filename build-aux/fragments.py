# SPDX-License-Identifier: Apache-2.0
"""Merges what extensions add to the database into upstream's schema and its
documentation.  A pure library: it prints nothing and leaves only through
UpstreamError.

A fragment is a file of ours in vswitchd/fragments.

NAME.ovsschema is JSON with "tables" as in a schema: a table that upstream has
gets the columns, another one is new.  "revision" is raised whenever a
fragment that was released is changed, and is 1 in a new one; the last part of
the version of the schema is upstream's with 1000, which upstream will not
reach, and all revisions added to it.

NAME.xml is text for vswitch.xml.  Lines of their own say where that goes which
follows, up to the next one:

    <!-- in TABLE before TEXT -->   in the documentation of the table TABLE,
                                    before the only line that begins with TEXT
    <!-- before table TABLE -->     before the documentation of that table
"""

import json
import os
import re
import subprocess
import xml.etree.ElementTree

import upstream

ROOM = os.path.join("vswitchd", "fragments")
SCHEMA = os.path.join("vswitchd", "vswitch.ovsschema")
DOCUMENTATION = os.path.join("vswitchd", "vswitch.xml")
MERGED = (SCHEMA, DOCUMENTATION)

FIRST_VERSION = 1000

PLACE = re.compile(r"<!-- (?:in (\w+) before (.+)|before table (\w+)) -->$")


def only(lines, prefix, what):
    """The index of the only one of 'lines' that begins, after blanks, with
    'prefix'."""
    found = [i for i, line in enumerate(lines)
             if line.lstrip().startswith(prefix)]
    if len(found) != 1:
        raise upstream.UpstreamError(
            f"{what}: {len(found) or 'no'} lines begin with '{prefix}'")
    return found[0]


def documented_table(lines, table, what):
    """The indexes of the first and the last line of the documentation of
    'table'."""
    start = only(lines, f'<table name="{table}"', what)
    return start, next((i for i in range(start, len(lines))
                        if lines[i].strip() == "</table>"), len(lines))


def pieces(text, name):
    """The parts of a fragment of documentation: where and what."""
    found = []
    for line in text.splitlines():
        m = PLACE.match(line.strip())
        if m:
            found.append((m, []))
        elif found:
            found[-1][1].append(line)
        elif line.strip() and not line.strip().startswith(("<?xml", "<!--")):
            raise upstream.UpstreamError(
                f"{name}: '{line.strip()}' comes before it is said where it "
                f"belongs")
    if not found:
        raise upstream.UpstreamError(f"{name}: says nowhere where it belongs")
    return found


def merge_documentation(text, fragment, name):
    """Returns 'text', vswitch.xml, with the text of 'fragment' in it."""
    lines = text.splitlines()
    for place, added in pieces(fragment, name):
        what = f"{name}: {place.group()}"
        while added and not added[0].strip():
            added.pop(0)
        while added and not added[-1].strip():
            added.pop()
        table, anchor, next_table = place.groups()
        if table:
            start, end = documented_table(lines, table, what)
            at = start + only(lines[start:end + 1], anchor, what)
        else:
            at, _ = documented_table(lines, next_table, what)
            added.append("")
        lines[at:at] = added
    merged = "\n".join(lines) + "\n"
    try:
        xml.etree.ElementTree.fromstring(merged.encode())
    except xml.etree.ElementTree.ParseError as e:
        raise upstream.UpstreamError(f"{name}: the documentation is no XML "
                                     f"with it ({e})")
    return merged


def members(values, indent):
    """Lines with the members of a JSON object, one each."""
    return [f'{" " * indent}"{key}": {json.dumps(value)},'
            for key, value in values.items()]


def merge_schema(text, fragment, name):
    """Returns 'text', a schema, with the tables and columns of 'fragment' in
    it, but for its version and checksum."""
    try:
        schema, ours = json.loads(text), json.loads(fragment)
    except ValueError as e:
        raise upstream.UpstreamError(f"{name}: not JSON ({e})")
    unknown = ours.keys() - {"tables", "revision"}
    if unknown or not isinstance(ours.get("revision"), int):
        raise upstream.UpstreamError(
            f"{name}: '{min(unknown)}' is none of tables and revision"
            if unknown else f"{name}: 'revision' is no number")
    lines = text.splitlines()
    for table, contents in ours["tables"].items():
        columns = contents["columns"]
        theirs = schema["tables"].get(table)
        if theirs is None:
            rest = {k: v for k, v in contents.items() if k != "columns"}
            body = members(columns, 7)
            body[-1] = body[-1][:-1] + "}" + "," * bool(rest)
            tail = members(rest, 5)
            last = tail or body
            last[-1] = last[-1].rstrip(",") + "},"
            at = only(lines, '"tables": {', name) + 1
            lines[at:at] = ([f'   "{table}": {{', '     "columns": {']
                            + body + tail)
            continue
        if contents.keys() != {"columns"}:
            raise upstream.UpstreamError(
                f"{name}: upstream has a table {table}, which gets nothing "
                f"but columns")
        for column in columns:
            if column in theirs["columns"]:
                raise upstream.UpstreamError(
                    f"{name}: upstream has a column {table}:{column}")
        at = only(lines, f'"{table}": {{', f"{name}: table {table}")
        while not lines[at].strip().startswith('"columns": {'):
            at += 1
        lines[at + 1:at + 1] = members(columns, 7)
    return "\n".join(lines) + "\n"


def finish_schema(tree, text, revision):
    """Returns the schema 'text' with its version and checksum.  The checksum
    is made by upstream's program for it."""
    def raised(m):
        return f'{m.group(1)}{int(m.group(2)) + FIRST_VERSION + revision}"'

    text, n = re.subn(r'("version": *"\d+\.\d+\.)(\d+)"', raised, text,
                      count=1)
    if n != 1:
        raise upstream.UpstreamError(f"{SCHEMA}: no version")
    path = os.path.join(tree, SCHEMA)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    result = subprocess.run(
        ["sh", os.path.join(tree, "build-aux", "calculate-schema-cksum"),
         path], stdout=subprocess.PIPE, text=True)
    if result.returncode:
        raise upstream.UpstreamError(f"{SCHEMA}: no checksum")
    text, n = re.subn(r'("cksum": *)"[^"]*"',
                      rf'\g<1>"{result.stdout.strip()}"', text)
    if n != 1:
        raise upstream.UpstreamError(f"{SCHEMA}: no place for a checksum")
    return text


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def merge(top, tree):
    """Merges the fragments of 'top' into the schema and the documentation in
    'tree', a source with the series applied."""
    room = os.path.join(top, ROOM)
    names = sorted(os.listdir(room)) if os.path.isdir(room) else []
    schema = read(os.path.join(tree, SCHEMA))
    documentation = read(os.path.join(tree, DOCUMENTATION))
    revision = n_schemas = 0
    for name in names:
        path = os.path.join(ROOM, name)
        if name.endswith("~") or name.startswith("."):
            continue
        text = read(os.path.join(room, name))
        if name.endswith(".ovsschema"):
            schema = merge_schema(schema, text, path)
            revision += json.loads(text)["revision"]
            n_schemas += 1
        elif name.endswith(".xml"):
            documentation = merge_documentation(documentation, text, path)
        else:
            raise upstream.UpstreamError(
                f"{path}: a fragment is an .ovsschema or .xml file")
    if n_schemas:
        schema = finish_schema(tree, schema, revision)
    for path, text in ((SCHEMA, schema), (DOCUMENTATION, documentation)):
        with open(os.path.join(tree, path), "w", encoding="utf-8") as f:
            f.write(text)
