# SPDX-License-Identifier: Apache-2.0
"""The kernel module, in a guest whose clock counts instructions.

QEMU executes one instruction per nanosecond of the guest's time, whatever
the host does meanwhile: repeatable to about 0.02 percent, and blind for
caches.  Both modules take turns in one boot: Linux's own, as it comes with
Debian's kernel, and ours.  What counts is all instructions of the machine,
the sending of packets and the receiving of messages included.  Messages are
parsed only in dumps through Open vSwitch's library, which is the same, ours,
for both modules.
"""

import functools
import importlib.util
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile

from harness import runner, stats
from harness.registry import Case, register
from harness.results import compare
from harness.runner import SIDES

BY_NETLINK = "upcalls by netlink, same module and boot"
BASELINE = "openvswitch.ko of Debian's linux-image, same boot"
MODULES = ["openvswitch", "veth", "ila", "nft_ct", "tun", "vrf"]
PROGRAMS = """bash cat ethtool grep insmod ip ln lsmod modprobe mkdir mount
    hostname nft rm rmmod sed sh sleep stty sysctl test uname dmesg""".split()
SWITCH = """ovsdb/ovsdb-server ovsdb/ovsdb-tool tests/ovstest
    utilities/ovs-appctl utilities/ovs-dpctl utilities/ovs-ofctl
    utilities/ovs-vsctl
    vswitchd/ovs-vswitchd""".split()
TIMEOUT = 900                   # Seconds for one boot.

SHAPES = ("v4", "v6", "tunnel")
SIZES = {"10k": 10000, "50k": 50000}
POLICIES = ("off", "lazy", "eager")
DESIGNS = {                     # Of ILA: argument of rr.sh, title.
    "ingress": "table at ingress",
    "action": "table by action",
    "lookups": "table by action, second lookup",
    "linux-xlat": "Linux's own: route on output, xlat on input",
    "linux-lwt": "Linux's own: routes on output and input",
}
USER_DESIGNS = ("ingress", "action", "lookups")
ROUTED = {"queued": "by the queue", "inline": "at once"}
PATHS = ("output", "masks", "set", "vlan", "recirc", "ct")


