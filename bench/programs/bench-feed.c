/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG
#include "bench-feed.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "dp-packet.h"
#include "packets.h"
#include "util.h"

struct bench_feed {
    int fd;
    struct dp_packet **templates;
    unsigned int n_templates, next;
};

struct bench_feed *
bench_feed_open(const char *device, struct dp_packet **templates,
                unsigned int n_templates)
{
    struct bench_feed *feed = xmalloc(sizeof *feed);
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_ifindex = if_nametoindex(device),
    };

    feed->templates = templates;
    feed->n_templates = n_templates;
    feed->next = 0;

    /* Protocol 0: it receives nothing. */
    feed->fd = socket(AF_PACKET, SOCK_RAW, 0);
    if (feed->fd < 0 || !address.sll_ifindex
        || bind(feed->fd, (struct sockaddr *) &address, sizeof address)) {
        ovs_fatal(errno, "%s: sending packets", device);
    }
    return feed;
}

void
bench_feed_close(struct bench_feed *feed)
{
    close(feed->fd);
    free(feed);
}

void
bench_feed_send(struct bench_feed *feed)
{
    struct mmsghdr messages[NETDEV_MAX_BURST];
    struct iovec data[NETDEV_MAX_BURST];
    int n = 0;

    memset(messages, 0, sizeof messages);
    for (int i = 0; i < NETDEV_MAX_BURST; i++) {
        const struct dp_packet *p = feed->templates[feed->next];

        feed->next = feed->next + 1 < feed->n_templates ? feed->next + 1 : 0;
        data[i].iov_base = dp_packet_data(p);
        data[i].iov_len = dp_packet_size(p);
        messages[i].msg_hdr.msg_iov = &data[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (n < NETDEV_MAX_BURST) {
        int sent = sendmmsg(feed->fd, messages + n, NETDEV_MAX_BURST - n, 0);

        if (sent < 0) {
            ovs_fatal(errno, "sending packets");
        }
        n += sent;
    }
}
