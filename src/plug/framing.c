/* framing.c - takes frames out of a stream that comes in any pieces
 *
 * One buffer. What is read goes behind what is there; a frame is handed out
 * where it lies; the beginning of one moves to the front when more is wanted,
 * which costs at most a frame's bytes for each reading.
 */
#include "plug/framing.h"

#include <assert.h>

static_assert(FRAMING_BUF >= 2 * (FRAMING_HEAD + FRAMING_MAX), "a frame always has room");

uint8_t *framing_room(struct framing *f, uint32_t *n)
{
	if (f->at) {
		memmove(f->buf, f->buf + f->at, f->len - f->at);
		f->len -= f->at;
		f->at = 0;
	}
	*n = FRAMING_BUF - f->len;
	return f->buf + f->len;
}

void framing_got(struct framing *f, uint32_t n)
{
	f->len += n;
}

const uint8_t *framing_next(struct framing *f, uint32_t *len)
{
	while (!f->bad && f->len - f->at >= FRAMING_HEAD) {
		const uint8_t *p = f->buf + f->at;

		*len = (uint32_t)(p[0] << 8 | p[1]);
		if (*len > FRAMING_MAX) {
			f->bad = *len;
			break;
		}
		if (f->len - f->at < FRAMING_HEAD + *len)
			break;
		f->at += FRAMING_HEAD + *len;
		if (*len >= FRAMING_MIN)
			return p + FRAMING_HEAD;
		f->passed_over += *len != 0;	/* of length 0: VDE's, ignored */
	}
	return NULL;
}