def guest_library(context):
    """build-aux/guest.py."""
    path = os.path.join(context.top, "build-aux", "guest.py")
    spec = importlib.util.spec_from_file_location("guest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def missing(context):
    if platform.machine() != "x86_64":
        return "the guest is an x86_64 machine, this one is not"
    if not os.path.exists(os.path.join(context.top, "build-aux", "guest.py")):
        return "this source has no guests"
    if not os.path.exists(os.path.join(context.build, "datapath-guest",
                                       "openvswitch.ko")):
        return "datapath-guest/openvswitch.ko is not built"
    return runner.needs("qemu-system-x86_64")(context)


def find_kernel(context):
    """{"kernel": image, "release": ..., "modules": directory}."""
    tools = os.path.join(context.top, "build-aux")
    linux = runner.run_pinned(["sh", os.path.join(tools, "find-linux"), "",
                               "cloud-amd64"], runner.other_cpu()).strip()
    options = runner.run_pinned(["sh", os.path.join(tools, "guest-kernel"),
                                 linux], runner.other_cpu())
    return dict(word.lstrip("-").split("=", 1)
                for word in shlex.split(options))


def compile_program(context, name, scratch):
    """Compiles a program for the guest; returns its file."""
    program = os.path.join(scratch, name)
    sources = [os.path.join(context.top, "bench/programs", source)
               for source in (name + ".c", "bench-guest.c")]
    runner.run_pinned(["cc", "-O2", "-static", "-o", program,
                       "-I" + os.path.join(context.top, "include"),
                       "-I" + os.path.join(context.top, "tests/guest"),
                       *sources],
                      runner.other_cpu())
    return program


def make_image(context, guest, kernel, plan, scratch):
    image = os.path.join(scratch, "image")
    with open(image, "wb") as f:
        root = guest.Root(f)
        for name in PROGRAMS:
            root.program(name)
        root.modules(kernel["modules"], kernel["release"], MODULES,
                     os.path.join(context.build, "datapath-guest"))
        root.archive.data("/init", guest.read(os.path.join(
            context.top, "tests/guest/init"), "rb"), 0o755)
        for script in ("bench.sh", "handler.sh", "rr.sh", "vrf.sh"):
            root.archive.file("/guest/" + script, os.path.join(
                context.top, "bench/kernel", script))
        for name in ("bench-handler", "bench-kernel", "bench-ring",
                     "bench-route", "bench-rr", "bench-scale"):
            root.archive.file("/guest/" + name,
                              compile_program(context, name, scratch))
        for name in SWITCH:
            root.binary("/guest/" + os.path.basename(name),
                        os.path.join(context.build, "ovs", name))
        root.archive.file("/guest/vswitch.ovsschema", os.path.join(
            context.build, "ovs-src/vswitchd/vswitch.ovsschema"))
        root.archive.data("/guest/plan", "".join(
            "%s %s\n" % line for line in plan).encode())
        root.close()
    return image


def counting_machine(guest):
    class Counting(guest.Machine):
        """One processor, one instruction per nanosecond."""
        def command(self, *args):
            other = {"tcg,thread=multi": "tcg,thread=single"}
            argv = [other.get(word, word) for word in super().command(*args)]
            argv[argv.index("-smp") + 1] = "1"
            return argv + ["-icount", "shift=0,sleep=off",
                           "-rtc", "clock=vm,base=2026-01-01T00:00:00"]
    return Counting


def boot(context, plan):
    """Boots once and executes 'plan', a list of (side, arguments).  Returns
    what each printed."""
    sys.dont_write_bytecode = True
    guest = guest_library(context)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            kernel = find_kernel(context)
            image = make_image(context, guest, kernel, plan, scratch)
            vmlinux = os.path.join(scratch, "vmlinux")
            guest.unpack_kernel(kernel["kernel"], vmlinux)
            run = guest.Boot(counting_machine(guest)(vmlinux, False), image,
                             os.path.join(scratch, "console"),
                             ["GUEST_PATH=/guest", "SCRIPT=/guest/bench.sh"],
                             TIMEOUT)
            lines = list(run.lines())
            console = guest.read(os.path.join(scratch, "console"))
        except guest.GuestError as error:
            raise runner.Failed(str(error)) from None
        except subprocess.SubprocessError as error:
            raise runner.Failed(str(error)) from None
    found = [json.loads(line[2:]) for line in lines if line.startswith("= ")]
    if len(found) != len(plan) or run.end != "ok":
        raise runner.Failed("the guest: %s\n%s\n%s" % (
            run.end, "\n".join(lines[-20:]), console[-2000:]))
    return found


def in_turn(context, sides, line):
    """Boots and has line(side) executed for each side and round, as
    Context.alternate() does.  Returns {side: [what each round printed]}."""
    plan = []
    context.alternate(sides, lambda side: plan.append((side, line(side))))
    printed = boot(context, [side_and_line for _, side_and_line in plan])
    return {side: [p for (s, _), p in zip(plan, printed) if s == side]
            for side in sides}


def dump(context, name, shape, n_flows):
    n_flows = context.count(n_flows, 200)

    def line(side):
        tree, policy = (("stock", "off") if side == "stock"
                        else ("ovs", side))
        return tree, "bench-kernel dump %s %d %s 6 3" % (shape, n_flows,
                                                         policy)

    runs = in_turn(context, ("stock", *POLICIES), line)

    def result(metric, unit, ours, value):
        return compare(name, metric, unit, list(map(value, runs[ours])),
                       list(map(value, runs["stock"])), baseline_is=BASELINE)

    results = []
    for policy in POLICIES:
        results.append(result("first full dump, policy " + policy,
                              "instructions/flow", policy,
                              lambda run: run["full"][0]))
    results.append(result("second full dump, policy lazy",
                          "instructions/flow", "lazy",
                          lambda run: run["full"][1]))
    for policy in POLICIES:
        results.append(result("later full dumps, policy " + policy,
                              "instructions/flow", policy,
                              lambda run: stats.median(run["full"][2:])))
    for policy in POLICIES:
        results.append(result("full dump through Open vSwitch's library, "
                              "policy " + policy, "instructions/flow", policy,
                              lambda run: run["library"]))
    for policy in ("off", "eager"):
        results.append(compare(
            name, "full dump by ring through Open vSwitch's library, policy "
            + policy, "instructions/flow",
            [run["library_ring"] for run in runs[policy]],
            [run["library"] for run in runs["stock"]], baseline_is=BASELINE))
    for policy in ("off", "lazy"):
        results.append(result("terse dump, policy " + policy,
                              "instructions/flow", policy,
                              lambda run: stats.median(run["terse"])))
    results.append(result("memory of a flow", "B/flow", "off",
                          lambda run: run["flow_bytes"]))
    results.append(result("memory of a flow with its cached match", "B/flow",
                          "eager", lambda run: run["flow_bytes"]
                          + run["cache_bytes"]))
    return results


def forward(context, name, path):
    line = "bench-kernel forward %s %d 3" % (path, context.count(5000, 50))
    runs = in_turn(context, SIDES, lambda side: (side, line))
    values = {side: [stats.median(run["ns"]) for run in runs[side]]
              for side in SIDES}
    return [compare(name, "sent, forwarded and dropped by the peer",
                    "instructions/packet", values["ovs"], values["stock"],
                    baseline_is=BASELINE)]


def compare_designs(name, values):
    """Results of {design: [nanoseconds of a transaction, ...]}."""
    rates = {design: [1e9 / ns for ns in found]
             for design, found in values.items()}
    return [compare(name, DESIGNS[design], "transactions/10^9 instructions",
                    rates[design], rates["none"], True,
                    "the same path without ILA, same boot")
            for design in rates if design != "none"]


def round_trips(context, name, mode):
    """TCP request and response in designs of ILA."""
    def line(design):
        return "ovs", "rr.sh %s %s %d 3" % (design, mode,
                                            context.count(2000, 20))

    runs = in_turn(context, ("none", *DESIGNS), line)
    return compare_designs(name, {
        design: [stats.median(run["ns"]) for run in printed]
        for design, printed in runs.items()})


def user_round_trips(context, name, mode):
    """Likewise by ovs-vswitchd itself.  Its main loop is most of what is
    counted, and sometimes has a turn more; thus many samples."""
    n = context.count(4, 1)
    run, = boot(context, [("-", "rr.sh user %s %d %d" % (
        mode, context.count(250, 20), n * context.rounds))])
    return compare_designs(name, {
        design: [stats.median(run[design][i::context.rounds])
                 for i in range(context.rounds)]
        for design in ("none", *USER_DESIGNS)})


def scale(context, name, large, small):
    """The mapping table with 'large' entries against one with 'small'."""
    sizes = {n: context.count(n, n // 100) for n in (large, small)}
    moved = context.count(100000, 1000)
    packets = context.count(20000, 100)
    runs = in_turn(context, tuple(sizes), lambda n: (
        "ovs", "bench-scale %d %d %d 3" % (sizes[n], moved, packets)))

    def result(metric, unit, value):
        return compare(name, metric, unit, list(map(value, runs[large])),
                       list(map(value, runs[small])),
                       baseline_is="a quarter of the entries, same boot")

    return [result("loading", "instructions/entry",
                   lambda run: run["load_ns"]),
            result("moving %d to another locator" % moved,
                   "instructions/entry moved", lambda run: run["move_ns"]),
            result("memory, as the table counts it", "B/entry",
                   lambda run: run["bytes"]),
            result("memory, as the machine lacks it", "B/entry",
                   lambda run: run["memory"]),
            result("difference that translation makes", "instructions/packet",
                   lambda run: stats.median(run["ns"])
                   - stats.median(run["without"]))]


def vrf(context, name, family):
    """Routing in a VRF, by the action and by Linux alone."""
    runs = in_turn(context, ("linux", "ports", *ROUTED), lambda design: (
        "ovs", "vrf.sh %s %d %d 3" % (design, family,
                                      context.count(5000, 50))))
    values = {design: [stats.median(run["ns"]) for run in printed]
              for design, printed in runs.items()}
    return [compare(name, "%s, against %s" % (ROUTED[design], title),
                    "instructions/packet", values[design], values[other],
                    baseline_is=baseline)
            for other, title, baseline in (
                ("ports", "Linux behind the same ports",
                 "output to members of the VRF, same module and boot"),
                ("linux", "Linux without a switch",
                 "ports are members of the VRF, same boot"))
            for design in ROUTED]


def upcall(context, name, size):
    """Misses of packets with 'size' bytes, by netlink and by the ring."""
    ways = ("netlink", "ring", "drop")

    def line(way):
        return "ovs", "bench-ring upcall %s %d %d 3" % (
            way, size, context.count(3200, 64))

    runs = in_turn(context, ways, line)

    def values(way, *parts):
        return [sum(stats.median(run[part]) for part in parts)
                for run in runs[way]]

    def result(metric, ours, theirs):
        return compare(name, metric, "instructions/upcall", ours, theirs,
                       baseline_is=BY_NETLINK)

    sending = stats.median(values("drop", "send"))

    def without_sending(way, *parts):
        return [value - sending for value in values(way, *parts)]

    return [
        result("receive", values("ring", "receive"),
               values("netlink", "receive")),
        result("produce", without_sending("ring", "send"),
               without_sending("netlink", "send")),
        result("produce and receive",
               without_sending("ring", "send", "receive"),
               without_sending("netlink", "send", "receive")),
    ]


def ring_dump(context, name):
    """Full dumps by netlink and by the ring."""
    ways = ("netlink", "netlink-cache", "ring", "ring-cache")
    n_flows = context.count(10000, 200)
    runs = in_turn(context, ways, lambda way: (
        "ovs", "bench-ring dump %s %d 3" % (way, n_flows)))
    values = {way: [stats.median(run["dump"]) for run in printed]
              for way, printed in runs.items()}
    return [compare(name, title, "instructions/flow", values[way],
                    values["netlink"],
                    baseline_is="by netlink, no cache, same module and boot")
            for way, title in (("netlink-cache", "netlink, cached match"),
                               ("ring", "ring"),
                               ("ring-cache", "ring, cached match"))]


def handler(context, name, burst, size):
    """Flow set-up by ovs-vswitchd, a burst of new connections at a time."""
    runs = in_turn(context, ("netlink", "ring"), lambda way: (
        "ovs", "handler.sh %s %d %d %d 3" % (way, burst, size,
                                             context.count(1600, 64))))
    rates = {way: [1e9 / stats.median(run["ns"]) for run in found]
             for way, found in runs.items()}
    costs = {way: [stats.median(run["ns"]) - stats.median(run["known_ns"])
                   for run in found]
             for way, found in runs.items()}
    return [compare(name, "flows set up, from the packet's coming to its "
                    "going", "flows/10^9 instructions", rates["ring"],
                    rates["netlink"], True, BY_NETLINK),
            compare(name, "what a packet costs more if its flow is to be set "
                    "up", "instructions/flow", costs["ring"],
                    costs["netlink"], False, BY_NETLINK)]


for a_shape in SHAPES:
    for a_size, number in SIZES.items():
        a_name = "kernel/dump/%s/%s" % (a_shape, a_size)
        register(Case(a_name, functools.partial(
            dump, name=a_name, shape=a_shape, n_flows=number), missing))
for a_path in PATHS:
    a_name = "kernel/forward/" + a_path
    register(Case(a_name, functools.partial(
        forward, name=a_name, path=a_path), missing))
for a_packet in (64, 1500):
    a_name = "kernel/upcall/%d" % a_packet
    register(Case(a_name, functools.partial(
        upcall, name=a_name, size=a_packet), missing))
register(Case("kernel/ring-dump", functools.partial(
    ring_dump, name="kernel/ring-dump"), missing))
for a_burst, a_packet in ((1, 64), (32, 64), (32, 1500)):
    a_name = "kernel/flow-setup/%d/%d" % (a_burst, a_packet)
    register(Case(a_name, functools.partial(
        handler, name=a_name, burst=a_burst, size=a_packet), missing))
for a_family in (4, 6):
    a_name = "kernel/vrf/v%d" % a_family
    register(Case(a_name, functools.partial(
        vrf, name=a_name, family=a_family), missing))
register(Case("kernel/ila/round-trips", functools.partial(
    round_trips, name="kernel/ila/round-trips", mode="neutral-map"), missing))
register(Case("kernel/ila/scale", functools.partial(
    scale, name="kernel/ila/scale", large=4 << 20, small=1 << 20), missing))
register(Case("ila/round-trips", functools.partial(
    user_round_trips, name="ila/round-trips", mode="neutral-map"), missing))
