/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ring-device TEST
 *
 * Tests of the kernel's rings that need a program, for tests/guest/ring.sh:
 * how one comes by a ring, and by its memory. */

#include "ring-common.h"

#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define CGROUPS "/tmp/cgroups"
#define MAPS "/proc/self/maps"
#define MEM "/proc/self/mem"
#define STATUS "/proc/self/status"

/* R1. */

static void
test_geometry(void)
{
    long n_cpus = sysconf(_SC_NPROCESSORS_CONF);
    const struct {
        struct ovs_ring_attach a;
        int error;
    } cases[] = {
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2 }, 0 },
        { { .n_lanes = 1, .seg_size = 1 << 20, .n_segs = 4 }, 0 },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 1024 }, 0 },
        { { .n_lanes = n_cpus, .seg_size = 8192, .n_segs = 16 }, 0 },
        { { .n_lanes = 1, .seg_size = 65536, .n_segs = 8, .n_tx = 64,
            .tx_data_size = 4096 }, 0 },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2, .n_tx = 1 }, 0 },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2,
            .flags = OVS_RING_ATTACH_FALLBACK
                     | OVS_RING_ATTACH_TIMESTAMP }, 0 },
        { { .n_lanes = 0, .seg_size = 4096, .n_segs = 2 }, EINVAL },
        { { .n_lanes = 100000, .seg_size = 4096, .n_segs = 2 }, EINVAL },
        { { .n_lanes = UINT32_MAX, .seg_size = 4096, .n_segs = 2 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 2048, .n_segs = 2 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 4096 + 8, .n_segs = 2 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 12288, .n_segs = 2 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 2 << 20, .n_segs = 2 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 0, .n_segs = 2 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 0 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 1 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 3 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2048 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2, .n_tx = 3 },
          EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2, .n_tx = 1 << 17 },
          EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2,
            .tx_data_size = 4096 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2, .n_tx = 1,
            .tx_data_size = 2 << 20 }, EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2, .flags = 4 },
          EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2,
            .ring_class = OVS_RING_TAP }, EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2, .ring_class = 9 },
          EINVAL },
        { { .n_lanes = 2, .seg_size = 4096, .n_segs = 2,
            .ring_class = OVS_RING_DUMP }, EINVAL },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2, .n_tx = 1,
            .ring_class = OVS_RING_DUMP }, EINVAL },
        { { .n_lanes = 1, .seg_size = 1 << 20, .n_segs = 1024 }, E2BIG },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2,
            .dp_ifindex = 1 }, ENODEV },
        { { .n_lanes = 1, .seg_size = 4096, .n_segs = 2,
            .dp_ifindex = -1 }, ENODEV },
    };

    start();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct reader r = { .attach = cases[i].a };
        const struct ovs_ring_control *c;
        int error;

        if (!r.attach.dp_ifindex) {
            r.attach.dp_ifindex = if_nametoindex(DP_NAME);
        }
        if (!r.attach.ring_class) {
            r.attach.ring_class = OVS_RING_UPCALL;
        }
        error = reader_open(&r);
        CHECK(error == cases[i].error, "case %zu: error %d", i, error);
        if (error) {
            continue;
        }
        c = r.control;
        CHECK(c->magic == OVS_RING_MAGIC && c->major == OVS_RING_MAJOR
              && c->minor == OVS_RING_MINOR);
        CHECK(c->control_len == sizeof *c && !c->state);
        CHECK(c->n_lanes == cases[i].a.n_lanes
              && c->seg_size == cases[i].a.seg_size
              && c->n_segs == cases[i].a.n_segs
              && c->n_tx == cases[i].a.n_tx
              && c->tx_data_size == cases[i].a.tx_data_size);
        CHECK(c->producer_size == r.attach.producer_size
              && c->consumer_size == r.attach.consumer_size);
        CHECK(!(c->lane_off % 64) && !(c->lane_stride % 64)
              && !(c->consumer_stride % 64) && !(c->data_off % 4096)
              && !(c->tx_off % 64) && !(c->tx_data_off % 64));
        CHECK(c->lane_stride >= sizeof(struct ovs_ring_lane)
                                + 8 * c->n_segs);
        CHECK(c->data_off >= c->lane_off + c->n_lanes * c->lane_stride);
        CHECK(c->producer_size >= c->data_off
                                  + c->n_lanes * c->data_stride);
        CHECK(c->data_stride >= (uint64_t) c->n_segs * c->seg_size);
        CHECK(c->consumer_size >= c->n_lanes * c->consumer_stride);
        CHECK(c->clock_id == CLOCK_MONOTONIC);
        CHECK(!!(c->features & OVS_RING_F_TX) == !!c->n_tx);
        CHECK(!!(c->features & OVS_RING_F_TIMESTAMP)
              == !!(r.attach.flags & OVS_RING_ATTACH_TIMESTAMP));
        CHECK(ioctl(r.fd, OVS_RING_IOC_ATTACH, &r.attach)
              && errno == EBUSY);
        reader_close(&r);
    }
    delete_datapath();
}

