/* stream.h - a two-way transfer over one socket, checked byte by byte */
#ifndef SIM_STREAM_H
#define SIM_STREAM_H

#include "net.h"

/* One end of a connection: sends `total` bytes of a pattern, expects `expect`
 * bytes of another, shuts its half when all is sent, closes when both ends are
 * done. Lives until the program frees it; so is NULL after the close. */
struct stream {
	struct list	link;
	struct host	*host;
	struct sock	*so;
	uint32_t	total, expect;		/* bytes */
	uint32_t	sent, recvd;
	uint32_t	out_key, in_key;	/* start of the patterns */
	uint32_t	chunk;			/* largest write and read */
	double		pause;			/* probability of a pause after a read */
	usec		pause_max;
	bool		linger_rst;
	bool		shut, eof, done, paused;
	usec		started, ended;
	struct event	resume;
	const char	*error;			/* NULL: all well so far */
	int		error_no;
};

void stream_init(struct stream *s, struct host *h, struct sock *so);
/* All that can be done now; called by the host's app and by itself. */
void stream_step(struct stream *s);
/* The same of a server's only stream, which begins when it is accepted. */
void stream_serve(struct stream *s, struct sock *listener);

#endif
