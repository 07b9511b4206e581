/* udp.c - the UDP header (RFC 768) */
#include "proto/proto.h"

bool udp_parse(struct rd *r, struct udp *u)
{
	const uint8_t *p = rd_bytes(r, UDP_LEN);

	if (!p)
		return false;
	u->src_port = get_u16(p);
	u->dst_port = get_u16(p + 2);
	u->len = get_u16(p + 4);
	u->sum = get_u16(p + 6);
	return u->len >= UDP_LEN;
}

void udp_emit(struct wr *w, const struct udp *u)
{
	uint8_t *p = wr_room(w, UDP_LEN);

	if (!p)
		return;
	put_u16(p, u->src_port);
	put_u16(p + 2, u->dst_port);
	put_u16(p + 4, u->len);
	put_u16(p + 6, u->sum);
}

void udp_print(struct text *t, const struct udp *u)
{
	text_add(t, "udp %u > %u len %d", u->src_port, u->dst_port, u->len - UDP_LEN);
}