/* Requests that are none, in an order that is none. */
static void
test_requests(void)
{
    struct ovs_ring_attach a;
    struct ovs_ring_device_stats stats;
    struct pollfd pfd;
    struct reader r;
    int fd;

    start();
    fd = open(OVS_RING_DEVICE, O_RDWR);
    CHECK(fd >= 0);
    CHECK(ioctl(fd, OVS_RING_IOC_STATS, &stats) && errno == ENXIO);
    CHECK(ioctl(fd, OVS_RING_IOC_DETACH) && errno == ENXIO);
    CHECK(ioctl(fd, OVS_RING_IOC_ATTACH, NULL) && errno == EFAULT);
    CHECK(ioctl(fd, _IO('R', 0x7f)) && errno == ENOTTY);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED
          && errno == ENXIO);
    CHECK(read(fd, &a, sizeof a) < 0 && errno == EINVAL);
    CHECK(lseek(fd, 0, SEEK_SET) < 0 && errno == ESPIPE);
    pfd = (struct pollfd) { .fd = fd, .events = POLLIN };
    CHECK(poll(&pfd, 1, 0) == 1 && pfd.revents == POLLERR);
    close(fd);

    a = upcall_ring(1, 4096, 4);
    open_ring(&r, &a);
    CHECK(bind_lane(&r, 1, 0) == EINVAL);
    CHECK(bind_lane(&r, 0, 1 << 20) == EINVAL);
    CHECK(bind_lane(&r, 0, 0) == 0);
    CHECK(bind_lane(&r, 0, 0) == EBUSY);
    CHECK(get_stats(&r).bound == 1);
    CHECK(ioctl(r.fd, OVS_RING_IOC_STATS, NULL) && errno == EFAULT);
    {
        struct ovs_ring_fill fill = { .flags = OVS_RING_FILL_START };
        struct ovs_ring_kick kick = { .n = 1 };

        CHECK(ioctl(r.fd, OVS_RING_IOC_FILL, &fill) && errno == EINVAL);
        CHECK(ioctl(r.fd, OVS_RING_IOC_KICK, &kick) && errno == EINVAL);
    }

    /* A ring that is detached is dead, and the CPU free. */
    CHECK(!ioctl(r.fd, OVS_RING_IOC_DETACH));
    CHECK(r.control->state & OVS_RING_S_DEAD);
    CHECK(bind_lane(&r, 0, 0) == ENODEV);
    CHECK(reader_wait(&r, 1000) == (POLLIN | POLLHUP | POLLERR));
    CHECK(!ioctl(r.fd, OVS_RING_IOC_DETACH));
    {
        struct reader other;

        open_ring(&other, &a);
        CHECK(!bind_lane(&other, 0, 0));
        reader_close(&other);
    }
    reader_close(&r);
    delete_datapath();
}

/* R13. */

static unsigned int
count_mappings(void)
{
    FILE *f = fopen(MAPS, "r");
    unsigned int n = 0;
    char line[512];

    CHECK(f);
    while (fgets(line, sizeof line, f)) {
        n += !!strstr(line, OVS_RING_DEVICE);
    }
    fclose(f);
    return n;
}

