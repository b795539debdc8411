/* SPDX-License-Identifier: Apache-2.0 */

/* dpctl/ila-trace: what would become of a packet.
 *
 * The datapath says which entries match the packet's destination and that of
 * a packet that it quotes; see dpif-ila-packet.c. */

#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <stdlib.h>
#include <string.h>

#include "csum.h"
#include "dpctl-ila.h"
#include "dpctl.h"
#include "dpif-ila.h"
#include "flow.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"

#define SRC_OFS 8
#define DST_OFS 24

/* A packet that makes sense has no more. */
#define MAX_FRAME 65600

enum csum {
    CSUM_RIGHT,
    CSUM_WRONG,
    CSUM_NONE,                  /* UDP without. */
    CSUM_UNKNOWN,               /* Cannot be told from this packet. */
};

static const char *
csum_to_string(enum csum csum)
{
    switch (csum) {
    case CSUM_RIGHT: return "right";
    case CSUM_WRONG: return "wrong";
    case CSUM_NONE: return "none";
    case CSUM_UNKNOWN: return "unknown";
    default: OVS_NOT_REACHED();
    }
}

/* Finds the transport header of an IPv6 packet and the destination that its
 * checksum is about, which a routing header may have.  Returns false if they
 * are not there, or not known. */
static bool
find_l4(const uint8_t *ip6, size_t size, uint8_t *proto, size_t *ofs,
        const uint8_t **dst)
{
    size_t at = IPV6_HEADER_LEN;

    *proto = ip6[6];
    *dst = ip6 + DST_OFS;
    for (;;) {
        uint8_t next;
        size_t len;

        switch (*proto) {
        case IPPROTO_HOPOPTS:
        case IPPROTO_DSTOPTS:
        case IPPROTO_ROUTING:
            if (size - at < 8) {
                return false;
            }
            len = (ip6[at + 1] + 1) * 8;
            if (*proto == IPPROTO_ROUTING && ip6[at + 3]) {
                /* With segments left.  Types 0 and 2 end with the last hop. */
                if ((ip6[at + 2] && ip6[at + 2] != 2) || len < 24
                    || size - at < len) {
                    return false;
                }
                *dst = ip6 + at + len - sizeof(struct in6_addr);
            }
            break;

        case IPPROTO_AH:
            if (size - at < 8) {
                return false;
            }
            len = (ip6[at + 1] + 2) * 4;
            break;

        case IPPROTO_FRAGMENT:
            /* All but reserved bits: offset and "more". */
            if (size - at < 8 || ip6[at + 2] || ip6[at + 3] & 0xf9) {
                return false;
            }
            len = 8;
            break;

        default:
            *ofs = at;
            return true;
        }
        if (size - at < len) {
            return false;
        }
        next = ip6[at];
        at += len;
        *proto = next;
    }
}

/* Is the transport checksum right? */
static enum csum
check_csum(const uint8_t *ip6, size_t size)
{
    size_t ofs, csum_ofs, l4_size;
    const uint8_t *dst;
    uint32_t sum = 0;
    uint8_t proto;

    if (!find_l4(ip6, size, &proto, &ofs, &dst)) {
        return CSUM_UNKNOWN;
    }
    l4_size = size - ofs;
    switch (proto) {
    case IPPROTO_TCP: csum_ofs = 16; break;
    case IPPROTO_UDP: csum_ofs = 6; break;
    case IPPROTO_ICMPV6: csum_ofs = 2; break;
    default: return CSUM_UNKNOWN;
    }
    if (l4_size < csum_ofs + 2 || l4_size > UINT16_MAX) {
        return CSUM_UNKNOWN;
    }
    if (proto == IPPROTO_UDP && !ip6[ofs + 6] && !ip6[ofs + 7]) {
        return CSUM_NONE;
    }

    sum = csum_continue(sum, ip6 + SRC_OFS, sizeof(struct in6_addr));
    sum = csum_continue(sum, dst, sizeof(struct in6_addr));
    sum = csum_add16(sum, htons(l4_size));
    sum = csum_add16(sum, htons(proto));
    sum = csum_continue(sum, ip6 + ofs, l4_size);
    return csum_finish(sum) ? CSUM_WRONG : CSUM_RIGHT;
}

