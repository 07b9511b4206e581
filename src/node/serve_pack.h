/* serve_pack.h - between serve_pack.c and serve_msgs.c */
#ifndef NODE_SERVE_PACK_H
#define NODE_SERVE_PACK_H

#include "node/serve.h"

#define NAME_MAX_LEN	128
#define DGRAM_MAX	65536u

static inline uint64_t serve_at(uint32_t at)
{
	return SERVE_MEM + at;
}

static inline uint32_t serve_aligned(size_t len)
{
	return (uint32_t)((len + 7) & ~(size_t)7);
}

/* What was written of the len bytes at at goes back to where they are from. */
int serve_back(const struct serve_pack *p, const struct serve_mem *m, uint64_t to, uint32_t at,
	       size_t len);

int serve_pack_sendmsg(struct serve_pack *p, const struct serve_mem *m);
int serve_pack_recvmsg(struct serve_pack *p, const struct serve_mem *m);
int serve_pack_sendmmsg(struct serve_pack *p, const struct serve_mem *m);
int serve_pack_recvmmsg(struct serve_pack *p, const struct serve_mem *m);
int serve_back_recvmsg(struct serve_pack *p, const struct serve_mem *m, int64_t ret);
int serve_back_sendmmsg(struct serve_pack *p, const struct serve_mem *m, int64_t ret);
int serve_back_recvmmsg(struct serve_pack *p, const struct serve_mem *m, int64_t ret);

#endif
