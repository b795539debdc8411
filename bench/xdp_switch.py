# SPDX-License-Identifier: Apache-2.0
"""Sends UDP packets of 60 bytes into a switch of AF_XDP ports and prints, as
JSON, what became of them and what they cost.  To be run in tests/sandbox.

    far   e0 ----- p0  br0  p1 ----- e1   near
    far   g0 ----- d0                     takes no frames of XDP
    far   g1 ----- d1                     a program that drops them all

The generator is on one processor, where all of the kernel's work for what it
sends is done, too, and the only PMD thread on the other.  What the generator
costs alone is told by g0, whose frames are taken by nobody; what dropping
costs at least, by g1.

PART is one of

    drop        a rule drops them
    masks       eight rules, with masks of their own, of which the last one in
                XDP drops them
    pass        a meter drops them, which XDP cannot do
    forward     a rule sends them out of p1; a program at e1 counts and drops
    tap         a rule sends them to a tap device, whose reader counts
    download    a rule drops them, while near sends as much as it can to far
                by TCP

All but "download" print

    disturbed   how many of the bursts that count have been disturbed
    bursts      each with
      came        packets that p0 took
      lost        of these, those that the socket had no room for
      seconds     from the first to the last packet
      cpu         seconds of the generator's processor
      delivered   packets that came to e1, or to the reader
      received    packets that the PMD thread received
      work        seconds that it worked for them, and did not poll in vain
      waited      share of the time that it waited for its processor
      alone       seconds of the processor for a packet sent by g0
      bare        likewise for one by g1, if asked for

and fail if the OpenFlow rules have not counted each single packet that came
and was not lost, in bursts that are left out, too.  These are bursts that were
disturbed: somebody else needed the processors, or more was lost than would
leave the figures as they are, since what is lost costs less.  Twice as many as
asked for are sent at most; then those count that were disturbed least.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FAR = ("ip", "netns", "exec", "far")
NEAR = ("ip", "netns", "exec", "near")
FAR_ADDRESS, NEAR_ADDRESS = "198.18.0.1", "198.18.0.2"
SOURCES = 65536
ATTACK = "udp,in_port=1,nw_src=10.0.0.0/8"
ATTACK_RATE = 7000000   # Packets per second, beside a download.
MAX_WAITED = 0.05       # Share of the time that a thread may have to wait.
MAX_LOST = {            # Share of the packets, where it matters.
    "drop": 0.1,
    "pass": 0.02,
}
PAUSE = 0.05            # What a generator rests, in s.
NEVER = "600000"        # In ms.

# What tells eight masks apart, besides the addresses: the same values as all
# of the generator's packets have.  The last one is looked up last.
FIELDS = ("nw_ttl=64", "nw_tos=0", "nw_ecn=0")
MASKS = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))
MASK_TOS, MASK_TTL = 5, 6       # Bytes of a mask's first word.


class Failed(Exception):
    """A measurement that did not come about."""


def output(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=300, check=False)
    if done.returncode:
        raise Failed("%s: exit status %d: %s" % (
            " ".join(argv), done.returncode, done.stderr[-1000:].strip()))
    return done.stdout


def wait_until(what, condition, seconds=30):
    """Returns what 'condition' returns, once that is true."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed("waited in vain: " + what)
        time.sleep(0.02)


def no_ipv6(*netns):
    """Away with packets that the kernel sends unasked."""
    for conf in "all", "default":
        output(*netns, "sh", "-c",
               "echo 1 >/proc/sys/net/ipv6/conf/%s/disable_ipv6" % conf)


def cable(here, there, netns, n_queues=1):
    queues = ("numrxqueues", str(n_queues), "numtxqueues", str(n_queues))
    output("ip", "link", "add", here, *queues, "type", "veth", "peer", "name",
           there, *queues, "netns", netns)
    output("ip", "netns", "exec", netns, "ethtool", "-K", there, "tx", "off")
    output("ip", "link", "set", here, "up")
    output("ip", "-n", netns, "link", "set", there, "up")


def queue_by_cpu(netns, device, cpus):
    """Has a processor of 'cpus' send to the queue of its place there."""
    for queue, cpu in enumerate(cpus):
        output("ip", "netns", "exec", netns, "sh", "-c",
               "echo %x >/sys/class/net/%s/queues/tx-%d/xps_cpus"
               % (1 << cpu, device, queue))


