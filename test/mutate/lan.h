/* lan.h - one stack, its neighbour played by hand, and frames of every protocol */
#ifndef MUTATE_LAN_H
#define MUTATE_LAN_H

#include "proto/proto.h"
#include "stack/sock.h"

#define FRAME_MAX	1600

struct lan {
	struct stack	*st;
	struct netif	*nif;
	usec		now;
	struct sock	*udp[2], *asker[2], *listener, *client[2], *raw[2], *ping[2];
	unsigned	sent, spoke;	/* frames that left; without those of ARP, ND and groups */
	unsigned	errors;		/* ICMP errors among them */
	uint8_t		seen[4][FRAME_MAX];	/* UDP and TCP of ours, by family: to be quoted */
	uint32_t	seen_len[4];
};

extern const struct mac own_mac, peer_mac;
extern const struct ip_addr own4, peer4, own6, peer6;

void lan_init(struct lan *l);
void lan_fini(struct lan *l);
void lan_input(struct lan *l, const uint8_t *b, uint32_t len);
void lan_pass(struct lan *l, usec d);

struct templ {
	const char	*name;
	/* Writes the whole frame, sums left 0; returns its length. */
	uint32_t	(*make)(const struct lan *l, uint8_t *b);
};

extern const struct templ templs[];
extern const unsigned n_templs;

/* Where the header of the upper layer begins, or 0; past extension headers. */
uint32_t upper_at(const uint8_t *b, uint32_t len, uint8_t *proto);
/* Of the checksum in the upper layer's header; 0: it has none that we know. */
uint32_t sum_place(uint8_t proto, bool v4);
/* IPv4's sum and, if the packet is whole, that of the upper layer. */
void sums_fill(uint8_t *b, uint32_t len, bool ip, bool upper);
/* A datagram to the UDP socket of the family, of n octets of a pattern. */
uint32_t udp_frame(uint8_t *b, bool v4, uint32_t n);

#endif
