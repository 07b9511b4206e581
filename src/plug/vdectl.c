/* vdectl.c - the request of VDE's ctl protocol, versions 3 and 1
 *
 * Everything is in the byte order of the machine, packed:
 *
 *	version 3: magic, 3, kind | port << 8, sockaddr_un, description
 *	version 1: magic, kind, MAC (6 bytes), sockaddr_un, description
 *
 * Version 1 has no version word: its kind, 0 or 1, stands in that place. The
 * description ends where the client's one write ends; it comes from a stranger
 * and goes to terminals, so what is not printable becomes '?'.
 */
#include "plug/vdectl.h"

#define MAGIC		0xfeedfaceu
#define VERSION		3u
#define KIND_NEW	0u
#define KIND_PORT0	1u

static uint32_t rd_host32(struct rd *r)
{
	uint32_t v;

	rd_copy(r, &v, sizeof(v));
	return v;
}

static void wr_host32(struct wr *w, uint32_t v)
{
	wr_bytes(w, &v, sizeof(v));
}

static void descr_parse(struct rd *r, char *descr)
{
	size_t n = MIN(rd_left(r), VDE_DESCR_MAX);
	const uint8_t *p = rd_bytes(r, n);
	size_t i;

	for (i = 0; i < n && p[i]; i++)
		descr[i] = p[i] >= ' ' && p[i] < 0x7f ? (char)p[i] : '?';
	descr[i] = 0;
}

static bool kind_parse(uint32_t type, struct vde_request *rq)
{
	rq->port0 = (type & 0xff) == KIND_PORT0;
	rq->port = type >> 8;
	return (type & 0xff) <= KIND_PORT0;
}

enum vde_parse vde_request_parse(const void *p, size_t n, struct vde_request *rq)
{
	struct rd r = rd_of(p, n);
	uint32_t magic = rd_host32(&r), version = rd_host32(&r);
	bool kind_ok;

	if (r.fail)
		return VDE_MORE;
	if (magic != MAGIC)
		return VDE_BAD;
	if (version == VERSION) {
		kind_ok = kind_parse(rd_host32(&r), rq);
	} else {
		kind_ok = version <= KIND_PORT0 && kind_parse(version, rq);
		rd_bytes(&r, 6);
	}
	if (!kind_ok && !r.fail)
		return VDE_BAD;
	rd_copy(&r, &rq->data, sizeof(rq->data));
	if (r.fail)
		return VDE_MORE;
	descr_parse(&r, rq->descr);
	return rq->data.sun_family == AF_UNIX ? VDE_OK : VDE_BAD;
}

void vde_request_emit(struct wr *w, const struct vde_request *rq)
{
	wr_host32(w, MAGIC);
	wr_host32(w, VERSION);
	wr_host32(w, (rq->port0 ? KIND_PORT0 : KIND_NEW) | rq->port << 8);
	wr_bytes(w, &rq->data, sizeof(rq->data));
	wr_bytes(w, rq->descr, strlen(rq->descr));
}