static void
test_mappings(void)
{
    struct ovs_ring_attach a;
    struct reader r;
    uint8_t *p;
    int mem;

    start();
    a = upcall_ring(1, 4096, 4);
    open_ring(&r, &a);
    a = r.attach;

    CHECK(mprotect((void *) r.control, a.producer_size,
                   PROT_READ | PROT_WRITE) && errno == EACCES);
    CHECK(mprotect((void *) r.control, a.producer_size,
                   PROT_READ | PROT_EXEC) && errno == EACCES);
    CHECK(mprotect(r.consumer, a.consumer_size, PROT_READ | PROT_EXEC)
          && errno == EACCES);
    CHECK(mmap(NULL, a.producer_size, PROT_READ | PROT_WRITE, MAP_SHARED,
               r.fd, OVS_RING_MMAP_PRODUCER) == MAP_FAILED
          && errno == EPERM);
    CHECK(mmap(NULL, a.producer_size, PROT_READ, MAP_PRIVATE, r.fd,
               OVS_RING_MMAP_PRODUCER) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, a.consumer_size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
               r.fd, OVS_RING_MMAP_CONSUMER) == MAP_FAILED
          && errno == EINVAL);
    for (int change = -4096; change <= 4096; change += 8192) {
        CHECK(mmap(NULL, a.producer_size + change, PROT_READ, MAP_SHARED,
                   r.fd, OVS_RING_MMAP_PRODUCER) == MAP_FAILED
              && errno == EINVAL);
        CHECK(mmap(NULL, a.consumer_size + change, PROT_READ, MAP_SHARED,
                   r.fd, OVS_RING_MMAP_CONSUMER) == MAP_FAILED
              && errno == EINVAL);
    }
    CHECK(mmap(NULL, a.producer_size, PROT_READ, MAP_SHARED, r.fd, 4096)
          == MAP_FAILED && errno == EINVAL);

    /* What a debugger can do. */
    mem = open(MEM, O_RDWR);
    CHECK(mem >= 0);
    CHECK(pwrite(mem, "x", 1, (uintptr_t) r.control) < 0);
    CHECK(pwrite(mem, "\0", 1, (uintptr_t) r.consumer) == 1);
    close(mem);
    CHECK(r.control->magic == OVS_RING_MAGIC);

    /* The consumer region may be mapped to be read, and then not written. */
    p = mmap(NULL, a.consumer_size, PROT_READ, MAP_SHARED, r.fd,
             OVS_RING_MMAP_CONSUMER);
    CHECK(p != MAP_FAILED);
    munmap(p, a.consumer_size);
    CHECK(mremap((void *) r.control, a.producer_size,
                 a.producer_size + 4096, MREMAP_MAYMOVE) == MAP_FAILED);

    /* Children have neither of them. */
    {
        pid_t pid = fork();
        int status;

        CHECK(pid >= 0 && count_mappings() == (pid ? 2 : 0));
        if (!pid) {
            _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
    }

    /* The memory outlives the file. */
    close(r.fd);
    CHECK(r.control->magic == OVS_RING_MAGIC);
    munmap((void *) r.control, a.producer_size);
    munmap(r.consumer, a.consumer_size);

    /* A file that was opened to be read is good enough for it. */
    r.fd = open(OVS_RING_DEVICE, O_RDONLY);
    CHECK(r.fd >= 0);
    a = upcall_ring(1, 4096, 4);
    CHECK(!ioctl(r.fd, OVS_RING_IOC_ATTACH, &a));
    CHECK(mmap(NULL, a.consumer_size, PROT_READ | PROT_WRITE, MAP_SHARED,
               r.fd, OVS_RING_MMAP_CONSUMER) == MAP_FAILED
          && errno == EACCES);
    p = mmap(NULL, a.producer_size, PROT_READ, MAP_SHARED, r.fd, 0);
    CHECK(p != MAP_FAILED);
    CHECK(mprotect(p, a.producer_size, PROT_READ | PROT_WRITE)
          && errno == EACCES);
    munmap(p, a.producer_size);
    close(r.fd);
    delete_datapath();
}

static void
set_capability(int capability, bool on)
{
    struct __user_cap_header_struct header = {
        .version = _LINUX_CAPABILITY_VERSION_3,
    };
    struct __user_cap_data_struct data[2];
    uint32_t bit = 1U << capability % 32;

    CHECK(!syscall(SYS_capget, &header, data));
    data[capability / 32].effective &= ~bit;
    if (on) {
        data[capability / 32].effective |= bit;
    }
    CHECK(!syscall(SYS_capset, &header, data));
}

/* Who may do what. */
static void
test_capabilities(void)
{
    struct ovs_ring_attach a, again;
    struct ovs_ring_fill fill = { .flags = OVS_RING_FILL_START };
    struct ovs_ring_kick kick = { .n = 1 };
    struct reader r;
    int fd, status;
    pid_t pid;

    start();
    a = upcall_ring(1, 4096, 4);
    a.n_tx = 4;

    /* Neither without the capability, nor with it by who had it not when the
     * file was opened. */
    set_capability(CAP_NET_ADMIN, false);
    fd = open(OVS_RING_DEVICE, O_RDWR);
    CHECK(fd >= 0);
    again = a;
    CHECK(ioctl(fd, OVS_RING_IOC_ATTACH, &again) && errno == EPERM);
    set_capability(CAP_NET_ADMIN, true);
    again = a;
    CHECK(ioctl(fd, OVS_RING_IOC_ATTACH, &again) && errno == EPERM);
    close(fd);

    /* With a file that was passed on one can read. */
    open_ring(&r, &a);
    set_capability(CAP_NET_ADMIN, false);
    CHECK(bind_lane(&r, 0, 0) == EPERM);
    CHECK(ioctl(r.fd, OVS_RING_IOC_DETACH) && errno == EPERM);
    CHECK(ioctl(r.fd, OVS_RING_IOC_KICK, &kick) && errno == EPERM);
    get_stats(&r);
    CHECK(reader_wait(&r, 0) == 0);
    set_capability(CAP_NET_ADMIN, true);
    CHECK(!bind_lane(&r, 0, 0));
    reader_close(&r);

    a.ring_class = OVS_RING_DUMP;
    a.n_tx = 0;
    open_ring(&r, &a);
    set_capability(CAP_NET_ADMIN, false);
    CHECK(!ioctl(r.fd, OVS_RING_IOC_FILL, &fill) && fill.done);
    set_capability(CAP_NET_ADMIN, true);
    reader_close(&r);
    delete_datapath();

    /* The superuser of a user namespace in a network namespace of its own, and
     * not for the datapath of another one. */
    pid = fork();
    if (!pid) {
        int error;

        if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
            _exit(SKIP);
        }
        make_datapath();
        memset(&r, 0, sizeof r);
        r.attach = upcall_ring(1, 4096, 4);
        error = reader_open(&r);
        CHECK_OK(error, "attach");
        CHECK(!bind_lane(&r, 0, 0));
        _exit(0);               /* The namespace goes with all of it. */
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIP) {
        printf("no user namespaces here\n");
        return;
    }
    CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
}

