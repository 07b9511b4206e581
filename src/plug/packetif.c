/* packetif.c - a plug to a network card or a veth: AF_PACKET (packet(7))
 *
 * All frames that the interface receives come here, those for others too
 * (promiscuous), and what is sent leaves by it. Frames that Linux itself sends by it are
 * not seen, and ours are not read back. Linux's own stack goes on using the interface:
 * for a node alone give it a veth's other end, or an interface without addresses.
 *
 * A header (vnet.h) stands before each frame: super-frames both ways where the
 * driver or GRO makes them. The kernel takes VLAN tags out of what it receives and
 * tells them beside; they are put back in place.
 */
#include "plug/packetif.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "plug/ifname.h"
#include "plug/vnet.h"
#include "proto/proto.h"

#define BATCH		32
#define QUEUE_MAX	512
#define CHUNK		2048
#define BIG		(CHUNK_MAX / 4)	/* less of a whole chunk is copied out of it */
#define OVER		65536
#define OVERHEAD	18
#define ADDRS		12		/* before a tag */
#define ARENA_LIMIT	(256u << 20)
#define SOCKET_BUF	(4 << 20)

struct packetif {
	struct plug	plug;
	char		name[IFNAMSIZ];
	struct arena	*arena;
	struct list	queue;
	uint32_t	queued;
	int		error;
	struct chunk	*rx[BATCH];	/* waiting for frames */
	struct chunk	*big[BATCH];	/* and for the rest of larger ones; NULL: over */
	struct mmsghdr	msg[BATCH];
	struct virtio_net_hdr hdr[BATCH];
	struct iovec	iov[BATCH][PKT_EXTS + 2];
	_Alignas(struct cmsghdr) uint8_t aux[BATCH][CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	uint8_t		over[BATCH][OVER];
};

static struct packetif *packetif_of(struct plug *p)
{
	return container_of(p, struct packetif, plug);
}

static void pop(struct packetif *s)
{
	pkt_free(container_of(list_pop(&s->queue), struct pkt, link));
	s->queued--;
}

static int fail(struct packetif *s, int error)
{
	s->plug.tx_drops += s->queued;
	while (s->queued)
		pop(s);
	s->plug.want_write = false;
	return s->error = error;
}

/* The interface is down, or has it gone? Asked by the socket: its namespace need not be
 * ours. */
static bool has_gone(const struct packetif *s)
{
	struct ifreq r = { .ifr_ifindex = 0 };

	memcpy(r.ifr_name, s->name, sizeof(r.ifr_name));
	return ioctl(s->plug.fd, SIOCGIFINDEX, &r) < 0;
}

/* --- out --- */

static void enqueue(void *ctx, struct pkt *pkt)
{
	struct packetif *s = ctx;

	if (s->error || s->queued == QUEUE_MAX || pkt_wire_len(pkt) > s->plug.mtu + OVERHEAD) {
		s->plug.tx_drops++;
		pkt_free(pkt);
		return;
	}
	list_add_tail(&s->queue, &pkt->link);
	s->queued++;
}

static void packetif_send(struct plug *p, struct pkt *pkt)
{
	struct virtio_net_hdr h;

	if (vnet_out(pkt, &h))
		enqueue(packetif_of(p), pkt);
	else
		offload_out(pkt, enqueue, packetif_of(p));
}

static unsigned gather(struct packetif *s)
{
	unsigned n = 0;

	list_for(l, &s->queue) {
		const struct pkt *pkt = container_of(l, struct pkt, link);
		struct iovec *iov = s->iov[n];

		vnet_out(pkt, &s->hdr[n]);
		iov[0] = (struct iovec){ &s->hdr[n], sizeof(s->hdr[n]) };
		s->msg[n].msg_hdr = (struct msghdr){
			.msg_iov = iov, .msg_iovlen = (size_t)pkt_iov(pkt, iov + 1) + 1,
		};
		if (++n == BATCH)
			break;
	}
	return n;
}

static void sent(struct packetif *s, int n)
{
	while (n-- > 0) {
		s->plug.tx_frames++;
		s->plug.tx_bytes += pkt_len(list_first(&s->queue, struct pkt, link));
		pop(s);
	}
}

/* 0: go on with what is left in the queue. */
static int send_error(struct packetif *s, int e)
{
	if (e == EINTR)
		return 0;
	if (e == EAGAIN) {
		s->plug.want_write = true;
		return -EAGAIN;
	}
	if ((e == ENETDOWN || e == ENXIO || e == ENODEV) && has_gone(s))
		return fail(s, -ENODEV);
	s->plug.tx_drops++;		/* ENOBUFS: the card's queue is full; down; too long */
	pop(s);
	return 0;
}

static int packetif_flush(struct plug *p)
{
	struct packetif *s = packetif_of(p);
	int n, rc;

	while (!s->error && s->queued) {
		n = sendmmsg(p->fd, s->msg, gather(s), MSG_DONTWAIT);
		rc = n < 0 ? send_error(s, errno) : 0;
		if (rc)
			return rc;
		sent(s, n);
	}
	p->want_write = false;
	return s->error;
}

/* --- in --- */

static struct arena *arena_of(const struct packetif *s)
{
	return s->plug.into ? s->plug.into : s->arena;
}

static void let_go(struct chunk **c)
{
	if (*c)
		chunk_unref(*c);
	*c = NULL;
}

/* For what is longer than a chunk: where it is wanted, if that is known (as tap.c). */
static struct iovec rest_of(struct packetif *s, unsigned n)
{
	struct arena *a = s->plug.into;
	struct chunk **big = &s->big[n];

