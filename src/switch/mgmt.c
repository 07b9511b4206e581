/* mgmt.c - the sessions at a switch's console
 *
 * in:   readable -> lines wait in s->in -> mgmt_run runs one of each session
 * out:  the answer, and what is told by itself, waits in s->out -> writable
 *
 * A session never makes the switch wait: descriptors do not block, one command of
 * a session is run in a turn of the loop, and as long as an answer was not read
 * no further command is. What is told by itself is lost, and said to be, when
 * more than EVENTS_MAX waits. A user has SESSIONS_USER sessions, all together
 * SESSIONS_MAX. Who may connect at all the modes of the sockets say.
 *
 * vde_switch takes what one read gives as a command, and vdeterm sends no newline. So
 * what came at a socket without one is a line, too, when nothing followed for a while.
 *
 * The console on stdin has no banner, and a prompt only on a terminal, as with
 * vde_switch; its end is the end of the switch.
 */
#include "switch/mgmt.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "switch/command.h"

#define SESSIONS_MAX	64
#define SESSIONS_USER	16
#define EVENTS_MAX	(256u << 10)
#define WHILE		(50 * USEC_PER_MSEC)
#define BANNER		"VDE switch V.2.3.2 (ioth " IOTH_VERSION ")\n" \
			"The words of vde_switch and more; help tells them\n"
#define PROMPT		"\nvde$ "
#define MANY		"# there are as many sessions as there may be (16 of a user, 64 in all)\n"

static_assert(SESSIONS_USER == 16 && SESSIONS_MAX == 64, "MANY says so");

struct session {
	struct list	link;		/* sw->mgmt.sessions */
	struct sw	*sw;
	uid_t		uid;
	bool		console;	/* on stdin and stdout */
	bool		prompt;
	bool		ending;		/* once its answer is out */
	bool		eof;		/* nothing more will be read */
	usec		whole_at;	/* what is there is a line; NEVER: it needs an end */
	bool		too_long;	/* the line being read; the rest of it is skipped */
	uint32_t	events;		/* a bit for each it wants to be told */
	uint64_t	lost;		/* of them */
	struct watch	in, out;
	char		line[COMMAND_LINE_MAX];
	size_t		len;		/* bytes read: lines and the begin of one */
	struct grow	answer;
};

static void session_free(struct session *s)
{
	struct loop *loop = s->sw->loop;

	list_del(&s->link);
	s->sw->mgmt.n_sessions--;
	loop_unwatch(loop, &s->in);
	loop_unwatch(loop, &s->out);
	close(s->in.fd);
	close(s->out.fd);
	grow_free(&s->answer);
	free(s);
}

void session_end(struct session *s)
{
	s->ending = true;
}

struct session *session_of(struct list *l)
{
	return container_of(l, struct session, link);
}

bool session_is_console(const struct session *s)
{
	return s->console;
}

uint32_t *session_events(struct session *s)
{
	return &s->events;
}

/* --- out --- */

/* A line that does not fit is not cut. */
static void tell_lost(struct session *s)
{
	if (s->lost && s->answer.len < EVENTS_MAX / 2) {
		grow_add(&s->answer, "3000 %llu lines were lost here\n",
			 (unsigned long long)s->lost);
		s->lost = 0;
	}
}

/* What is written is gone, on any error: the session ends when its input does. */
static void write_out(struct session *s)
{
	ssize_t n = 0;

	while (s->answer.len) {
		n = send(s->out.fd, s->answer.s, s->answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == ENOTSOCK)
			n = write(s->out.fd, s->answer.s, s->answer.len);
		if (n <= 0)
			break;
		grow_take(&s->answer, (size_t)n);
	}
	if (s->answer.len && errno != EAGAIN && errno != EINTR) {
		grow_free(&s->answer);
		s->ending = true;
	}
	tell_lost(s);
}

static bool is_whole(const struct session *s)
{
	return s->eof || (s->whole_at <= s->sw->mgmt.now && !s->too_long &&
			  s->len < sizeof(s->line));
}

/* A part of a line waits for the rest of it. */
static bool has_line(const struct session *s)
{
	return s->len && (is_whole(s) || s->len == sizeof(s->line) ||
			  memchr(s->line, '\n', s->len));
}

static void end_session(struct session *s)
{
	if (s->console && s->eof) {
		info("end of input: the switch ends");
		s->sw->stop = true;
	}
	session_free(s);
}

/* What is watched follows from what waits. The session may be gone afterwards. */
static void settle(struct session *s)
{
	struct loop *loop = s->sw->loop;
	bool line;

	write_out(s);
	line = !s->ending && has_line(s);
	loop_watch(loop, &s->out, s->answer.len ? EPOLLOUT : 0);
	loop_watch(loop, &s->in, s->answer.len || s->ending || line ? 0 : EPOLLIN);
	if (s->answer.len)
		return;
	s->sw->mgmt.waiting |= line;
	if (s->len && !line)
		s->sw->mgmt.whole_at = MIN(s->sw->mgmt.whole_at, s->whole_at);
	if (!line && (s->ending || s->eof))
		end_session(s);
}

static void out_ready(struct watch *w, uint32_t events)
{
	settle(container_of(w, struct session, out));
}

void session_tell(struct sw *sw, uint32_t bit, const char *line)
{
	list_for_safe(l, &sw->mgmt.sessions) {
		struct session *s = session_of(l);

		if (!(s->events & bit))
			continue;
		if (s->lost || s->answer.len > EVENTS_MAX) {
			s->lost++;
			continue;
		}
		grow_add(&s->answer, "%s\n", line);
		loop_watch(sw->loop, &s->out, EPOLLOUT);
	}
}

/* --- in --- */

