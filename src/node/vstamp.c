/* vstamp.c - when a stream's bytes came that lie in the program's end
 *
 * Of a socket that asks (SO_TIMESTAMPING, SO_TIMESTAMP). The pair keeps no times, so it is
 * noted which bytes of the stream were passed on when they had come at what time, and a
 * trapped recvmsg finds by what is left in the pair how far the program has read. Of more
 * pieces than are noted the oldest are taken to have come with the next.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "node/vsock_in.h"
#include "stack/tcp.h"

#define PIECES	64

struct vstamps {
	uint64_t	passed;		/* bytes */
	uint32_t	n;		/* pieces ever; the last ones are there */
	struct piece {
		uint64_t	end;
		usec		when;
	} v[PIECES];
};

void vstamp_passed(struct vsock *vs, size_t len)
{
	struct vstamps *s = vs->stamps;

	if (!s)
		vs->stamps = s = xzalloc(sizeof(*s));
	s->passed += len;
	s->v[s->n++ % PIECES] = (struct piece){
		s->passed, tcp_rcv_when(tcpc_of(vs->so), (uint32_t)len),
	};
}

usec vstamp_of(const struct vsock *vs, uint64_t left)
{
	const struct vstamps *s = vs->stamps;

	if (!s || left >= s->passed)
		return 0;
	for (uint32_t i = s->n - MIN(s->n, PIECES); i != s->n; i++) {
		if (s->v[i % PIECES].end >= s->passed - left)
			return s->v[i % PIECES].when;
	}
	return 0;
}

void vstamps_free(struct vsock *vs)
{
	free(vs->stamps);
	vs->stamps = NULL;
}
