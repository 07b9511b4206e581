/* udp.c - the UDP header (RFC 768) */
#include "proto/proto.h"

bool udp_parse(struct rd *r, struct udp *u)
{
	u->src_port = rd_u16(r);
	u->dst_port = rd_u16(r);
	u->len = rd_u16(r);
	u->sum = rd_u16(r);
	return !r->fail && u->len >= UDP_LEN;
}

void udp_emit(struct wr *w, const struct udp *u)
{
	wr_u16(w, u->src_port);
	wr_u16(w, u->dst_port);
	wr_u16(w, u->len);
	wr_u16(w, u->sum);
}

void udp_print(struct text *t, const struct udp *u)
{
	text_add(t, "udp %u > %u len %d", u->src_port, u->dst_port, u->len - UDP_LEN);
}