/* The first line of what was read, without its end. */
static void take_line(struct session *s, char *line)
{
	char *end = memchr(s->line, '\n', s->len);
	size_t n = end ? (size_t)(end - s->line) : s->len;
	bool skip = s->too_long;

	s->too_long = !end && !is_whole(s);
	if (s->too_long && !skip)
		grow_add(&s->answer, "1%03d %s\n# a line has less than %u bytes\n", E2BIG,
			 strerror(E2BIG), COMMAND_LINE_MAX);
	memcpy(line, s->line, n);
	line[skip || s->too_long ? 0 : n] = 0;
	n += end != NULL;
	s->len -= n;
	memmove(s->line, s->line + n, s->len);
}

static void run_line(struct session *s)
{
	char line[COMMAND_LINE_MAX + 1];

	take_line(s, line);
	command_run(s->sw, s, line, &s->answer);
	if (s->prompt && !s->ending && !s->too_long)
		grow_add(&s->answer, PROMPT);
	settle(s);
}

static void in_ready(struct watch *w, uint32_t events)
{
	struct session *s = container_of(w, struct session, in);
	ssize_t n = read(s->in.fd, s->line + s->len, sizeof(s->line) - s->len);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		s->len += (size_t)n;
	else if (n < 0 && s->console)
		s->ending = true;	/* EIO: we are in the background */
	else
		s->eof = true;
	s->sw->mgmt.now = now_mono();
	if (!s->console)
		s->whole_at = s->sw->mgmt.now + WHILE;
	settle(s);
}

void mgmt_run(struct sw *sw, usec now)
{
	if (sw->mgmt.events_at <= now)
		sw->mgmt.events_at = event_run(sw, now);
	if (!sw->mgmt.waiting && sw->mgmt.whole_at > now)
		return;
	sw->mgmt.waiting = false;
	sw->mgmt.whole_at = NEVER;
	sw->mgmt.now = now;
	list_for_safe(l, &sw->mgmt.sessions) {
		struct session *s = session_of(l);

		if (!s->answer.len && !s->ending && has_line(s))
			run_line(s);
		else if (s->len)
			sw->mgmt.whole_at = MIN(sw->mgmt.whole_at, s->whole_at);
	}
}

usec mgmt_deadline(const struct sw *sw)
{
	return sw->mgmt.waiting ? 0 : MIN(sw->mgmt.events_at, sw->mgmt.whole_at);
}

/* --- begin and end --- */

static unsigned sessions_of(const struct sw *sw, uid_t uid)
{
	unsigned n = 0;

	list_for(l, &sw->mgmt.sessions)
		n += session_of(l)->uid == uid;
	return n;
}

static struct session *session_at(struct sw *sw, int in, int out, uid_t uid)
{
	struct session *s = xzalloc(sizeof(*s));

	s->sw = sw;
	s->uid = uid;
	s->whole_at = NEVER;
	s->in = (struct watch){ .fd = in, .ready = in_ready };
	s->out = (struct watch){ .fd = out, .ready = out_ready };
	list_add_tail(&sw->mgmt.sessions, &s->link);
	sw->mgmt.n_sessions++;
	return s;
}

void session_new(struct sw *sw, int fd, uid_t uid)
{
	int out = fcntl(fd, F_DUPFD_CLOEXEC, 0);	/* epoll has one entry for each */
	struct session *s;

	if (out < 0 || sw->mgmt.n_sessions >= SESSIONS_MAX ||
	    sessions_of(sw, uid) >= SESSIONS_USER) {
		info("uid %u: too many sessions at the console", (unsigned)uid);
		send(fd, MANY, strlen(MANY), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (out >= 0)
			close(out);
		close(fd);
		return;
	}
	s = session_at(sw, fd, out, uid);
	s->prompt = true;
	grow_add(&s->answer, BANNER PROMPT);
	settle(s);
}

/* A description of its own where that can be had, so that ours does not block
 * and that of whoever else writes there is not changed. */
static int open_stdout(void)
{
	struct stat st;
	int fd = -1;

	if (fstat(1, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
		fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return fd >= 0 ? fd : fcntl(1, F_DUPFD_CLOEXEC, 0);
}

/* A terminal in whose foreground we are, a pipe or a socket; /dev/null and files are not
 * somebody who types. */
static bool has_console(void)
{
	struct stat st;

	if (isatty(0))
		return tcgetpgrp(0) == getpgrp();
	return fstat(0, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

static void console_new(struct sw *sw)
{
	int in = fcntl(0, F_DUPFD_CLOEXEC, 0), out = open_stdout();
	struct session *s;

	if (in < 0 || out < 0) {
		close(in);
		close(out);
		return;
	}
	signal(SIGTTIN, SIG_IGN);	/* in the background the console ends, not the switch */
	signal(SIGTTOU, SIG_IGN);
	s = session_at(sw, in, out, geteuid());
	s->console = true;
	s->prompt = isatty(0);
	if (s->prompt)
		grow_add(&s->answer, "ioth switch %s: help tells the words, shutdown or ctrl-D "
				     "ends it\n" PROMPT, sw->dir.path);
	settle(s);
}

bool mgmt_open(struct sw *sw, char **why)
{
	if (!mgmt_listen(sw, why))
		return false;
	if (sw->conf.console && has_console())
		console_new(sw);
	return true;
}

void mgmt_close(struct sw *sw)
{
	mgmt_unlisten(sw);
	while (!list_empty(&sw->mgmt.sessions)) {
		struct session *s = list_first(&sw->mgmt.sessions, struct session, link);

		write_out(s);
		session_free(s);
	}
	free(sw->mgmt.losses);
	sw->mgmt.losses = NULL;
}