/* One side of a translation. */
struct view {
    struct in6_addr src;
    struct in6_addr dst;
    enum csum csum;
    bool has_quoted;
    struct in6_addr quoted_src;
    struct in6_addr quoted_dst;
};

static void
look(const struct ila_packet *p, bool cut_off, struct view *v)
{
    size_t quoted;

    memcpy(&v->src, p->ip6 + SRC_OFS, sizeof v->src);
    memcpy(&v->dst, p->ip6 + DST_OFS, sizeof v->dst);
    v->csum = cut_off ? CSUM_UNKNOWN : check_csum(p->ip6, p->size);
    v->has_quoted = ila_icmp_find_quoted(p, &quoted);
    if (v->has_quoted) {
        memcpy(&v->quoted_src, p->ip6 + quoted + SRC_OFS,
               sizeof v->quoted_src);
        memcpy(&v->quoted_dst, p->ip6 + quoted + DST_OFS,
               sizeof v->quoted_dst);
    }
}

static void
format_view(const char *name, const struct view *v, struct ds *s)
{
    ds_put_format(s, "%s: ", name);
    ipv6_format_addr(&v->src, s);
    ds_put_cstr(s, " > ");
    ipv6_format_addr(&v->dst, s);
    ds_put_format(s, ", checksum %s", csum_to_string(v->csum));
    if (v->has_quoted) {
        ds_put_cstr(s, ", quotes ");
        ipv6_format_addr(&v->quoted_src, s);
        ds_put_cstr(s, " > ");
        ipv6_format_addr(&v->quoted_dst, s);
    }
    ds_put_char(s, '\n');
}

static void
put_addr(struct json *json, const char *name, const struct in6_addr *addr)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ipv6_format_addr(addr, &s);
    json_object_put_string(json, name, ds_cstr(&s));
    ds_destroy(&s);
}

static struct json *
view_to_json(const struct view *v)
{
    struct json *json = json_object_create();

    put_addr(json, "src", &v->src);
    put_addr(json, "dst", &v->dst);
    json_object_put_string(json, "checksum", csum_to_string(v->csum));
    if (v->has_quoted) {
        put_addr(json, "quoted-src", &v->quoted_src);
        put_addr(json, "quoted-dst", &v->quoted_dst);
    }
    return json;
}

/* The frame. */

/* Parses hexadecimal digits into '*framep', for the caller to free. */
static int
parse_frame(const struct dpctl_ila *c, const char *hex, uint8_t **framep,
            size_t *size)
{
    size_t n = strlen(hex);
    uint8_t *frame;

    *framep = NULL;
    *size = 0;
    if (hex[strspn(hex, "0123456789abcdefABCDEF")]) {
        return dpctl_ila_error(c, EINVAL, "packet \"%.*s\" is not "
                               "hexadecimal digits",
                               20, hex + strspn(hex, "0123456789abcdef"
                                                "ABCDEF"));
    } else if (n % 2) {
        return dpctl_ila_error(c, EINVAL, "packet has %"PRIuSIZE" hexadecimal "
                               "digits, which is odd", n);
    } else if (n / 2 < ETH_HEADER_LEN) {
        return dpctl_ila_error(c, EINVAL, "packet of %"PRIuSIZE" bytes lacks "
                               "an Ethernet header", n / 2);
    } else if (n / 2 > MAX_FRAME) {
        return dpctl_ila_error(c, EINVAL, "packet of %"PRIuSIZE" bytes is too "
                               "long", n / 2);
    }

    *size = n / 2;
    frame = xmalloc(*size);
    for (size_t i = 0; i < *size; i++) {
        bool ok;

        frame[i] = hexits_value(hex + 2 * i, 2, &ok);
    }
    *framep = frame;
    return 0;
}

static void
put_frame(struct json *json, const char *name, const uint8_t *frame,
          size_t size)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < size; i++) {
        ds_put_format(&s, "%02x", frame[i]);
    }
    json_object_put_string(json, name, ds_cstr(&s));
    ds_destroy(&s);
}

/* Finds the IPv6 packet in a frame with up to two VLAN tags.  '*cut_off' says
 * whether some of it is missing.  Returns NULL or, if
 * there is none, the verdict. */