def counter(device, name, *netns):
    found = re.search(r"^ *%s: (\d+)$" % name,
                      output(*netns, "ethtool", "-S", device), re.M)
    if not found:
        raise Failed("%s: no counter %s" % (device, name))
    return int(found[1])


def counters(device, name, n_queues):
    """Of all receive queues together."""
    return sum(counter(device, "rx_queue_%d_%s" % (queue, name))
               for queue in range(n_queues))


def nanoseconds(schedstat):
    """What a thread has run, and waited for a processor, of its 'schedstat'
    in /proc."""
    return [int(n) for n in schedstat.split()[:2]]


class Generator:
    def __init__(self, program, cpu, ksoftirqd):
        self.argv = [*FAR, "taskset", "-c", str(cpu), program]
        self.ksoftirqd = ksoftirqd

    def _softirqs(self):
        """Seconds of the kernel's thread that goes on with the work for
        packets when there is too much of it."""
        if self.ksoftirqd is None:
            return 0
        return nanoseconds(os.pread(self.ksoftirqd, 100, 0).decode())[0] / 1e9

    def command(self, device, *options):
        return [*self.argv, "--source=10.0.0.1", *options, device]

    def send(self, device, packets, *options, prefix=()):
        """Returns what the generator says, with "came", packets that the
        device took, and "cpu", seconds of its processor."""
        before = self._softirqs()
        out = output(*prefix, *self.command(device, "--packets=%d" % packets,
                                            *options))
        sent = json.loads(out.splitlines()[0])
        return self.told(sent, self._softirqs() - before)

    @staticmethod
    def told(sent, softirqs=0):
        sent["came"] = sent["sent"] - sent["refused"]
        sent["cpu"] = sent["cpu_seconds"] + softirqs
        return sent


class Switch:
    """An ovs-vswitchd of 'tree' with the bridge br0, whose files are in
    'directory'."""

    def __init__(self, tree, source, directory, pmd_cpu, settings):
        self.tree = tree
        self.directory = directory
        self.started = time.monotonic()
        os.environ.update(dict.fromkeys(
            ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"), directory))
        os.environ["LIBXDP_SKIP_DISPATCHER"] = "1"
        database = os.path.join(directory, "conf.db")
        daemon = ("--detach", "--no-chdir", "--pidfile", "--log-file",
                  "-vconsole:off")
        self._run("ovsdb/ovsdb-tool", "create", database, os.path.join(
            source, "vswitchd/vswitch.ovsschema"))
        self._run("ovsdb/ovsdb-server", *daemon, "--remote=punix:"
                  + os.path.join(directory, "db.sock"), database)
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".",
                   "other_config:pmd-cpu-mask=%x" % (1 << pmd_cpu),
                   "other_config:max-idle=" + NEVER,
                   *("other_config:" + s for s in settings))
        self._run("vswitchd/ovs-vswitchd", *daemon, "--disable-system")
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0",
                   "datapath_type=netdev")
        self.ofctl("del-flows", "br0")

    def _run(self, program, *arguments):
        return output(os.path.join(self.tree, program), *arguments)

    def vsctl(self, *arguments):
        return self._run("utilities/ovs-vsctl", "--timeout=60", *arguments)

    def appctl(self, *arguments):
        return self._run("utilities/ovs-appctl", *arguments)

    def ofctl(self, command, *arguments):
        return self._run("utilities/ovs-ofctl", "-OOpenFlow13", command,
                         *arguments)

    def log(self):
        path = os.path.join(self.directory, "ovs-vswitchd.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-20:])

    def add_port(self, number, *options, name=None, port_type="afxdp"):
        name = name or "p%d" % number
        if port_type == "afxdp":
            options = ("options:xdp-mode=native", *options)
        self.vsctl("add-port", "br0", name, "--", "set", "interface", name,
                   "type=" + port_type, "ofport_request=%d" % (number + 1),
                   *options)
        error = self.vsctl("get", "interface", name, "error").strip()
        if error != "[]":
            raise Failed("%s: %s" % (name, error))

    def counted(self):
        """Packets that the rules in table 0 have counted."""
        self.appctl("revalidator/wait")
        return int(re.search(r"packet_count=(\d+)", self.ofctl(
            "dump-aggregate", "br0", "table=0,udp"))[1])

    def revalidate_each(self, ms):
        """Sets how often flows are looked at."""
        self.vsctl("set", "Open_vSwitch", ".",
                   "other_config:max-revalidator=" + ms)
        # A rule that nothing uses wakes up who sleeps as long as before.
        self.ofctl("add-flow", "br0", "table=200,actions=drop")

    def in_xdp(self):
        return self.appctl("dpctl/dump-flows", "-m").count("dp:xdp")

    def pmd(self):
        """Packets that the PMD thread received, its cycles of work, and all
        its cycles."""
        text = self.appctl("dpif-netdev/pmd-stats-show")
        text = re.search(r"^pmd thread.*?(?=^\S|\Z)", text, re.M | re.S)[0]

        def number(name):
            found = re.search(name + r": (\d+)", text)
            return int(found[1]) if found else 0

        work = number("processing cycles")
        return (number("packets received"), work,
                work + number("idle cycles"))

    def pmd_time(self):
        """Seconds that the PMD thread has run, and that it has waited for its
        processor."""
        with open(os.path.join(self.directory, "ovs-vswitchd.pid"),
                  encoding="ascii") as f:
            tasks = "/proc/%d/task" % int(f.read())
        for task in os.listdir(tasks):
            # Threads come and go.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                with open(os.path.join(tasks, task, "comm"),
                          encoding="ascii") as f:
                    if not f.read().startswith("pmd-"):
                        continue
                with open(os.path.join(tasks, task, "schedstat"),
                          encoding="ascii") as f:
                    return [ns / 1e9 for ns in nanoseconds(f.read())]
        raise Failed("no PMD thread")


