/* bpf.h - filters of packets: classic BPF (SO_ATTACH_FILTER, pcap-filter(7)) */
#ifndef BASE_BPF_H
#define BASE_BPF_H

#include "base/base.h"

struct bpf;
struct rng;
struct sock_filter;

/* What a filter may ask. Offsets count from the first byte of it. */
struct bpf_pkt {
	/* Copies len bytes from offset off; returns how many there were. */
	uint32_t	(*copy)(const void *of, uint32_t off, void *to, uint32_t len);
	const void	*of;
	uint32_t	len;		/* how many bytes there are */
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
/* Bytes of the data to keep; 0: the packet is not wanted. */
uint32_t bpf_run(const struct bpf *b, const struct bpf_pkt *p);

#endif
