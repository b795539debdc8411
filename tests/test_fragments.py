# SPDX-License-Identifier: Apache-2.0
"""Tests of build-aux/fragments.py, on a small source and on the real one."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "build-aux"))

import fragments                                            # noqa: E402
import upstream                                             # noqa: E402

SCHEMA = """\
{"name": "Test",
 "version": "8.3.1",
 "cksum": "0 0",
 "tables": {
   "Bridge": {
     "columns": {
       "name": {"type": "string"}},
     "isRoot": true},
   "Port": {
     "columns": {
       "name": {"type": "string"}}}}}
"""

XML = """\
<?xml version="1.0" encoding="utf-8"?>
<database name="test">
  <table name="Bridge">
    <column name="name">
      A.
    </column>
    <group title="Common">
    </group>
  </table>

  <table name="Port">
    <column name="name">
      B.
    </column>
  </table>
</database>
"""

TABLE = '"columns": {"a": {"type": "string"}}, "isRoot": true'


class Fragments(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)
        self.tree = os.path.join(self.top, "tree")
        for room in ("vswitchd", "build-aux"):
            os.makedirs(os.path.join(self.tree, room))
        self.write("tree/vswitchd/vswitch.ovsschema", SCHEMA)
        self.write("tree/vswitchd/vswitch.xml", XML)
        self.write("tree/build-aux/calculate-schema-cksum",
                   "sed '/\"cksum\"/d' $1 | cksum\n")

    def write(self, path, text):
        at = os.path.join(self.top, path)
        os.makedirs(os.path.dirname(at), exist_ok=True)
        with open(at, "w", encoding="utf-8") as f:
            f.write(text)

    def read(self, path):
        return fragments.read(os.path.join(self.tree, path))

    def add(self, name, text):
        self.write(f"vswitchd/fragments/{name}", text)

    def merge(self):
        fragments.merge(self.top, self.tree)

    def wrong(self, expected, **files):
        """Merging fails with that text, and nothing changes."""
        for name, text in files.items():
            self.add(name.replace("_", "."), text)
        with self.assertRaisesRegex(upstream.UpstreamError, expected):
            self.merge()
        self.assertEqual(self.read("vswitchd/vswitch.xml"), XML)
        self.assertEqual(self.read("vswitchd/vswitch.ovsschema"), SCHEMA)

    def test_none(self):
        self.merge()
        self.assertEqual(self.read("vswitchd/vswitch.xml"), XML)
        self.assertEqual(self.read("vswitchd/vswitch.ovsschema"), SCHEMA)

    def test_schema(self):
        self.add("a.ovsschema", '{"revision": 2, "tables": {"New": {%s}}}'
                 % TABLE)
        self.add("b.ovsschema", """{"revision": 1, "tables": {
            "Port": {"columns": {"x": {"type": "string"}}},
            "Other": {"columns": {"y": {"type": "string"}}}}}""")
        self.merge()
        text = self.read("vswitchd/vswitch.ovsschema")
        schema = json.loads(text)
        self.assertEqual(schema["version"], "8.3.1004")
        self.assertEqual(set(schema["tables"]),
                         {"Bridge", "Port", "New", "Other"})
        self.assertEqual(schema["tables"]["New"], json.loads("{%s}" % TABLE))
        self.assertEqual(list(schema["tables"]["Port"]["columns"]),
                         ["x", "name"])
        path = os.path.join(self.tree, "vswitchd/vswitch.ovsschema")
        cksum = subprocess.run(
            f"sed '/\"cksum\"/d' {path} | cksum", shell=True,
            stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        self.assertEqual(schema["cksum"], cksum)
        # Upstream's lines stay as they are.
        for line in SCHEMA.splitlines()[3:]:
            self.assertIn(line, text.splitlines())

    def test_wrong_schema(self):
        self.wrong("a.ovsschema: not JSON", a_ovsschema="{")

    def test_no_revision(self):
        self.wrong("a.ovsschema: 'revision' is no number",
                   a_ovsschema='{"tables": {}}')

    def test_unknown_member(self):
        self.wrong("a.ovsschema: 'table' is none of tables and revision",
                   a_ovsschema='{"revision": 1, "table": {}}')

    def test_column_twice(self):
        self.wrong("a.ovsschema: upstream has a column Port:name",
                   a_ovsschema='{"revision": 1, "tables": {"Port": '
                   '{"columns": {"name": {"type": "string"}}}}}')

    def test_table_twice(self):
        self.wrong("a.ovsschema: upstream has a table Port",
                   a_ovsschema='{"revision": 1, "tables": {"Port": {%s}}}'
                   % TABLE)

    def test_table_in_two_fragments(self):
        text = '{"revision": 1, "tables": {"New": {%s}}}' % TABLE
        self.wrong("b.ovsschema: upstream has a table New",
                   a_ovsschema=text, b_ovsschema=text)

    def test_documentation(self):
        self.add("a.xml", """\
<!-- SPDX-License-Identifier: Apache-2.0 -->

<!-- in Bridge before <group title="Common"> -->
    <column name="first"/>

<!-- before table Port -->
  <table name="New">
  </table>
""")
        self.add("b.xml", """\
<!-- in Bridge before <group title="Common"> -->
    <column name="second"/>
<!-- in Port before </table> -->
    <column name="third"/>
""")
        self.merge()
        expected = XML.replace(
            '    <group', '    <column name="first"/>\n'
            '    <column name="second"/>\n    <group').replace(
            '  <table name="Port">', '  <table name="New">\n  </table>\n\n'
            '  <table name="Port">').replace(
            '  </table>\n</database>', '    <column name="third"/>\n'
            '  </table>\n</database>')
        self.assertEqual(self.read("vswitchd/vswitch.xml"), expected)

    def test_no_anchor(self):
        self.wrong("a.xml: <!-- in Port before <group -->: no lines begin "
                   "with '<group'",
                   a_xml='<!-- in Port before <group -->\n<a/>\n')

    def test_ambiguous_anchor(self):
        self.wrong("a.xml: .*: 2 lines begin with '</'",
                   a_xml='<!-- in Port before </ -->\n<a/>\n')

    def test_no_table(self):
        self.wrong("a.xml: .*: no lines begin with '<table name=\"Nix\"'",
                   a_xml='<!-- before table Nix -->\n<a/>\n')

    def test_nowhere(self):
        self.wrong("a.xml: '<a/>' comes before", a_xml='<a/>\n')

    def test_empty(self):
        self.wrong("a.xml: says nowhere", a_xml='<!-- nothing -->\n')

    def test_no_xml(self):
        self.wrong("a.xml: the documentation is no XML with it",
                   a_xml='<!-- before table Port -->\n<a>\n')

    def test_other_file(self):
        self.wrong("fragments/README: a fragment is", README="")

    def test_real(self):
        """The fragments of the product fit upstream, and say what the tables
        and columns are that they bring."""
        source = os.environ["OVS_SOURCE"]
        tree = os.path.join(self.top, "real")
        upstream.unpack(source, tree)
        fragments.merge(TOP, tree)
        schema = json.loads(fragments.read(
            os.path.join(tree, fragments.SCHEMA)))
        self.assertIn("ILA_Mapping", schema["tables"])
        check = subprocess.run(
            ["sh", os.path.join(tree, "build-aux", "cksum-schema-check"),
             os.path.join(tree, fragments.SCHEMA),
             os.path.join(self.top, "stamp")], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        self.assertEqual((check.returncode, check.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main()
