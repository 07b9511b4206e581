/* vring.c - a packet socket's frames in memory shared with the program
 *
 * PACKET_RX_RING as Linux's packet_mmap.rst tells it, TPACKET_V2: slots of one
 * size, each with a status word that says whose it is. The memory is a memfd,
 * which the program maps by the socket's descriptor: the front end puts the one in
 * the other's place from the call that asks for the ring until the next call that
 * names the socket (libpcap: mmap, then bind).
 *
 * The program polls the socket and takes frames without a call, so nobody tells us
 * when there are none left. While there are any a byte in the program's end keeps
 * it readable, and a timer looks when it is to go: by then the program has polled
 * in vain for a few milliseconds at most.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/mem.h"
#include "node/vring.h"
#include "node/vsock_in.h"

#define RING_MAX	(64u << 20)
#define LOOK_MIN	(1 * USEC_PER_MSEC)
#define LOOK_MAX	(8 * USEC_PER_MSEC)
#define LINK_MIN	16	/* of a header, for the network header's alignment */

#define HEAD	TPACKET_ALIGN(sizeof(struct tpacket2_hdr) + sizeof(struct sockaddr_ll))

static struct tpacket2_hdr *slot(const struct vring *r, unsigned i)
{
	unsigned per_block = r->req.tp_block_size / r->req.tp_frame_size;

	return (void *)(r->mem + (size_t)(i / per_block) * r->req.tp_block_size +
			(size_t)(i % per_block) * r->req.tp_frame_size);
}

static bool ours(const struct tpacket2_hdr *h)
{
	return !(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER);
}

/* Programs take frames in their order: the last one tells of all. */
static bool all_read(const struct vring *r)
{
	return ours(slot(r, (r->next + r->req.tp_frame_nr - 1) % r->req.tp_frame_nr));
}

