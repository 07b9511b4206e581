/* plug_framing.c - a stream of frames from any bytes, in any pieces
 *
 * Input: the size of the pieces, then the stream. What comes out whole and in one
 * piece must be what comes out in pieces.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "fuzz.h"
#include "plug/framing.h"

struct seen { uint64_t frames, bytes, mix; };

static void look(struct seen *s, const uint8_t *p, uint32_t len)
{
	CHECK(len >= FRAMING_MIN && len <= FRAMING_MAX);
	s->frames++;
	s->bytes += len;
	for (uint32_t i = 0; i < len; i++)
		s->mix = s->mix * 31 + p[i];
}

static struct seen read_all(const uint8_t *data, size_t size, size_t piece)
{
	struct framing *f = xzalloc(sizeof(*f));
	struct seen s = { 0 };

	while (size && !f->bad) {
		uint32_t room, len, n;
		uint8_t *to = framing_room(f, &room);
		const uint8_t *p;

		CHECK(room >= FRAMING_HEAD + FRAMING_MAX);
		n = (uint32_t)MIN(MIN(size, piece), (size_t)room);
		memcpy(to, data, n);
		framing_got(f, n);
		data += n;
		size -= n;
		while ((p = framing_next(f, &len)))
			look(&s, p, len);
		CHECK(f->at <= f->len && f->len <= FRAMING_BUF);
	}
	CHECK(!f->bad || f->bad > FRAMING_MAX);
	free(f);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, parts;

	if (!size)
		return 0;
	whole = read_all(data + 1, size - 1, SIZE_MAX);
	parts = read_all(data + 1, size - 1, data[0] + 1u);
	CHECK(whole.frames == parts.frames && whole.bytes == parts.bytes);
	CHECK(whole.mix == parts.mix);
	return 0;
}
