/* seg.h - TCP segments and their options as text (seg.c, opts.c) */
#ifndef PKT_SEG_H
#define PKT_SEG_H

#include "world.h"

/* One option. v: its fields; any: bit i set means field i is not compared. */
struct item {
	uint8_t		kind;
	uint8_t		n;
	uint32_t	any;
	uint32_t	v[2 * TCP_MAX_SACK];
	uint8_t		raw_len;
	uint8_t		raw[40];
};

enum { OPT_EOL = 0, OPT_NOP = 1, OPT_MSS = 2, OPT_WSCALE = 3, OPT_SACKOK = 4,
       OPT_SACK = 5, OPT_TS = 8, OPT_FO = 34, OPT_RAW = 255 };
#define MAX_ITEMS 40

struct items {
	struct item	i[MAX_ITEMS];
	int		n;
	bool		wild;		/* <...>: anything */
};

void items_read(struct world *w, struct items *is, const char *text);
/* From the wire; numbers become relative to the connection. */
void items_parse(struct items *is, const struct conn *c, const uint8_t *p, size_t len);
size_t items_emit(const struct items *is, const struct world *w, const struct conn *c,
		  uint8_t *to);
void items_text(const struct items *is, struct text *t);
bool items_match(const struct items *want, const struct items *got);
const struct item *items_find(const struct items *is, uint8_t kind);
/* The peer's timestamp clock: 1000 and a millisecond a tick. */
uint32_t peer_ts(const struct world *w);

#endif