	if (*big && (*big)->arena != a)
		let_go(big);
	if (!*big && a)
		*big = a->alloc(a, CHUNK_MAX);
	if (*big && (*big)->size < CHUNK_MAX)
		let_go(big);
	if (*big)
		return (struct iovec){ (*big)->data, (*big)->size };
	return (struct iovec){ s->over[n], sizeof(s->over[n]) };
}

static unsigned provide(struct packetif *s, unsigned max)
{
	struct arena *a = arena_of(s);
	unsigned n;

	for (n = 0; n < max; n++) {
		struct iovec *iov = s->iov[n];

		if (!s->rx[n])
			s->rx[n] = a->alloc(a, CHUNK);
		if (!s->rx[n])
			break;
		iov[0] = (struct iovec){ &s->hdr[n], sizeof(s->hdr[n]) };
		iov[1] = (struct iovec){ s->rx[n]->data + VLAN_LEN, s->rx[n]->size - VLAN_LEN };
		iov[2] = rest_of(s, n);
		s->msg[n].msg_hdr = (struct msghdr){
			.msg_iov = iov, .msg_iovlen = 3,
			.msg_control = s->aux[n], .msg_controllen = sizeof(s->aux[n]),
		};
	}
	return n;
}

static const struct tpacket_auxdata *aux_of(struct msghdr *mh)
{
	struct cmsghdr *h = CMSG_FIRSTHDR(mh);

	if (!h || h->cmsg_level != SOL_PACKET || h->cmsg_type != PACKET_AUXDATA)
		return NULL;
	return (const struct tpacket_auxdata *)CMSG_DATA(h);
}

/* The tag goes back behind the addresses, for which four bytes are free in front.
 * Returns how many of them are used. */
static uint32_t put_tag(struct packetif *s, unsigned i)
{
	const struct tpacket_auxdata *a = aux_of(&s->msg[i].msg_hdr);
	uint8_t *p = s->rx[i]->data;
	be16 tpid, tci;

	if (!a || !(a->tp_status & TP_STATUS_VLAN_VALID))
		return 0;
	tpid = be16_put(a->tp_status & TP_STATUS_VLAN_TPID_VALID ? a->tp_vlan_tpid : ETHERTYPE_VLAN);
	tci = be16_put(a->tp_vlan_tci);
	memmove(p, p + VLAN_LEN, ADDRS);
	memcpy(p + ADDRS, &tpid, sizeof(tpid));
	memcpy(p + ADDRS + sizeof(tpid), &tci, sizeof(tci));
	s->hdr[i].csum_start += VLAN_LEN;
	return VLAN_LEN;
}

static bool add_rest(struct packetif *s, struct pkt *pkt, unsigned i, uint32_t len)
{
	struct chunk *big = s->big[i];

	if (!big || len < BIG)
		return pkt_append(pkt, arena_of(s), big ? big->data : s->over[i], len);
	s->big[i] = NULL;
	return pkt_add_ext(pkt, big, big->data, len);
}

/* The i-th message of a batch; NULL: it is not a frame, or there is no memory. */
static struct pkt *received(struct packetif *s, unsigned i)
{
	uint32_t got = s->msg[i].msg_len, size = s->rx[i]->size - VLAN_LEN, first, tag;
	struct pkt *pkt;