class Bench:
    def __init__(self, args, switch, generator, reader=None):
        self.args = args
        self.switch = switch
        self.generator = generator
        self.reader = reader        # Of the tap device.
        self.options = ("--sources=%d" % SOURCES,)

    def seed(self, *options):
        """Has a packet set up its flow in software and, if it is to be there,
        in XDP."""
        n_flows = self.switch.in_xdp()
        n = self.switch.counted()
        if self.generator.send("e0", 1, *options)["came"] != 1:
            raise Failed("p0 takes no packets")
        wait_until("the flow of a packet",
                   lambda: self.switch.counted() == n + 1)
        if self.args.offload and self.args.part != "pass":
            wait_until("a flow in XDP",
                       lambda: self.switch.in_xdp() == n_flows + 1)

    def delivered(self):
        if self.args.part == "tap":
            self.reader.stdin.write("\n")
            return int(self.reader.stdout.readline())
        if self.args.part != "forward":
            return 0
        return counter("e1", "rx_queue_0_xdp_drops", *NEAR)

    def is_in_software(self):
        return not self.args.offload or self.args.part == "pass"

    def state(self):
        received, work, cycles = self.switch.pmd()
        ran, waited = self.switch.pmd_time()
        return {"time": time.monotonic(), "received": received,
                "work": work, "cycles": cycles, "ran": ran, "waited": waited,
                "lost": counter("p0", "rx_queue_0_drops"),
                "delivered": self.delivered()}

    def burst(self, packets):
        before = self.state()
        came = counter("p0", "rx_queue_0_xdp_packets")
        sent = self.generator.send("e0", packets, *self.options)
        wait_until("p0 to take all", lambda: counter(
            "p0", "rx_queue_0_xdp_packets") - came >= sent["came"])
        lost = counter("p0", "rx_queue_0_drops") - before["lost"]
        if self.is_in_software():
            wait_until("the PMD thread to receive all", lambda:
                       self.switch.pmd()[0] - before["received"]
                       >= sent["came"] - lost)
        while True:
            delivered = self.delivered()
            after = self.state()
            if after["delivered"] == delivered:
                break
        change = {key: after[key] - before[key] for key in after}
        # Cycles go on while somebody else has the processor.
        work = change["ran"] * change["work"] / max(change["cycles"], 1)
        return {"came": sent["came"], "lost": lost,
                "seconds": sent["seconds"], "cpu": sent["cpu"],
                "delivered": change["delivered"],
                "received": change["received"], "work": work,
                "waited": change["waited"] / change["time"]}

    def disturbance(self, burst):
        """How much somebody or something has interfered; up to 1 is none.
        The reader of a tap device takes time of one or the other."""
        found = [0]
        if self.args.part == "tap":
            return 0
        if self.args.part == "forward":
            found.append((burst["seconds"] - burst["cpu"] - PAUSE)
                         / burst["seconds"] / MAX_WAITED)
        if self.args.part in MAX_LOST:
            found.append(burst["lost"] / burst["came"]
                         / MAX_LOST[self.args.part])
        if self.is_in_software():
            found.append(burst["waited"] / MAX_WAITED)
        return max(found)

    def alone(self, packets):
        sent = self.generator.send("g0", packets, *self.options)
        return sent["cpu"] / sent["sent"]

    def bare_prefix(self):
        """Of a command that sends by g1: the program that drops it all."""
        return (os.path.join(self.args.ours, "bench/bench-xdp"), "live", "d1",
                "return")

    def bare(self, packets):
        sent = self.generator.send("g1", packets, *self.options,
                                   prefix=self.bare_prefix())
        return sent["cpu"] / sent["came"]

    def max_bursts(self):
        return self.args.bursts * (1 if self.args.quick else 2)

    def bursts(self):
        packets = self.args.packets
        counted = self.switch.counted()
        masks = self.args.part == "masks" and self.args.offload
        expected = order_masks(self) if masks else 0
        bursts = []
        n_good = 0
        while n_good < self.args.bursts and len(bursts) < self.max_bursts():
            found = self.burst(packets)
            expected += found["came"] - found["lost"]
            found["alone"] = self.alone(packets)
            if self.args.bare:
                found["bare"] = self.bare(packets)
            bursts.append(found)
            n_good += self.disturbance(found) <= 1
        if masks:
            if not last_is_last():
                raise Failed("the order of the masks has changed")
            self.switch.revalidate_each("500")
        with contextlib.suppress(Failed):
            wait_until("the count", lambda:
                       self.switch.counted() - counted >= expected)
        n = self.switch.counted() - counted
        if n != expected:
            raise Failed("%d packets were to be counted, OpenFlow says %d"
                         % (expected, n))
        bursts.sort(key=self.disturbance)
        del bursts[self.args.bursts:]
        return {"bursts": bursts,
                "disturbed": 0 if self.args.quick
                else self.args.bursts - n_good}