static const char *
find_ip6(uint8_t *frame, size_t size, struct ila_packet *packet,
         bool *cut_off)
{
    size_t ofs = 12;
    uint16_t type = 0, payload;

    for (int i = 0; i < 3; i++) {
        if (size < ofs + 2) {
            return "passes: cut off in a VLAN tag";
        }
        type = frame[ofs] << 8 | frame[ofs + 1];
        if (type != ETH_TYPE_VLAN_8021Q && type != ETH_TYPE_VLAN_8021AD) {
            break;
        }
        ofs += 4;
    }
    if (type != ETH_TYPE_IPV6) {
        return "passes: not IPv6";
    }
    ofs += 2;
    packet->ip6 = frame + ofs;
    packet->size = size - ofs;
    packet->l4_partial = false;
    if (packet->size < IPV6_HEADER_LEN || packet->ip6[0] >> 4 != 6) {
        return "passes: no IPv6 header";
    }

    /* Without Ethernet's padding. */
    payload = packet->ip6[4] << 8 | packet->ip6[5];
    *cut_off = packet->size < IPV6_HEADER_LEN + payload;
    if (payload) {
        packet->size = MIN(packet->size, IPV6_HEADER_LEN + payload);
    }
    return NULL;
}

/* The trace. */

struct trace {
    const char *port;           /* Its name. */
    uint16_t port_no;
    unsigned int dirs;          /* ILA_PATH_*. */

    const uint8_t *frame;       /* As it becomes. */
    size_t size;
    const char *not_ip6;        /* Why it has none of the following. */
    struct view before, after;
    struct dpif_ila_outcome outcome;
};

static int
trace_packet(const struct dpctl_ila *c, struct ila_packet *packet,
             bool cut_off, struct trace *t)
{
    int error;

    look(packet, cut_off, &t->before);
    error = dpif_ila_translate(c->dpif, t->dirs, t->port_no, packet,
                               &t->outcome);
    look(packet, cut_off, &t->after);
    return error;
}

static const char *
trace_verdict(const struct trace *t)
{
    return (t->not_ip6 ? t->not_ip6
            : !t->dirs ? "passes: the port does not translate"
            : t->outcome.dropped ? "dropped: C bit set"
            : t->outcome.translated ? "translated"
            : t->outcome.counts[ILA_COUNT_TYPE_MISMATCH]
            ? "passes: type bits are not LUID"
            : t->outcome.counts[ILA_COUNT_MULTICAST] ? "passes: multicast"
            : "passes: no entry matches");
}

static const char *
l4_verdict(const struct trace *t)
{
    return (t->outcome.counts[ILA_COUNT_L4_ADJUSTED] ? "adjusted"
            : t->outcome.counts[ILA_COUNT_L4_UNKNOWN] ? "unknown protocol"
            : t->outcome.counts[ILA_COUNT_TRUNCATED] ? "cut off"
            : "untouched");
}

static void
trace_format_entry(const struct dpctl_ila *c, const char *name,
                   const struct dpif_ila_entry *entry, struct ds *s)
{
    ds_put_format(s, "%s, preference %u:\n", name,
                  entry->mapping.match.fields);
    dpctl_ila_format_entry(c, entry, true, s);
    ds_put_char(s, '\n');
}

static void
trace_print(const struct dpctl_ila *c, const struct trace *t)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "port: %s (%s)\n", t->port,
                  dpctl_ila_dirs_to_string(t->dirs));
    if (!t->not_ip6) {
        format_view("before", &t->before, &s);
    }
    if (t->outcome.has_entry) {
        trace_format_entry(c, "entry", &t->outcome.entry, &s);
    }
    if (t->outcome.has_quoted_entry) {
        trace_format_entry(c, "entry of the quoted packet",
                           &t->outcome.quoted_entry, &s);
    }
    ds_put_format(&s, "verdict: %s", trace_verdict(t));
    if (t->outcome.translated) {
        ds_put_format(&s, ", transport checksum %s", l4_verdict(t));
    }
    if (t->outcome.inner) {
        ds_put_cstr(&s, ", quoted packet translated");
    }
    ds_put_char(&s, '\n');
    if (t->outcome.translated || t->outcome.inner) {
        format_view("after", &t->after, &s);
    }
    dpctl_extension_print(c->dpctl_p, "%s", ds_cstr(&s));
    ds_destroy(&s);
}

static void
trace_put_entry(const struct dpctl_ila *c, struct json *json, const char *name,
                const struct dpif_ila_entry *entry)
{
    struct json *e = dpctl_ila_entry_to_json(c, entry, true);

    json_object_put(e, "preference",
                    json_integer_create(entry->mapping.match.fields));
    json_object_put(json, name, e);
}