static void token_put(struct vsock *vs)
{
	struct vring *r = vs->ring;

	if (!r->token)
		r->token = send(vs->w.fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
	r->pause = LOOK_MIN;
	if (!stimer_armed(&r->look))
		stimer_set(vs->n->st, &r->look, vs->n->st->now + r->pause);
}

static void token_take(struct vsock *vs)
{
	int app = vs->n->front ? vs->n->front->app_end(vs) : -1;
	char byte;

	if (app < 0)
		return;
	while (recv(app, &byte, 1, MSG_DONTWAIT) > 0)
		;
	vs->ring->token = false;
	close(app);
}

static void look(struct stack *st, struct stimer *tm)
{
	struct vring *r = container_of(tm, struct vring, look);

	if (all_read(r))
		token_take(r->vs);
	vring_pump(r->vs);
	if (!r->token || stimer_armed(&r->look))
		return;
	r->pause = MIN(2 * r->pause, LOOK_MAX);
	stimer_set(st, &r->look, st->now + r->pause);
}

static void fill_slot(struct vsock *vs, struct tpacket2_hdr *h, const struct msg *m,
		      unsigned at, uint32_t len)
{
	usec when = vname_epoch() + m->when;
	struct sockaddr_storage ss;
	uint32_t status = TP_STATUS_USER | (m->frame.sum_wanted ? TP_STATUS_CSUMNOTREADY : 0);

	h->tp_len = m->frame.len;
	h->tp_snaplen = len;
	h->tp_mac = (uint16_t)at;
	h->tp_net = (uint16_t)(at + m->frame.net);
	h->tp_sec = (uint32_t)(when / USEC_PER_SEC);
	h->tp_nsec = (uint32_t)(when % USEC_PER_SEC * 1000);
	h->tp_vlan_tci = h->tp_vlan_tpid = 0;
	memcpy((uint8_t *)h + TPACKET_ALIGN(sizeof(*h)), &ss, vname_source(vs, m, &ss));
	__atomic_store_n(&h->tp_status, status, __ATOMIC_RELEASE);
}

/* Where a frame begins in its slot: its network header is aligned. */
static unsigned frame_at(const struct vsock *vs)
{
	unsigned link = vs->type == SOCK_RAW ? 14 : 0;

	return (unsigned)HEAD + LINK_MIN + vs->ring->reserve - link;
}

void vring_pump(struct vsock *vs)
{
	struct vring *r = vs->ring;
	unsigned at = frame_at(vs);
	bool any = false;

	while (ours(slot(r, r->next))) {
		struct tpacket2_hdr *h = slot(r, r->next);
		struct iovec iov = { (uint8_t *)h + at, r->req.tp_frame_size - at };
		struct msg m;
		ssize_t len;

		memset(&m, 0, sizeof(m));
		len = sock_recv(vs->so, &iov, 1, MSG_DONTWAIT, &m);
		if (len < 0 && len != -EAGAIN)
			vs->error = (int)-len;
		if (len < 0)
			break;
		fill_slot(vs, h, &m, at, (uint32_t)len);
		r->next = (r->next + 1) % r->req.tp_frame_nr;
		any = true;
	}
	if (any)
		token_put(vs);
}

static bool shape_ok(const struct tpacket_req *q, uint32_t reserve)
{
	uint64_t size = (uint64_t)q->tp_block_size * q->tp_block_nr;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return q->tp_block_size && q->tp_block_size % page == 0 && size <= RING_MAX &&
	       q->tp_frame_size % TPACKET_ALIGNMENT == 0 &&
	       q->tp_frame_size > HEAD + LINK_MIN + reserve && q->tp_block_nr &&
	       q->tp_frame_size <= q->tp_block_size && q->tp_frame_nr &&
	       q->tp_frame_nr == q->tp_block_size / q->tp_frame_size * q->tp_block_nr;
}

void vring_free(struct vsock *vs)
{
	struct vring *r = vs->ring;

	if (!r)
		return;
	stimer_set(vs->n->st, &r->look, NEVER);
	list_del(&r->link);
	munmap(r->mem, r->size);
	close(r->fd);
	free(r);
	vs->ring = NULL;
}

/* No slots: the ring goes. */
static int ring_new(struct vsock *vs, const struct tpacket_req *q)
{
	struct vring *r;

	if (!q->tp_block_nr) {
		if (vs->ring && vs->ring->token)
			token_take(vs);
		vring_free(vs);
		return 0;
	}
	if (vs->ring)
		return -EBUSY;
	if (!vs->wants_v2 || !shape_ok(q, vs->ring_reserve))
		return -EINVAL;
	r = xzalloc(sizeof(*r));
	*r = (struct vring){ .vs = vs, .req = *q, .reserve = vs->ring_reserve };
	r->size = (size_t)q->tp_block_size * q->tp_block_nr;
	r->fd = limit_memfile("ioth-ring", r->size);
	if (r->fd < 0 || fcntl(r->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		goto fail;
	r->mem = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->mem == MAP_FAILED)
		goto fail;
	list_init(&r->link);
	stimer_init(&r->look, look);
	vs->ring = r;
	return 0;
fail:
	if (r->fd >= 0)
		close(r->fd);
	free(r);
	return -ENOMEM;
}

bool vring_opt(int name)
{
	return name == PACKET_VERSION || name == PACKET_HDRLEN || name == PACKET_RESERVE ||
	       name == PACKET_RX_RING;
}

int vring_setopt(struct vsock *vs, int name, const void *v, socklen_t len)
{
	struct tpacket_req q;
	int n;

	if (name == PACKET_RX_RING) {
		if (len < sizeof(q))
			return -EINVAL;
		memcpy(&q, v, sizeof(q));
		return ring_new(vs, &q);
	}
	if (len != sizeof(n))
		return -EINVAL;
	memcpy(&n, v, sizeof(n));
	if (vs->ring)
		return -EBUSY;
	if (name == PACKET_VERSION && n == TPACKET_V2)
		vs->wants_v2 = true;
	else if (name == PACKET_RESERVE && n >= 0 && n <= 4096)
		vs->ring_reserve = (uint32_t)n;
	else
		return -EINVAL;
	return 0;
}

int vring_getopt(const struct vsock *vs, int name, void *v, socklen_t *len)
{
	int n = -1;

	memcpy(&n, v, MIN(*len, sizeof(n)));
	if (name == PACKET_HDRLEN && n != TPACKET_V2)
		return -EINVAL;		/* who asks tries an older version next */
	if (name == PACKET_HDRLEN)
		n = sizeof(struct tpacket2_hdr);
	else if (name == PACKET_VERSION)
		n = vs->wants_v2 ? TPACKET_V2 : TPACKET_V1;
	else if (name == PACKET_RESERVE)
		n = (int)vs->ring_reserve;
	else
		return -ENOPROTOOPT;
	*len = MIN(*len, sizeof(n));
	memcpy(v, &n, *len);
	return 0;
}
