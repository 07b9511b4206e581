/* node_rtnl.c - netlink requests of any bytes, with all their consequences
 *
 * The first byte chooses the socket: which protocol, strict or not, which groups.
 * Then each request is a length byte and as much of a message, whose length field
 * is put right half of the time, so that what changes things is reached. Answers
 * and news are well-formed; the stack lives on and ends clean.
 */
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdlib.h>

#include "fuzz.h"
#include "node/node.h"
#include "stack/sock.h"

static void check(struct nlpeer *p, const void *buf, size_t len, bool news)
{
	const struct nlmsghdr *nlh = buf;
	int left = (int)len;

	if (!len || len > RTNL_BUF)
		abort();
	while (mnl_nlmsg_ok(nlh, left)) {
		if (!news && nlh->nlmsg_pid != p->pid)
			abort();
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	if (left)
		abort();
}

static void out(struct netif *nif, struct pkt *pkt)
{
	pkt_free(pkt);
}

static void furnish(struct stack *st)
{
	static const struct netif_ops ops = { .out = out };
	struct netif *nif = netif_add(st, "eth0", (struct mac){ { 2, 0, 0, 0, 0, 1 } }, 1500, 0,
				      &ops, NULL);
	struct ip_addr a = IP4(10, 0, 0, 1), b = { { 0xfd, [15] = 1 } };
	struct sock *so;

	netif_up(nif);
	netif_addr_add(nif, &a, 24);
	netif_addr_add(nif, &b, 64);
	if (sock_new(st, AF_INET6, SOCK_STREAM, 0, &so) == 0) {
		sock_bind(so, &(struct endpoint){ IP6_ANY, 80, 0 });
		sock_listen(so, 4);
	}
}

static size_t one(struct nlpeer *p, const uint8_t *data, size_t size)
{
	size_t len = MIN((size_t)(data[0] & 0x7f) + 16, size - 1);
	struct nlmsghdr *req = calloc(1, len);	/* aligned, and guarded at its end */

	memcpy(req, data + 1, len);
	if (data[0] & 0x80 && len >= sizeof(*req)) {
		req->nlmsg_len = (uint32_t)len;
		req->nlmsg_flags |= NLM_F_REQUEST;
	}
	rtnl_request(p, req, len);
	free(req);
	return len + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node n = { .st = stack_new(1, 0) };
	struct nlpeer p = { .n = &n, .emit = check }, watcher = { .n = &n, .emit = check };
	size_t at = 1;

	n.st->user = &n;
	rtnl_init(&n);
	furnish(n.st);
	p.proto = size && data[0] & 1 ? NETLINK_SOCK_DIAG : NETLINK_ROUTE;
	p.strict = size && data[0] & 2;
	p.ext_ack = size && data[0] & 4;
	p.cap_ack = size && data[0] & 8;
	rtnl_open(&p, 77);
	rtnl_open(&watcher, 78);
	watcher.groups = UINT64_MAX;
	while (at + 17 < size) {
		at += one(&p, data + at, size - at);
		stack_now(n.st, n.st->now + USEC_PER_SEC / 2);
		stack_run(n.st);
	}
	rtnl_close(&p);
	rtnl_close(&watcher);
	n.st->on_change = NULL;
	stack_free(n.st);
	return 0;
}
