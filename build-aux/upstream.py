# SPDX-License-Identifier: Apache-2.0
"""What the scripts beside this file know about an upstream source and about
the series of patches for it.  A pure library: it prints nothing and leaves
only through UpstreamError."""

import os
import re
import shutil
import subprocess
import tarfile

# Versions of Open vSwitch that the series in patches/ovs is made for.
SUPPORTED = ("3.1",)

# Versions of Linux that the series in patches/linux is made for.
SUPPORTED_LINUX = ("6.1",)

# What of Linux's source is needed: the datapath, what tells the version, the
# checker of its coding style, and the datapath's own tests.
LINUX_FILES = re.compile(r"(?:net/openvswitch/[^/]+|Makefile|scripts/(?:"
                         r"checkpatch\.pl|spelling\.txt|"
                         r"const_structs\.checkpatch)|"
                         r"tools/testing/selftests/net/openvswitch/[^/]+)$")
LINUX_SELFTESTS = "tools/testing/selftests/net/openvswitch/"
LINUX_ROOMS = ("", "net/openvswitch/", "scripts/", LINUX_SELFTESTS)

# Directories of ours that mirror those of Open vSwitch, or are beside them,
# and what joins the top of its tree.
JOINED = ("examples", "include", "lib", "ofproto", "python", "tests",
          "utilities", "vswitchd")
FRAGMENT = "extensions.mk"

# But not what tests the kernel module, the demo, and what is merged
# (fragments.py).
NOT_JOINED = (("tests", "guest"), ("tests", "kernel"), ("utilities", "demo"),
              ("vswitchd", "fragments"))


class UpstreamError(Exception):
    """Something that the user must mend; the text says what and how."""


def read_lines(path):
    with open(path, encoding="utf-8") as f:
        return f.read().splitlines()


def series(patch_dir):
    """The patches of the quilt series in 'patch_dir', in order."""
    names = []
    for line in read_lines(os.path.join(patch_dir, "series")):
        name = line.split("#")[0].strip()
        if name:
            names.append(name)
    return names


def our_files(top):
    """Paths, relative to 'top', of our files that join the source."""
    found = [FRAGMENT]
    for room in JOINED:
        for directory, subdirs, names in os.walk(os.path.join(top, room)):
            subdirs[:] = sorted(d for d in subdirs if d != "__pycache__"
                                and (room, d) not in NOT_JOINED)
            found += [os.path.relpath(os.path.join(directory, name), top)
                      for name in sorted(names)
                      if not name.startswith(".") and name[-1] != "~"]
    return found


def unpack(source, destination):
    """Unpacks 'source', a tarball or directory, as new 'destination'."""
    if os.path.isdir(source):
        if os.path.exists(os.path.join(source, "config.status")):
            raise UpstreamError(
                f"{source}: was configured in place, its products would leak "
                f"into this build; run 'make distclean' there or give a "
                f"clean copy")
        shutil.copytree(source, destination, symlinks=True,
                        ignore=shutil.ignore_patterns(".git"))
        return
    try:
        with tarfile.open(source) as tar:
            parent = destination + ".unpack"
            shutil.rmtree(parent, ignore_errors=True)
            tar.extractall(parent, members=map(anonymous, tar))
    except (OSError, tarfile.TarError) as e:
        why = str(e).splitlines()[0].rstrip(":")
        raise UpstreamError(f"{source}: not a readable tarball ({why}); "
                            f"Debian's is in the package openvswitch-source")
    tops = os.listdir(parent)
    if len(tops) != 1:
        raise UpstreamError(f"{source}: expected one top directory, found "
                            f"{len(tops)}")
    os.rename(os.path.join(parent, tops[0]), destination)
    os.rmdir(parent)


def anonymous(member):
    """Whoever builds owns the files, not who packed them."""
    member.uid, member.gid = os.getuid(), os.getgid()
    member.uname = member.gname = ""
    return member