	if (got < sizeof(s->hdr[i]) + ETH_LEN || s->msg[i].msg_hdr.msg_flags & MSG_TRUNC)
		return NULL;
	got -= sizeof(s->hdr[i]);
	tag = put_tag(s, i);
	first = MIN(got, size);
	pkt = pkt_new();
	pkt_add_ext(pkt, s->rx[i], s->rx[i]->data + VLAN_LEN - tag, first + tag);
	s->rx[i] = NULL;
	if ((got > first && !add_rest(s, pkt, i, got - first)) ||
	    !vnet_in(pkt, &s->hdr[i])) {
		pkt_free(pkt);
		return NULL;
	}
	return pkt;
}

static void deliver(struct packetif *s, unsigned i)
{
	struct pkt *pkt = received(s, i);

	if (!pkt) {
		s->plug.rx_drops++;
		return;
	}
	s->plug.rx_frames++;
	s->plug.rx_bytes += pkt_len(pkt);
	s->plug.deliver(&s->plug, pkt);
}

static int packetif_recv(struct plug *p, int max)
{
	struct packetif *s = packetif_of(p);
	int n, count = 0;

	while (!s->error && count < max) {
		unsigned want = provide(s, (unsigned)MIN(max - count, BATCH));

		if (!want)
			break;
		n = recvmmsg(p->fd, s->msg, want, MSG_DONTWAIT, NULL);
		if (n < 0 && errno == ENETDOWN && has_gone(s))
			fail(s, -ENODEV);
		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			deliver(s, (unsigned)i);
		count += n;
	}
	return s->error ? s->error : count;
}

static uint32_t packetif_room(struct plug *p)
{
	return QUEUE_MAX - packetif_of(p)->queued;
}

static void packetif_close(struct plug *p)
{
	struct packetif *s = packetif_of(p);

	if (!s->error)
		packetif_flush(p);
	while (s->queued)
		pop(s);
	for (unsigned i = 0; i < BATCH; i++) {
		let_go(&s->rx[i]);
		let_go(&s->big[i]);
	}
	close(p->fd);
	arena_heap_unref(s->arena);
	free(s);
}

static const struct plug_ops packetif_ops = {
	.scheme	= "packet",
	.send	= packetif_send,
	.flush	= packetif_flush,
	.recv	= packetif_recv,
	.room	= packetif_room,
	.close	= packetif_close,
};

/* --- opening --- */

static bool set(int fd, int option, int value)
{
	return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) == 0;
}

/* Before it is bound, so that no frame comes otherwise. */
static bool prepare(int fd, int ifindex)
{
	struct packet_mreq all = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC };
	int size = SOCKET_BUF;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return set(fd, PACKET_VNET_HDR, 1) && set(fd, PACKET_AUXDATA, 1) &&
	       set(fd, PACKET_IGNORE_OUTGOING, 1) &&
	       setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) == 0;
}

/* -1 with errno. */
int packetif_socket(int ifindex)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex,
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), e;

	if (fd >= 0 && prepare(fd, ifindex) &&
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	e = errno;
	if (fd >= 0)
		close(fd);
	errno = e;
	return -1;
}

struct plug *packetif_new(int fd, const char *name, uint32_t mtu)
{
	struct packetif *s = xzalloc(sizeof(*s));

	s->plug = (struct plug){
		.ops = &packetif_ops, .fd = fd, .hup_fd = -1, .mtu = mtu, .offload = true,
	};
	memcpy(s->name, name, strlen(name));
	s->arena = arena_heap_new(ARENA_LIMIT);
	list_init(&s->queue);
	return &s->plug;
}

struct plug *packetif_open(const struct locator *loc, const struct plug_conf *conf, char **why)
{
	const char *name = loc->addr, *bad = ifname_check(name);
	int ifindex = bad ? 0 : (int)if_nametoindex(name), fd;

	if (bad || loc->n_opt) {
		*why = xasprintf("packet://%s: %s", name, bad ? bad : "has no options");
		return NULL;
	}
	if (!ifindex) {
		*why = xasprintf("packet://%s: no such interface (ip link shows them)", name);
		return NULL;
	}
	fd = packetif_socket(ifindex);
	if (fd >= 0)
		return packetif_new(fd, name, ifname_mtu(name));
	*why = xasprintf("packet://%s: %s%s", name, strerror(errno),
			 errno == EPERM ? " (packet sockets need CAP_NET_RAW: root, or a namespace "
					  "of your own: unshare -rn)" : "");
	return NULL;
}
