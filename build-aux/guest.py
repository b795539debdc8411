# SPDX-License-Identifier: Apache-2.0
"""Guests: a kernel that is not the host's, with a root file system in memory
that has our programs, our modules and what tests need of the host's programs.

A pure library; it leaves only through GuestError.  No privileges are needed:
archives are written without mounting anything, and the guest has no network
and no disk.
"""

import glob
import importlib.util
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time


class GuestError(Exception):
    """Something that the user must mend; the text says what and how."""


class Archive:
    """Writes a cpio archive of the kind that Linux unpacks as its first root
    file system ("newc"; Documentation/driver-api/early-userspace in Linux).

    Paths are absolute.  Directories come into being as they are needed, and
    what was added once is not added again."""

    def __init__(self, f):
        self.f = f
        self.inode = 0
        self.known = {"/"}

    def _entry(self, path, mode, data=b"", mtime=0, rdev=(0, 0)):
        self.inode += 1
        name = path.lstrip("/").encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, int(mtime), len(data), 0, 0,
                  *rdev, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % n for n in fields) + name
        self.f.write(head.ljust(len(head) + -len(head) % 4, b"\0"))
        self.f.write(data)
        self.f.write(b"\0" * (-len(data) % 4))

    def _new(self, path):
        if path in self.known:
            return False
        self.directory(os.path.dirname(path))
        self.known.add(path)
        return True

    def directory(self, path, mode=0o755):
        if path not in self.known and self._new(path):
            self._entry(path, stat.S_IFDIR | mode)

    def data(self, path, data, mode=0o644, mtime=0):
        if self._new(path):
            self._entry(path, stat.S_IFREG | mode, data, mtime)

    def file(self, path, source=None):
        """Adds a copy of 'source', of 'path' itself by default."""
        if path not in self.known:
            try:
                with open(source or path, "rb") as f:
                    status = os.fstat(f.fileno())
                    self.data(path, f.read(), stat.S_IMODE(status.st_mode),
                              status.st_mtime)
            except OSError as e:
                raise GuestError(f"{e.filename}: {e.strerror}") from None

    def link(self, path, target):
        if self._new(path):
            self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path, major, minor):
        if self._new(path):
            self._entry(path, stat.S_IFCHR | 0o600, rdev=(major, minor))

    def close(self):
        self._entry("TRAILER!!!", 0)
        self.f.write(b"\0" * (-self.f.tell() % 512))