def dump_port():
    """What is in the memory of the program of p0, as bpftool sees it."""
    prog = json.loads(output("bpftool", "-j", "net", "show", "dev", "p0"))
    prog = json.loads(output("bpftool", "-j", "prog", "show", "id",
                             str(prog[0]["xdp"][0]["id"])))
    for number in map(str, prog["map_ids"]):
        found = json.loads(output("bpftool", "-j", "map", "show", "id",
                                  number))
        if found["name"].endswith(".bss"):
            dump = json.loads(output("bpftool", "-j", "map", "dump", "id",
                                     number))
            for section in dump[0]["formatted"]["value"].values():
                for variable in section:
                    if "port" in variable:
                        return variable["port"]
    raise Failed("no memory of the program of p0")


def last_is_last():
    """Are there eight masks, and is the one with all fields looked up last?"""
    port = dump_port()
    tables = port["tables"][port["active"] & 1]
    first, n = (tables[key][1] for key in ("first", "n"))    # Of IPv4.
    if n != len(MASKS):
        return False
    word = tables["masks"][first + n - 1]["words"][0]
    word = word.to_bytes(8, sys.byteorder)
    return word[MASK_TOS] == word[MASK_TTL] == 0xff


def set_up_masks(bench):
    """A rule for each of MASKS, by the source address, and a flow for each
    rule; that for what the generator sends is the coldest."""
    for i, fields in enumerate(MASKS):
        net = 10 + (i + 1) % len(MASKS)
        bench.switch.ofctl(
            "add-flow", "br0", "udp,in_port=1,nw_src=%d.0.0.0/8,"
            "actions=resubmit(,%d)" % (net, i + 1))
        bench.switch.ofctl(
            "add-flow", "br0", ",".join(
                ["table=%d" % (i + 1), "udp", *(FIELDS[f] for f in fields),
                 "actions=drop"]))
        bench.seed("--source=%d.0.0.1" % net)


def order_masks(bench):
    """Has the mask of what the generator sends looked up last, and stops the
    revalidators, who would tell how hot it is.  Returns how many packets that
    took."""
    n = 0
    bench.switch.revalidate_each(NEVER)

    def ordered():
        nonlocal n
        for i in range(1, len(MASKS)):
            n += bench.generator.send("e0", 20000, "--source=%d.0.0.1"
                                      % (10 + i))["came"]
        bench.switch.in_xdp()           # Reads how hot they are.
        end = time.monotonic() + 3      # The order is cared for each second.
        while time.monotonic() < end:
            if last_is_last():
                return True
            time.sleep(0.1)
        return False

    wait_until("the order of masks", ordered)
    return n


