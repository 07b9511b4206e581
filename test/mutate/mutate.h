/* mutate.h - the parts of the mutation program */
#ifndef MUTATE_MUTATE_H
#define MUTATE_MUTATE_H

#include "base/base.h"

#define TRYING 512

/* Two kinds of connection: over IPv4 with all options, over IPv6 without. */
struct variant {
	const char	*name;
	bool		v6, plain;
};

struct edit { unsigned field, value; };

/* Every how manieth case is tried, by the number of fields changed; 0: none. */
struct strides { uint64_t single, pair, triple; };

void tcp_head(void);
void tcp_scene(unsigned i, const struct variant *how, const struct strides *s);
/* Frames of other protocols (frames.c), and fragments (parts.c). */
void frame_kind(unsigned i, const struct variant *how, const struct strides *s);
void parts_all(unsigned i, const struct variant *how, const struct strides *s);

#endif
