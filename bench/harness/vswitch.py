# SPDX-License-Identifier: Apache-2.0
"""An ovs-vswitchd on the userspace datapath with dummy ports, of either build,
with a database and directories of its own."""

import json
import os
import socket
import subprocess
import tempfile
import time

from harness import runner

DATAPATH = "dummy@ovs-dummy"
START_TIMEOUT = 60              # Seconds.


class Vswitch:
    """A context manager.  The daemon and all its threads are on the measuring
    processor; who talks to it should be on the other one."""

    def __init__(self, context, side, other_config=()):
        self._context = context
        self._side = side
        self._other_config = dict(other_config)
        self._processes = []
        self._dir = None
        self._ctl = None            # Control socket of the daemon.
        self._daemon = None

    def __enter__(self):
        self._dir = tempfile.TemporaryDirectory(prefix="bench-")
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *exc):
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        self._dir.cleanup()
        return False

    def _path(self, name):
        return os.path.join(self._dir.name, name)

    def _program(self, name):
        return self._context.program(self._side, name)

    def _spawn(self, argv, cpu):
        with open(self._path(os.path.basename(argv[0]) + ".out"), "wb") as out:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=self._environment(), cwd=self._dir.name,
                preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
        self._processes.append(process)
        return process

    def _environment(self):
        return dict(os.environ, OVS_RUNDIR=self._dir.name,
                    OVS_LOGDIR=self._dir.name, OVS_DBDIR=self._dir.name)

    def _wait_for(self, path, process):
        deadline = time.monotonic() + START_TIMEOUT
        while not os.path.exists(path):
            if process.poll() is not None or time.monotonic() > deadline:
                with open(self._path(os.path.basename(process.args[0])
                                     + ".out"), encoding="utf-8") as f:
                    raise runner.Failed("%s did not start: %s" % (
                        process.args[0], f.read()[-2000:]))
            time.sleep(0.02)

    def _start(self):
        database, remote = self._path("conf.db"), self._path("db.sock")
        schema = os.path.join(self._context.build, self._side + "-src",
                              "vswitchd", "vswitch.ovsschema")
        runner.run_pinned([self._program("ovsdb/ovsdb-tool"), "create",
                           database, schema], runner.other_cpu(),
                          env=self._environment())
        process = self._spawn(
            [self._program("ovsdb/ovsdb-server"), database, "-vconsole:off",
             "--remote=punix:" + remote, "--unixctl=" + self._path("db.ctl")],
            runner.other_cpu())
        self._wait_for(remote, process)
        self.vsctl("--no-wait", "init")
        self._ctl = self._path("vswitchd.ctl")
        self._daemon = self._spawn(
            [self._program("vswitchd/ovs-vswitchd"), "unix:" + remote,
             "--enable-dummy", "--disable-system", "--no-chdir",
             "-vconsole:off", "--unixctl=" + self._ctl],
            runner.measuring_cpu())
        self._wait_for(self._ctl, self._daemon)
        settings = ["other_config:%s=%s" % item
                    for item in self._other_config.items()]
        if settings:
            self.vsctl("set", "Open_vSwitch", ".", *settings)
        add = ["add-br", "br0", "--", "set", "bridge", "br0",
               "datapath_type=dummy"]
        for i in (1, 2):
            add += ["--", "add-port", "br0", "p%d" % i, "--", "set",
                    "interface", "p%d" % i, "type=dummy",
                    "ofport_request=%d" % i]
        self.vsctl(*add)

    def vsctl(self, *args):
        return runner.run_pinned(
            [self._program("utilities/ovs-vsctl"),
             "--db=unix:" + self._path("db.sock"), *args],
            runner.other_cpu(), env=self._environment())

    def add_openflow(self, flow, bridge="br0"):
        runner.run_pinned([self._program("utilities/ovs-ofctl"), "add-flow",
                           "unix:" + self._path(bridge + ".mgmt"), flow],
                          runner.other_cpu(), env=self._environment())

    def appctl_argv(self, *args):
        """An ovs-appctl of the same build, for those who want to time it."""
        return [self._program("utilities/ovs-appctl"), "-t", self._ctl, *args]

    def control(self):
        """The control socket."""
        return self._ctl

    def ring(self):
        """The socket for rings."""
        return self._path("ovs-vswitchd.%d.ring" % self._daemon.pid)

    def reset_peak(self):
        """Has peak_mib() begin at the memory that the daemon has now."""
        with open("/proc/%d/clear_refs" % self._daemon.pid, "w",
                  encoding="utf-8") as f:
            f.write("5")

    def peak_mib(self):
        """The most memory that the daemon had, in MiB."""
        with open("/proc/%d/status" % self._daemon.pid,
                  encoding="utf-8") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
        raise runner.Failed("no VmHWM")

    def call(self, method, *params):
        """Runs a command of the daemon; returns what it replies."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(300)
            s.connect(self._ctl)
            s.sendall(json.dumps({"id": 0, "method": method,
                                  "params": params}).encode())
            decoder, text = json.JSONDecoder(), ""
            while True:
                data = s.recv(1 << 20)
                text += data.decode()
                try:
                    reply, _ = decoder.raw_decode(text)
                    break
                except ValueError:
                    if not data:
                        raise runner.Failed("%s: no reply" % method) from None
        if reply.get("error"):
            raise runner.Failed("%s: %s" % (method, reply["error"]))
        return reply["result"]

    def add_flows(self, first, last):
        """Adds the datapath flows number 'first' to 'last' - 1: TCP over IPv4
        from port 1 to port 2, all headers matched."""
        with open(self._path("flows"), "w", encoding="utf-8") as f:
            for i in range(first, last):
                f.write("recirc_id(0),in_port(1),packet_type(ns=0,id=0),"
                        "eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),"
                        "eth_type(0x0800),ipv4(src=10.%d.%d.%d,"
                        "dst=192.168.0.1,proto=6,tos=0,ttl=64,frag=no),"
                        "tcp(src=%d,dst=443) 2\n"
                        % (i >> 16, i >> 8 & 255, i & 255,
                           1024 + i % 60000))
        reply = self.call("dpctl/add-flows", DATAPATH, self._path("flows"))
        if reply:
            raise runner.Failed("dpctl/add-flows: " + reply[:1000])

    def thread(self, name):
        """The number of the one thread whose name begins with 'name'; of the
        daemon's main thread for None."""
        pid = self._daemon.pid
        if name is None:
            return pid
        found = []
        for tid in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/comm" % (pid, tid),
                      encoding="utf-8") as f:
                if f.read().startswith(name):
                    found.append(int(tid))
        if len(found) != 1:
            raise runner.Failed("%d threads are called %s"
                                % (len(found), name))
        return found[0]

    def cpu_ns(self, tid):
        """CPU time of a thread so far, in nanoseconds."""
        with open("/proc/%d/task/%d/schedstat" % (self._daemon.pid, tid),
                  encoding="utf-8") as f:
            return int(f.read().split()[0])