def main_bursts(bench):
    part, switch = bench.args.part, bench.switch
    if part == "masks":
        set_up_masks(bench)
    elif part == "pass":
        switch.ofctl("add-meter", "br0",
                     "meter=1,pktps,band=type=drop,rate=1")
        switch.ofctl("add-flow", "br0", ATTACK + ",actions=meter:1")
    elif part in ("forward", "tap"):
        switch.ofctl("add-flow", "br0", ATTACK + ",actions=output:2")
    else:
        switch.ofctl("add-flow", "br0", ATTACK + ",actions=drop")
    if part != "masks":
        bench.seed()
    if part == "pass" and bench.args.offload and switch.in_xdp():
        raise Failed("there are flows in XDP")
    return bench.bursts()


@contextlib.contextmanager
def process(*argv, **kwargs):
    """A process that ends with the block, and what it prints is read line by
    line."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True, bufsize=1,
                          stdout=subprocess.PIPE, **kwargs) as child:
        try:
            yield child
        finally:
            child.kill()


def wait_for(seconds, child):
    """Sleeps, unless 'child' ends."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(seconds)
        raise Failed("%s ended" % " ".join(child.args))


def attack(bench, client, seconds, device):
    """Attacks for some 'seconds'.  Returns what was downloaded meanwhile, in
    bytes per second, and what the generator says."""
    generator = bench.generator
    with process(*generator.command(
            device, *bench.options, "--rate=%d" % ATTACK_RATE,
            "--seconds=%d" % (seconds + 60))) as child:
        wait_for(1, child)
        rate = downloaded(client, seconds)
        child.send_signal(signal.SIGTERM)
        out = child.communicate(timeout=60)[0]
    return rate, generator.told(json.loads(out))


def downloaded(client, seconds):
    """Bytes per second of a process with download.py fetch."""
    def total():
        client.stdin.write("\n")
        line = client.stdout.readline()
        if not line:
            raise Failed("the download ended")
        return int(line), time.monotonic()

    first, begin = total()
    wait_for(seconds, client)
    last, end = total()
    return (last - first) / (end - begin)


def main_download(bench):
    """Prints bytes per second that were downloaded when it was quiet, when it
    was not, and when the same generator sent to another port as fast as it
    could; and packets per second of the attack."""
    switch, seconds = bench.switch, bench.args.seconds
    script = os.path.join(HERE, "harness", "download.py")
    output("ip", "-n", "far", "addr", "add", FAR_ADDRESS + "/24", "dev", "e0")
    output("ip", "-n", "near", "addr", "add", NEAR_ADDRESS + "/24", "dev",
           "e1")
    switch.ofctl("add-flow", "br0", "priority=0,actions=normal")
    switch.ofctl("add-flow", "br0", "priority=10,%s,actions=drop" % ATTACK)
    bench.seed()
    with process(*NEAR, sys.executable, script, "serve",
                 NEAR_ADDRESS) as server:
        if not server.stdout.readline():
            raise Failed("no server")
        with process(*FAR, sys.executable, script, "fetch",
                     NEAR_ADDRESS) as client:
            if not client.stdout.readline():
                raise Failed("no connection")
            downloaded(client, 1)
            quiet = downloaded(client, seconds)
            counted = switch.counted()
            lost = counters("p0", "drops", bench.args.queues)
            attacked, sent = attack(bench, client, seconds, "e0")
            with process(*bench.bare_prefix(), "sleep", "infinity"):
                wait_until("the program at d1", lambda: "prog/xdp" in output(
                    "ip", "link", "show", "d1"))
                aside, _ = attack(bench, client, seconds, "g1")
    lost = counters("p0", "drops", bench.args.queues) - lost
    # Packets of the download may be among those lost.
    least = sent["came"] - (0 if bench.args.offload else lost)
    wait_until("the count of the attack",
               lambda: switch.counted() - counted >= least)
    n = switch.counted() - counted
    if n > sent["came"]:
        raise Failed("%d packets came, OpenFlow says %d" % (sent["came"], n))
    return {"quiet": quiet, "attacked": attacked, "aside": aside,
            "attack": sent["came"] / sent["seconds"], "counted": n,
            "came": sent["came"]}


