# SPDX-License-Identifier: Apache-2.0
"""Assembled trees that are brought up to date: what an assembly made is kept
in a manifest, and the next one touches only what differs, so that make
rebuilds only what depends on it.  A pure library."""

import hashlib
import json
import os
import shutil

MANIFEST = ".assembled"


def manifest(tree):
    """Maps each file of 'tree' to what tells it from another version."""
    result = {}
    for directory, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(directory, name)
            if os.path.islink(path):
                print_ = "-> " + os.readlink(path)
            else:
                with open(path, "rb") as f:
                    print_ = hashlib.sha256(f.read()).hexdigest()
            result[os.path.relpath(path, tree)] = print_
    return result


def old_manifest(tree):
    try:
        with open(os.path.join(tree, MANIFEST), encoding="utf-8") as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


def update(tree, new, old, contents):
    """Brings 'tree', assembled from 'old', to the state of the tree 'new'."""
    for path in old.keys() - contents.keys():
        at = os.path.join(tree, path)
        if os.path.lexists(at):
            os.unlink(at)
    changed = [p for p in contents if contents[p] != old.get(p)]
    for path in changed:
        at = os.path.join(tree, path)
        os.makedirs(os.path.dirname(at), exist_ok=True)
        if os.path.lexists(at):
            os.unlink(at)
        shutil.move(os.path.join(new, path), at)
        if not os.path.islink(at):
            os.utime(at)
    return changed


def replace(tree, new):
    """Makes 'tree' the same as 'new', which goes away, and leaves what else is
    in it.  Returns what changed and the manifest, which is to be written when
    all is done."""
    contents = manifest(new)
    old = old_manifest(tree)
    if old is None:
        shutil.rmtree(tree, ignore_errors=True)
        os.rename(new, tree)
        return list(contents), contents
    changed = update(tree, new, old, contents)
    shutil.rmtree(new)
    return changed + list(old.keys() - contents.keys()), contents


def write_manifest(tree, contents):
    """Last, so that a run that was interrupted is done again as a whole."""
    with open(os.path.join(tree, MANIFEST), "w", encoding="utf-8") as f:
        json.dump(contents, f)
