/* framing.h - VDE's stream framing: frames in a stream of bytes
 *
 * Each frame follows its length, two bytes, most significant first. There is no
 * mark to find the next frame by, so a length that cannot be is the stream's end.
 */
#ifndef PLUG_FRAMING_H
#define PLUG_FRAMING_H

#include "base/base.h"

#define FRAMING_HEAD	2
#define FRAMING_MIN	14		/* less is no frame and passed over */
#define FRAMING_MAX	9234		/* vdeplug4's: MTU 9216, header, tag */
#define FRAMING_BUF	65536

struct framing {
	uint32_t	at, len;	/* what is not yet taken: buf[at .. len) */
	uint32_t	bad;		/* the length that ended it; 0: none */
	uint64_t	passed_over;
	uint8_t		buf[FRAMING_BUF];
};

/* Where more of the stream may be read to; at least a whole frame has room when
 * framing_next has given all it had. */
uint8_t *framing_room(struct framing *f, uint32_t *n);
void framing_got(struct framing *f, uint32_t n);
/* The next whole frame, valid until framing_room; NULL: more is needed, or bad. */
const uint8_t *framing_next(struct framing *f, uint32_t *len);
/* The stream stands between two frames. */
static inline bool framing_between(const struct framing *f) { return f->at == f->len; }

#endif