def output(*command, **kwargs):
    result = subprocess.run(command, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, check=False,
                            **kwargs)
    if result.returncode:
        raise GuestError(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


def which(program):
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    return shutil.which(program, path=path)


class Root:
    """A root file system: programs with the libraries that they need, Python,
    files.  Paths in the guest are those of the host, so that scripts and
    configurations need not be adapted."""

    # Directories that are links to those below /usr, as Debian has it.
    MERGED = ("bin", "sbin", "lib", "lib64", "lib32")

    # Large and of no use in a guest.
    PYTHON_DROPPED = ("test", "tests", "idlelib", "lib2to3", "pydoc_data",
                      "ensurepip", "tkinter", "turtledemo", "distutils",
                      "dist-packages", "site-packages")

    def __init__(self, f):
        self.archive = Archive(f)
        for name in self.MERGED:
            self.archive.directory("/usr/" + name)
            self.archive.link("/" + name, "usr/" + name)
        for name in ("proc", "sys", "dev", "run", "etc", "root", "mnt"):
            self.archive.directory("/" + name)
        self.archive.directory("/tmp", 0o1777)
        self.archive.directory("/var")
        self.archive.link("/var/run", "../run")
        # For the kernel, before init mounts a /dev.
        self.archive.device("/dev/console", 5, 1)

    def _canonical(self, path):
        top, _, rest = path.lstrip("/").partition("/")
        return f"/usr/{top}/{rest}" if top in self.MERGED else path

    def libraries(self, path):
        """Adds what the dynamic linker would load for 'path'."""
        result = subprocess.run(["ldd", path], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True,
                                check=False)
        for library in re.findall(r"(?:=> |^\s*)(/\S+)", result.stdout,
                                  re.MULTILINE):
            self.archive.file(self._canonical(library), library)

    def binary(self, path, source):
        """Adds a program of ours, without what only a debugger needs."""
        with tempfile.TemporaryDirectory() as scratch:
            stripped = os.path.join(scratch, "stripped")
            output("strip", "-g", "-o", stripped, source)
            self.archive.file(self._canonical(path), stripped)
        self.libraries(source)

    def program(self, name):
        """Adds the host's program 'name'; False if it has none."""
        path = which(name)
        if not path:
            return False
        source = os.path.realpath(path)
        self.archive.file(self._canonical(path), source)
        with open(source, "rb") as f:
            head = f.read(4)
        if head == b"\x7fELF":
            self.libraries(source)
        return True

    def tree(self, top, source=None, wanted=lambda path: True):
        """Adds all files in 'source', of 'top' itself by default, as 'top'.
        Links to files are followed."""
        source = source or top
        for directory, subdirs, names in os.walk(source):
            at = os.path.join(top, os.path.relpath(directory, source))
            at = os.path.normpath(at)
            subdirs[:] = sorted(d for d in subdirs
                                if wanted(os.path.join(directory, d)))
            for name in sorted(names):
                path = os.path.join(directory, name)
                if wanted(path) and os.path.isfile(path):
                    self.archive.file(os.path.join(at, name), path)

    def python(self, packages):
        """Adds the Python that runs this, its library, and those of
        'packages' that the host has."""
        interpreter = os.path.realpath(sys.executable)
        self.archive.file(self._canonical(interpreter), interpreter)
        self.libraries(interpreter)
        if interpreter != "/usr/bin/python3":
            self.archive.link("/usr/bin/python3", interpreter)
        stdlib = sysconfig.get_path("stdlib")
        self.tree(stdlib, wanted=lambda path: not (
            os.path.basename(path) in self.PYTHON_DROPPED
            or os.path.basename(path).startswith("config-")))
        for directory, _, names in os.walk(os.path.join(stdlib,
                                                        "lib-dynload")):
            for name in names:
                self.libraries(os.path.join(directory, name))
        for package in packages:
            spec = importlib.util.find_spec(package)
            for path in (spec and spec.submodule_search_locations) or ():
                self.tree(path)
                # What the package says of itself.
                for info in glob.glob(path + "-*.*-info"):
                    self.tree(info)

    def modules(self, top, release, names, ours=None):
        """Adds the kernel's modules 'names' of 'top'/lib/modules/'release',
        those that exist, with all that they need, and the modules in the
        directory 'ours', which come first when modprobe looks for one."""
        room = os.path.join("lib", "modules", release)
        source = os.path.join(top, room)
        with tempfile.TemporaryDirectory() as scratch:
            at = os.path.join(scratch, room)
            depends = {}
            by_name = {}
            for line in read(os.path.join(source,
                                          "modules.dep")).splitlines():
                path, _, needs = line.partition(":")
                depends[path] = needs.split()
                by_name[module_name(path)] = path
            chosen = set()
            for name in names:
                path = by_name.get(name.replace("-", "_"))
                if path:
                    chosen |= {path, *depends[path]}
            for path in sorted(chosen):
                copy(os.path.join(source, path), os.path.join(at, path))
            for path in ("modules.builtin", "modules.builtin.modinfo",
                         "modules.order"):
                if os.path.exists(os.path.join(source, path)):
                    copy(os.path.join(source, path), os.path.join(at, path))
            if ours:
                os.makedirs(os.path.join(at, "updates"), exist_ok=True)
                for name in sorted(os.listdir(ours)):
                    if name.endswith(".ko"):
                        output("strip", "-g", "-o",
                               os.path.join(at, "updates", name),
                               os.path.join(ours, name))
            output(which("depmod") or "depmod", "-b", scratch, release)
            self.tree("/usr/" + room, at)

    def close(self):
        self.archive.close()


def read(path, mode="r"):
    try:
        with open(path, mode) as f:
            return f.read()
    except OSError as e:
        raise GuestError(f"{path}: {e.strerror}") from None


def copy(source, destination):
    os.makedirs(os.path.dirname(destination), exist_ok=True)
    shutil.copyfile(source, destination)


def module_name(path):
    return os.path.basename(path).split(".")[0].replace("-", "_")


def unpack_kernel(bzimage, vmlinux):
    """Writes the uncompressed kernel that is in 'bzimage' to 'vmlinux'.  QEMU
    can start it directly; for an emulated processor, to uncompress it is a
    second's work.  (Linux's Documentation/x86/boot.rst has the header.)"""
    data = read(bzimage, "rb")
    if data[0x202:0x206] != b"HdrS":
        raise GuestError(f"{bzimage}: not a kernel image")
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (data[0x1f1] + 1) * 512 + offset
    # The last four bytes are the size of what comes out.
    payload = data[start:start + length - 4]
    if payload.startswith(b"\x02\x21\x4c\x18"):
        command = ["lz4", "-d", "-c"]
    elif payload.startswith(b"\xfd7zXZ\0"):
        command = ["xz", "-d", "-c"]
    else:
        raise GuestError(f"{bzimage}: compressed in an unknown way")
    with open(vmlinux, "wb") as f:
        result = subprocess.run(command, input=payload, stdout=f,
                                stderr=subprocess.PIPE, check=False)
    if result.returncode:
        raise GuestError(f"{bzimage}: {command[0]}: "
                         f"{result.stderr.decode(errors='replace').strip()}")


class Machine:
    """How to start a kernel: in QEMU, all in software, or as User Mode Linux.

    'output' is the device in the guest whose text goes to a file of its own;
    what the kernel says goes to the console."""

    ARGUMENTS = ("quiet", "panic=-1", "oops=panic", "rdinit=/init",
                 "watchdog_thresh=60", "rcupdate.rcu_cpu_stall_timeout=240")

    def __init__(self, kernel, uml):
        self.kernel = kernel
        self.uml = uml

    def command(self, initrd, console, out, arguments):
        arguments = [f'{key}="{value}"' for key, _, value
                     in (a.partition("=") for a in arguments)]
        if self.uml:
            # Its two consoles are on two descriptors, see start().
            return ["setpriv", "--pdeathsig", "KILL",
                    self.kernel, "mem=1536M", "initrd=" + initrd,
                    "con=null", "con0=null,fd:2", "con1=null,fd:1",
                    "ssl=null", "OUTPUT=/dev/tty1", *self.ARGUMENTS,
                    *arguments]
        return ["setpriv", "--pdeathsig", "KILL",
                "qemu-system-x86_64", "-accel", "tcg,thread=multi",
                "-M", "pc", "-cpu", "qemu64", "-smp", "2", "-m", "1024",
                "-nodefaults", "-display", "none", "-no-reboot",
                "-kernel", self.kernel, "-initrd", initrd,
                "-serial", "file:" + console, "-serial", "file:" + out,
                "-append", " ".join((
                    "console=ttyS0 tsc=reliable mitigations=off nokaslr",
                    "random.trust_cpu=on cryptomgr.notests",
                    "OUTPUT=/dev/ttyS1", *self.ARGUMENTS, *arguments))]

    def start(self, initrd, console, out, arguments):
        with open(out, "wb") as o, open(console, "wb") as c:
            return subprocess.Popen(
                self.command(initrd, console, out, arguments),
                stdin=subprocess.DEVNULL,
                stdout=o if self.uml else c,
                stderr=c, start_new_session=True)


class Boot:
    """One run of a guest.  'lines' hands out what it prints, as it comes.

    Ends by itself, or when it said nothing for 'timeout' seconds; 'end' tells:
    "ok", "timeout" or "died"."""

    END = "@@END@@"

    def __init__(self, machine, initrd, console, arguments, timeout):
        self.end = None
        self.seconds = 0
        self._machine = (machine, initrd, console, arguments)
        self._timeout = timeout
        self._process = None
        self._lock = threading.Lock()
        self._killed = False

    def lines(self):
        machine, initrd, console, arguments = self._machine
        start = said = time.monotonic()
        with tempfile.NamedTemporaryFile() as out:
            with self._lock:
                if self._killed:
                    return
                self._process = machine.start(initrd, console, out.name,
                                              arguments)
            try:
                pending = ""
                done = False
                while not done:
                    done = self._process.poll() is not None
                    pending += out.read().decode(errors="replace")
                    *complete, pending = pending.split("\n")
                    if complete:
                        said = time.monotonic()
                    for line in complete:
                        line = line.rstrip("\r")
                        if line == self.END:
                            self.end = "ok"
                        else:
                            yield line
                    if time.monotonic() - said > self._timeout:
                        self.end = self.end or "timeout"
                        break
                    time.sleep(.05)
                if pending:
                    yield pending
            finally:
                self.kill()
                self.seconds = time.monotonic() - start
                self.end = self.end or "died"

    def kill(self):
        """May be called by any thread."""
        with self._lock:
            self._killed = True
            if self._process and self._process.poll() is None:
                # User Mode Linux is several processes.
                os.killpg(self._process.pid, 9)
                self._process.wait()
