/* bpf.h - socket filters: classic BPF (SO_ATTACH_FILTER) */
#ifndef STACK_BPF_H
#define STACK_BPF_H

#include "stack/pkt.h"

struct bpf;
struct rng;
struct sock_filter;

/* What a filter may ask. Offsets count from pkt->cur. */
struct bpf_pkt {
	const struct pkt *pkt;
	uint32_t	data;		/* where the filter's own offset 0 is */
	uint32_t	net;		/* the IP header (SKF_NET_OFF) */
	uint16_t	proto;		/* the ethertype */
	uint8_t		pkttype;
	uint16_t	hatype;
	uint32_t	ifindex, mark;
	struct rng	*rng;
};

/* A checked copy. 0; -EINVAL: it might not end, or reads what it has not written. */
int bpf_new(const struct sock_filter *code, unsigned n, struct bpf **out);
void bpf_free(struct bpf *b);			/* NULL is fine */
const struct sock_filter *bpf_code(const struct bpf *b, unsigned *n);
/* Bytes of the data to keep; 0: the packet is not wanted. */
uint32_t bpf_run(const struct bpf *b, const struct bpf_pkt *p);

#endif