def version(tree):
    """The version in the AC_INIT of 'tree'."""
    try:
        text = "\n".join(read_lines(os.path.join(tree, "configure.ac")))
    except OSError as e:
        raise UpstreamError(f"{tree}: not a source of Open vSwitch ({e})")
    m = re.search(r"AC_INIT\(\[?openvswitch\]?, *\[?([^],]+)", text)
    if not m:
        raise UpstreamError(f"{tree}: configure.ac is not that of "
                            f"Open vSwitch")
    return m.group(1).strip()


def check_version(tree):
    found = version(tree)
    if not any(found == s or found.startswith(s + ".") for s in SUPPORTED):
        raise UpstreamError(f"Open vSwitch {found} is not supported "
                            f"(supported: {', '.join(SUPPORTED)}.x)")
    return found


def unpack_linux(source, destination):
    """Unpacks what we need of 'source', a tarball or directory of Linux, as
    new 'destination'."""
    shutil.rmtree(destination, ignore_errors=True)
    os.makedirs(destination)

    def wanted(names):
        for name in names:
            path = name.split("/", 1)[-1]
            if LINUX_FILES.match(path):
                yield name, os.path.join(destination, path)

    if os.path.isdir(source):
        names = [f"./{room}{name}" for room in LINUX_ROOMS
                 if os.path.isdir(os.path.join(source, room))
                 for name in sorted(os.listdir(os.path.join(source, room)))
                 if not name.endswith((".o", ".ko", ".cmd", ".mod.c"))]
        for name, at in wanted(names):
            os.makedirs(os.path.dirname(at), exist_ok=True)
            shutil.copyfile(os.path.join(source, name), at)
        return
    try:
        with tarfile.open(source) as tar:
            for member in tar:
                for _, at in wanted([member.name] if member.isfile() else []):
                    os.makedirs(os.path.dirname(at), exist_ok=True)
                    with open(at, "wb") as f:
                        shutil.copyfileobj(tar.extractfile(member), f)
    except (OSError, EOFError, tarfile.TarError) as e:
        why = str(e).splitlines()[0].rstrip(":")
        raise UpstreamError(f"{source}: not a readable tarball ({why}); "
                            f"Debian's is in the package linux-source-6.1")


def linux_version(tree):
    """The version in the Makefile of 'tree', a Linux; checked."""
    try:
        text = "\n".join(read_lines(os.path.join(tree, "Makefile")))
    except OSError:
        text = ""
    found = ".".join(re.findall(r"^(?:VERSION|PATCHLEVEL|SUBLEVEL) = (\d+)$",
                                text, re.MULTILINE))
    if not found or not os.path.exists(os.path.join(tree, "net", "openvswitch",
                                                    "datapath.c")):
        raise UpstreamError("the source of Linux holds no net/openvswitch: "
                            "install the Debian package linux-source-6.1 or "
                            "give another --with-linux-source")
    if not any(found.startswith(s + ".") for s in SUPPORTED_LINUX):
        raise UpstreamError(f"Linux {found} is not supported (supported: "
                            f"{', '.join(SUPPORTED_LINUX)}.x): give another "
                            f"--with-linux-source")
    return found


def apply_patch(tree, patch, strip=1, of=None):
    """Applies 'patch' to 'tree' as it stands: no fuzz, no rejects left.  'of'
    names the upstream in errors."""
    result = subprocess.run(
        ["patch", f"-p{strip}", "-F0", "-s", "-f", "--no-backup-if-mismatch",
         "-r-", "-d", tree, "-i", os.path.abspath(patch)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        of = of or f"Open vSwitch {version(tree)}"
        raise UpstreamError(f"{patch} does not apply to {of}:\n"
                            f"{result.stdout.rstrip()}")


def patched_tree(source, patch_dir, destination):
    """Makes 'destination' from 'source' with the whole series applied."""
    shutil.rmtree(destination, ignore_errors=True)
    unpack(source, destination)
    check_version(destination)
    for name in series(patch_dir):
        apply_patch(destination, os.path.join(patch_dir, name))


def touched_files(patch):
    """Files that 'patch' changes."""
    return [m.group(1) for m in map(re.compile(r"\+\+\+ [^/]+/(\S+)").match,
                                    read_lines(patch)) if m]
