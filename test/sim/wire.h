/* wire.h - what a real wire does to packets, for packet scripts and the simulator */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include "stack/pkt.h"

typedef void wire_emit(void *ctx, const uint8_t *frame, size_t len);

/* Segments a super-frame, completes checksums, gives each frame as bytes.
 * Takes pkt. */
void wire_split(struct pkt *pkt, wire_emit *emit, void *ctx);

/* What is wrong with the frame as seen on the wire (lengths, checksums), or
 * NULL. Looks at IPv4, IPv6, TCP, UDP, ICMP; anything else is fine. */
const char *wire_check(const uint8_t *frame, size_t len);

/* A packet with the frame's bytes in chunks of the arena; NULL: no memory. */
struct pkt *wire_pkt(struct arena *a, const void *frame, size_t len);

/* Bytes of test streams: the i-th of any stream. */
static inline uint8_t pattern(uint32_t i)
{
	return (uint8_t)(i * 7 + (i >> 8) * 13 + (i >> 16) * 101 + 1);
}

#endif
