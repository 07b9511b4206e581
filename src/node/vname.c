/* vname.c - names of sockets as programs write them: struct sockaddr_*
 *
 * A packet socket's name is an interface and a protocol (struct sockaddr_ll), all
 * others' are addresses and ports. For bind the former becomes an endpoint too:
 * its port is the ethertype.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <time.h>

#include "proto/proto.h"
#include "node/vsock.h"
#include "stack/packet.h"

static int ll_read(const struct sockaddr *sa, socklen_t len, struct frame_note *f)
{
	struct sockaddr_ll ll;

	if (len < offsetof(struct sockaddr_ll, sll_addr))
		return -EINVAL;
	memset(&ll, 0, sizeof(ll));
	memcpy(&ll, sa, MIN(len, sizeof(ll)));
	if (ll.sll_family != AF_PACKET)
		return -EINVAL;
	if (ll.sll_halen > len - offsetof(struct sockaddr_ll, sll_addr))
		return -EINVAL;
	*f = (struct frame_note){
		.proto = ntohs(ll.sll_protocol), .ifindex = (uint32_t)ll.sll_ifindex,
		.halen = MIN(ll.sll_halen, (unsigned char)sizeof(f->addr)),
	};
	memcpy(f->addr, ll.sll_addr, sizeof(f->addr));
	return 0;
}

static socklen_t ll_write(const struct frame_note *f, struct sockaddr_storage *ss)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(f->proto),
		.sll_ifindex = (int)f->ifindex, .sll_hatype = f->hatype,
		.sll_pkttype = f->pkttype, .sll_halen = f->halen,
	};

	memcpy(ll.sll_addr, f->addr, sizeof(ll.sll_addr));
	memset(ss, 0, sizeof(*ss));
	memcpy(ss, &ll, sizeof(ll));
	return sizeof(ll);
}

uint32_t vname_flowinfo(const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in6 sin6 = { 0 };

	memcpy(&sin6, sa, MIN(len, (socklen_t)sizeof(sin6)));
	return sin6.sin6_family == AF_INET6 ? ntohl(sin6.sin6_flowinfo) : 0;
}

int vname_dest(const struct vsock *vs, const struct sockaddr *sa, socklen_t len, struct msg *m)
{
	int e = vs->family == AF_PACKET ? ll_read(sa, len, &m->frame) :
					  ep_from_sockaddr(sa, len, &m->peer);

	m->has_peer = e == 0;
	if (vs->so && sock_wants(vs->so, WANT_FLOW_SEND))
		m->flow = vname_flowinfo(sa, len) & FLOWINFO_MASK;
	return e;
}

socklen_t vname_source(const struct vsock *vs, const struct msg *m, struct sockaddr_storage *ss)
{
	return vs->family == AF_PACKET ? ll_write(&m->frame, ss) :
					 ep_to_sockaddr(&m->peer, vs->family, ss);
}

int vname_bind(const struct vsock *vs, const struct sockaddr *sa, socklen_t len,
	       struct endpoint *ep)
{
	struct frame_note f;
	int e;

	if (vs->family != AF_PACKET)
		return ep_from_sockaddr(sa, len, ep);
	if (len < sizeof(struct sockaddr_ll))
		return -EINVAL;
	e = ll_read(sa, len, &f);
	*ep = (struct endpoint){ IP6_ANY, f.proto, f.ifindex };
	return e;
}

int vname_local(struct vsock *vs, struct sockaddr_storage *ss, socklen_t *len)
{
	struct frame_note f;
	struct endpoint ep;
	int e;

	if (vs->family == AF_PACKET && vs->so) {
		packet_name(vs->so, &f);
		*len = offsetof(struct sockaddr_ll, sll_addr) + f.halen;
		ll_write(&f, ss);
		return 0;
	}
	e = vsock_local(vs, &ep);
	if (!e)
		*len = ep_to_sockaddr(&ep, vs->family, ss);
	return e;
}

int vname_peer(struct vsock *vs, struct sockaddr_storage *ss, socklen_t *len)
{
	struct endpoint ep;
	int e = vsock_peer(vs, &ep);

	if (e)
		return e;
	*len = ep_to_sockaddr(&ep, vs->family, ss);
	if (vs->family == AF_INET6 && vs->so)
		((struct sockaddr_in6 *)ss)->sin6_flowinfo = htonl(sock_peer_flowinfo(vs->so));
	return 0;
}

usec vname_epoch(void)
{
	struct timespec mono, real;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	return (real.tv_sec - mono.tv_sec) * USEC_PER_SEC + (real.tv_nsec - mono.tv_nsec) / 1000;
}