static void
trace_put_json(const struct dpctl_ila *c, const struct trace *t)
{
    struct json *reply = c->dpctl_p->ext.reply;

    json_object_put_string(reply, "port", t->port);
    json_object_put_string(reply, "ila", dpctl_ila_dirs_to_string(t->dirs));
    json_object_put_string(reply, "verdict", trace_verdict(t));
    if (!t->not_ip6) {
        json_object_put(reply, "before", view_to_json(&t->before));
    }
    if (t->outcome.has_entry) {
        trace_put_entry(c, reply, "entry", &t->outcome.entry);
    }
    if (t->outcome.has_quoted_entry) {
        trace_put_entry(c, reply, "quoted-entry", &t->outcome.quoted_entry);
    }
    if (t->outcome.translated) {
        json_object_put_string(reply, "transport-checksum", l4_verdict(t));
    }
    if (t->outcome.translated || t->outcome.inner) {
        json_object_put(reply, "after", view_to_json(&t->after));
        put_frame(reply, "packet", t->frame, t->size);
    }
}

static int
parse_dirs(const struct dpctl_ila *c, const char *s, unsigned int *dirs)
{
    enum ila_dir dir;

    if (!strcmp(s, "both")) {
        *dirs = ILA_PATH_IN | ILA_PATH_OUT;
    } else if (ila_dir_from_string(s, &dir)) {
        *dirs = 1u << dir;
    } else {
        return dpctl_ila_error(c, EINVAL, "dir \"%s\" is neither \"in\" nor "
                               "\"out\" nor \"both\"", s);
    }
    return 0;
}

/* Parses what there is besides the packet. */
static int
parse_port(struct dpctl_ila *c, const char *port, const char *dirs,
           struct trace *t)
{
    int port_no = dpif_ila_port_number(&c->names, port);
    struct dpif_ila_port config;
    int error;

    if (port_no < 0) {
        return dpctl_ila_error(c, ENODEV, "port \"%s\" does not exist", port);
    }
    t->port = port;
    t->port_no = port_no;
    if (dirs) {
        return parse_dirs(c, dirs, &t->dirs);
    }
    error = c->class->get_port(c->dpif, u32_to_odp(port_no), &config);
    if (error) {
        return dpctl_ila_dp_error(c, error, port);
    }
    t->dirs = config.dirs;
    return 0;
}

static int
run_trace(struct dpctl_ila *c)
{
    struct trace t = { .port = NULL };
    struct ila_packet packet;
    const char *words[3];
    size_t n_words = c->n_words;
    uint8_t *frame = NULL;
    const char *dirs;
    bool cut_off;
    size_t size;
    int error;

    if (n_words > ARRAY_SIZE(words)) {
        return dpctl_ila_error(c, EINVAL, "\"%s\" is one word too many",
                               c->words[ARRAY_SIZE(words)]);
    }
    memcpy(words, c->words, n_words * sizeof *words);
    error = dpctl_ila_take_word(c, "dir", words, &n_words, &dirs);
    if (error) {
        return error;
    } else if (n_words > 2) {
        return dpctl_ila_error(c, EINVAL, "\"%s\" is one word too many",
                               words[2]);
    } else if (n_words < 2) {
        return dpctl_ila_error(c, EINVAL, "a packet is missing");
    }

    error = parse_port(c, words[0], dirs, &t);
    if (!error) {
        error = parse_frame(c, words[1], &frame, &size);
    }
    if (error) {
        return error;
    }
    t.frame = frame;
    t.size = size;
    t.not_ip6 = find_ip6(frame, size, &packet, &cut_off);
    if (!t.not_ip6) {
        error = trace_packet(c, &packet, cut_off, &t);
    }
    if (error) {
        dpctl_ila_dp_error(c, error, words[0]);
    } else if (c->dpctl_p->ext.json) {
        trace_put_json(c, &t);
    } else {
        trace_print(c, &t);
    }
    free(frame);
    return error;
}

int
dpctl_ila_trace(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    struct dpctl_ila c;
    int error;

    error = dpctl_ila_open(argc, argv, dpctl_p, &c);
    if (!error) {
        error = run_trace(&c);
        dpctl_ila_close(&c);
    }
    return error;
}
