/* stream.c - a two-way transfer over one socket, checked byte by byte
 *
 * Both directions run at once, with writes and reads of random size and with a
 * reader that at times looks away, so that windows close and reopen. The end
 * that has sent all shuts its half at once; the end that also has read all
 * closes. An error, a byte too many or a wrong byte stops the stream with the
 * name of what went wrong.
 */
#include "stream.h"

#include <errno.h>

#include "stack/tcp.h"

#define MAX_CHUNK 65536

static void stop(struct stream *s, const char *why, int error_no)
{
	if (!s->error) {
		s->error = why;
		s->error_no = error_no;
	}
}

static void resume(struct sim *sim, struct event *ev)
{
	struct stream *s = container_of(ev, struct stream, resume);

	s->paused = false;
	s->host->woken = true;
	host_touch(s->host);
}

void stream_init(struct stream *s, struct host *h, struct sock *so)
{
	*s = (struct stream){ .host = h, .so = so, .chunk = 16384 };
	s->resume = (struct event){ TIMER_OFF, resume };
	s->started = h->sim->now;
	so->user = h;
	so->wake = sim_host_wake;
}

static bool write_one(struct stream *s)
{
	uint8_t buf[MAX_CHUNK];
	uint32_t n = sim_between(s->host->sim, 1, s->chunk);
	struct iovec iov = { buf, n = MIN(n, s->total - s->sent) };
	struct msg m = { .ttl = -1, .tos = -1 };
	ssize_t r;

	for (uint32_t i = 0; i < n; i++)
		buf[i] = pattern(s->out_key + s->sent + i);
	r = sock_send(s->so, &iov, 1, MSG_NOSIGNAL, &m);
	if (r < 0) {
		if (r != -EAGAIN)
			stop(s, "write failed", (int)-r);
		return false;
	}
	s->sent += (uint32_t)r;
	return true;
}

static void write_all(struct stream *s)
{
	int r;

	if (s->shut || !(sock_events(s->so) & EV_OUT))
		return;
	while (s->sent < s->total && !s->error)
		if (!write_one(s))
			return;
	/* To shut while it connects (Fast Open) would end it, as with Linux. */
	if (s->error || s->sent < s->total || tcpc_of(s->so)->state == TCP_SYN_SENT)
		return;
	s->shut = true;
	r = sock_shutdown(s->so, SHUT_WR);
	if (r < 0)
		stop(s, "shutdown failed", -r);
}

static void check(struct stream *s, const uint8_t *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (b[i] != pattern(s->in_key + s->recvd + i)) {
			stop(s, "a byte is wrong", 0);
			return;
		}
}

static bool read_one(struct stream *s)
{
	uint8_t buf[MAX_CHUNK];
	struct iovec iov = { buf, sim_between(s->host->sim, 1, s->chunk) };
	struct msg m = { .ttl = -1 };
	ssize_t r = sock_recv(s->so, &iov, 1, 0, &m);

	if (r < 0) {
		if (r != -EAGAIN)
			stop(s, "read failed", (int)-r);
		return false;
	}
	if (r == 0) {
		s->eof = true;
		if (s->recvd != s->expect)
			stop(s, "the end came too early", 0);
		return false;
	}
	check(s, buf, (uint32_t)r);
	s->recvd += (uint32_t)r;
	if (s->recvd > s->expect)
		stop(s, "too many bytes", 0);
	return true;
}

static void read_all(struct stream *s)
{
	struct sim *sim = s->host->sim;

	while (!s->eof && !s->paused && !s->error && read_one(s)) {
		if (sim_chance(sim, s->pause)) {
			s->paused = true;
			event_at(sim, &s->resume,
				 sim->now + sim_between(sim, 1, (uint32_t)s->pause_max));
		}
	}
}

void stream_step(struct stream *s)
{
	if (!s->so)
		return;
	if (sock_events(s->so) & EV_ERR)
		stop(s, "the connection failed", sock_take_error(s->so));
	if (!s->error)
		write_all(s);
	if (!s->error)
		read_all(s);
	if (s->error || (s->eof && s->shut)) {
		s->done = true;
		s->ended = s->host->sim->now;
		event_at(s->host->sim, &s->resume, NEVER);
		sock_close(s->so);
		s->so = NULL;
	}
}

void stream_serve(struct stream *s, struct sock *listener)
{
	struct sock *so;

	if (!s->so && !s->done && sock_accept(listener, &so) == 0) {
		s->so = so;
		so->user = s->host;
		so->wake = sim_host_wake;
	}
	stream_step(s);
}
