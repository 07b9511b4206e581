/* call_ring.c - a packet socket's shared memory in the place of its descriptor
 *
 * A program maps PACKET_RX_RING's memory by the socket's descriptor, which here is
 * one end of a pair and cannot be mapped; and mmap is not trapped, because it must
 * not fail with EINTR. So the call that asks for the ring leaves the memory's own
 * descriptor at that number, and the next trapped call that names it puts the
 * socket back: libpcap maps between PACKET_RX_RING and bind. Meanwhile the
 * program's end is kept open here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/vring.h"
#include "node/call.h"


static long swap_in(struct call *c, struct vring *ring)
{
	struct vsock *vs = c->vs;
	int ret;

	vs->app = fcntl(c->app, F_DUPFD_CLOEXEC, 0);
	if (vs->app < 0)
		return -errno;
	ret = call_replace(c, (int)ARG(c, 0), ring->fd, vs->cloexec);
	if (ret < 0) {
		close(vs->app);
		vs->app = -1;
		return ret;
	}
	list_add_tail(&c->of->rings, &ring->link);
	return 0;
}

long ring_setopt(struct call *c, const void *v, socklen_t len)
{
	bool had = c->vs->ring;
	long ret;

	if (c->vs->family != AF_PACKET || !c->of->front->replace)
		return -ENOPROTOOPT;
	ret = vring_setopt(c->vs, (int)ARG(c, 2), v, len);
	if (ret < 0 || had || !c->vs->ring)
		return ret;
	ret = swap_in(c, c->vs->ring);
	if (ret < 0)
		vring_free(c->vs);
	return ret;
}

static bool same_file(int a, int b)
{
	struct stat s, t;

	return fstat(a, &s) == 0 && fstat(b, &t) == 0 && s.st_ino == t.st_ino &&
	       s.st_dev == t.st_dev;
}

struct vsock *ring_end(struct call *c)
{
	list_for(l, &c->of->rings) {
		struct vring *ring = container_of(l, struct vring, link);
		struct vsock *vs = ring->vs;

		if (!same_file(c->app, ring->fd))
			continue;
		if (call_replace(c, (int)ARG(c, 0), vs->app, vs->cloexec) < 0)
			return NULL;
		list_del(&ring->link);
		list_init(&ring->link);
		close(c->app);
		c->app = vs->app;
		vs->app = -1;
		return vs;
	}
	return NULL;
}
