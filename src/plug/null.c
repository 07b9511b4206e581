/* null.c - the plug that leads nowhere
 *
 * It counts what it is sent and nothing ever comes. It takes super-frames, so
 * nobody cuts them first.
 */
#include "plug/null.h"

#include <stdlib.h>

#include "base/mem.h"

#define NULL_MTU	1500

static void null_send(struct plug *p, struct pkt *pkt)
{
	p->tx_frames++;
	p->tx_bytes += pkt_len(pkt);
	pkt_free(pkt);
}

static int null_flush(struct plug *p)
{
	return 0;
}

static int null_recv(struct plug *p, int max)
{
	return 0;
}

static uint32_t null_room(struct plug *p)
{
	return UINT32_MAX;
}

static void null_close(struct plug *p)
{
	free(p);
}

static const struct plug_ops null_ops = {
	.scheme	= "null",
	.send	= null_send,
	.flush	= null_flush,
	.recv	= null_recv,
	.room	= null_room,
	.close	= null_close,
};

struct plug *null_open(const struct locator *loc, const struct plug_conf *conf, char **why)
{
	struct plug *p = xzalloc(sizeof(*p));

	*p = (struct plug){
		.ops = &null_ops, .fd = -1, .hup_fd = -1, .mtu = NULL_MTU, .offload = true,
	};
	return p;
}