/* R12. */

static uint64_t
locked_kb(void)
{
    char line[256];
    unsigned long long kb = 0;
    FILE *f = fopen(STATUS, "r");

    CHECK(f);
    while (fgets(line, sizeof line, f)) {
        sscanf(line, "VmLck: %llu", &kb);
    }
    fclose(f);
    return kb;
}

static void
test_memory(void)
{
    struct rlimit limit = { 1 << 20, 1 << 20 };
    struct ovs_ring_attach a;
    uint64_t before = locked_kb();
    struct reader r;

    start();
    a = upcall_ring(1, 65536, 8);
    open_ring(&r, &a);
    CHECK((locked_kb() - before) * 1024 == r.attach.producer_size
                                           + r.attach.consumer_size);
    CHECK(get_stats(&r).memory == r.attach.producer_size
                                  + r.attach.consumer_size);
    reader_close(&r);
    CHECK(locked_kb() == before);

    CHECK(!setrlimit(RLIMIT_MEMLOCK, &limit));
    set_capability(CAP_IPC_LOCK, false);
    open_ring(&r, &a);
    {
        struct reader other = { .attach = a };

        CHECK(reader_open(&other) == ENOMEM);
    }
    reader_close(&r);
    open_ring(&r, &a);
    reader_close(&r);
    CHECK(locked_kb() == before);
    delete_datapath();
}

static void
write_to(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);

    CHECK(fd >= 0, "%s", path);
    CHECK(write(fd, text, strlen(text)) == (ssize_t) strlen(text), "%s", path);
    close(fd);
}

static uint64_t
cgroup_memory(void)
{
    FILE *f = fopen(CGROUPS "/ring/memory.current", "r");
    unsigned long long bytes;

    CHECK(f);
    CHECK(fscanf(f, "%llu", &bytes) == 1);
    fclose(f);
    return bytes;
}

static void
test_cgroup(void)
{
    struct ovs_ring_attach a;
    uint64_t before, with, size, end;
    struct reader r;

    mkdir(CGROUPS, 0755);
    if (mount("none", CGROUPS, "cgroup2", 0, NULL)
        || access(CGROUPS "/cgroup.subtree_control", W_OK)) {
        exit(SKIP);
    }
    write_to(CGROUPS "/cgroup.subtree_control", "+memory");
    CHECK(!mkdir(CGROUPS "/ring", 0755));
    start();
    write_to(CGROUPS "/ring/cgroup.procs", "0");

    a = upcall_ring(1, 1 << 20, 16);
    before = cgroup_memory();
    open_ring(&r, &a);
    size = r.attach.producer_size + r.attach.consumer_size;
    with = cgroup_memory();
    reader_close(&r);
    printf("%llu bytes, with a ring of %llu bytes %llu\n",
           (unsigned long long) before, (unsigned long long) size,
           (unsigned long long) with);

    /* Each CPU has a stock of what is charged and not used. */
    CHECK(with >= before + size / 4 * 3);
    end = now_ns() + 20000000000;
    while (cgroup_memory() > before + size / 4) {
        CHECK(now_ns() < end, "still charged");
        usleep(10000);
    }
    delete_datapath();
    write_to(CGROUPS "/cgroup.procs", "0");
    CHECK(!rmdir(CGROUPS "/ring"));
    umount(CGROUPS);
}

int
main(int argc, char *argv[])
{
    static const struct subtest tests[] = {
        { "geometry", test_geometry },
        { "requests", test_requests },
        { "mappings", test_mappings },
        { "capabilities", test_capabilities },
        { "memory", test_memory },
        { "cgroup", test_cgroup },
        { NULL, NULL },
    };

    return argc == 2 ? run_subtest(tests, argv[1]) : 1;
}