def parse_arguments():
    parser = argparse.ArgumentParser(description="See the top of the file.")
    parser.add_argument("--tree", required=True,
                        help="build whose ovs-vswitchd is measured")
    parser.add_argument("--source", required=True, help="its source")
    parser.add_argument("--ours", required=True,
                        help="build that has the generator")
    parser.add_argument("--generator-cpu", type=int, required=True)
    parser.add_argument("--pmd-cpu", type=int, required=True)
    parser.add_argument("--ksoftirqd", type=int,
                        help="file descriptor of the schedstat of the thread "
                        "for softirqs of the generator's processor")
    parser.add_argument("--offload", action="store_true",
                        help="hw-offload=true")
    parser.add_argument("--disable", action="store_true",
                        help="...and xdp/disable")
    parser.add_argument("--sleep", action="store_true",
                        help="let an idle PMD thread sleep")
    parser.add_argument("--bare", action="store_true",
                        help="send by g1, too")
    parser.add_argument("--bursts", type=int, default=6)
    parser.add_argument("--packets", type=int, default=2000000,
                        help="in a burst")
    parser.add_argument("--seconds", type=int, default=4,
                        help="of each half of a download")
    parser.add_argument("--queues", type=int, default=1, choices=(1, 2),
                        help="of each port in a download; of two, the second "
                        "is for what the PMD thread's processor sends")
    parser.add_argument("--quick", action="store_true",
                        help="take bursts as they come")
    parser.add_argument("--tap-type", default="afxdp",
                        choices=("afxdp", "system"),
                        help="of the tap device's port")
    parser.add_argument("part", choices=("drop", "masks", "pass", "forward",
                                         "tap", "download"))
    return parser.parse_args()


def measure(args, directory, stack):
    settings = ["hw-offload=true"] if args.offload else []
    if args.sleep:
        settings.append("pmd-maxsleep=1000")
    switch = Switch(args.tree, args.source, directory, args.pmd_cpu, settings)
    try:
        redirect = (("options:xdp-redirect=true",)
                    if args.offload and args.part in ("forward", "tap")
                    else ())
        reader = None
        queues = "options:n_rxq=%d" % args.queues
        switch.add_port(0, queues, *redirect)
        if args.part in ("forward", "download"):
            switch.add_port(1, queues, *redirect)
        if args.part == "forward":
            stack.enter_context(process(
                *NEAR, os.path.join(args.ours, "bench/bench-xdp"), "live",
                "e1", "return", "sleep", "infinity"))
            wait_until("the program at e1", lambda: "prog/xdp" in output(
                "ip", "-n", "near", "link", "show", "e1"))
        if args.part == "tap":
            reader = stack.enter_context(process(
                os.path.join(args.ours, "bench/bench-tap"), "t0"))
            if not reader.stdout.readline():
                raise Failed("no tap device")
            output("ip", "link", "set", "t0", "up")
            switch.add_port(1, *(("options:n_rxq=1", *redirect)
                                 if args.tap_type == "afxdp" else ()),
                            name="t0", port_type=args.tap_type)
        if args.disable:
            switch.appctl("xdp/disable")
        bench = Bench(args, switch, Generator(
            os.path.join(args.ours, "tests/ovs-xdp-gen"), args.generator_cpu,
            args.ksoftirqd), reader)
        found = (main_download if args.part == "download"
                 else main_bursts)(bench)
    except Failed:
        sys.stderr.write(switch.log())
        raise
    switch.appctl("exit", "--cleanup")
    return found


def main():
    args = parse_arguments()
    if os.environ.get("OVS_EXT_SANDBOX") != "yes":
        sys.exit("to be run in tests/sandbox")
    for name in "far", "near":
        output("ip", "netns", "add", name)
        no_ipv6("ip", "netns", "exec", name)
    no_ipv6()
    cable("p0", "e0", "far", args.queues)
    cable("p1", "e1", "near", args.queues)
    if args.queues > 1:
        for netns, device in ("far", "e0"), ("near", "e1"):
            queue_by_cpu(netns, device, (args.generator_cpu, args.pmd_cpu))
    cable("d0", "g0", "far")
    cable("d1", "g1", "far")
    try:
        with tempfile.TemporaryDirectory() as directory, \
                contextlib.ExitStack() as stack:
            print(json.dumps(measure(args, directory, stack)))
    except Failed as error:
        sys.exit("%s: %s" % (args.part, error))


if __name__ == "__main__":
    main()
