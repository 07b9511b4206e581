/* names.c - the steps that give sockets names and peers */
#include "walk/player.h"

#include <stdarg.h>

int walk_family(int fd)
{
	int f = 0;
	socklen_t n = sizeof(f);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &f, &n) < 0 ? AF_UNSPEC : f;
}

int walk_socket(struct player *w, const struct step *st, struct outcome *o)
{
	int domain = st->a % 4 < 2 ? AF_INET : AF_INET6, one = 1;
	bool dgram = st->b % 5 >= 3;
	int type = dgram ? SOCK_DGRAM : SOCK_STREAM;
	struct timeval tv = { .tv_sec = 2 };
	int fd;

	if (w->fd[st->s] >= 0)
		return 0;
	walk_call(o, "%d = socket(%s, %s, %s)%s", st->s, domain == AF_INET ? "v4" : "v6",
		  dgram ? "dgram" : "stream", st->d % 40 ? "0" : st->d / 40 % 2 ? "tcp" : "udp", st->c % 8 ? "" : " blocking");
	fd = socket(domain, type | (st->c % 8 ? SOCK_NONBLOCK : 0),
		    st->d % 40 ? 0 : st->d / 40 % 2 ? IPPROTO_TCP : IPPROTO_UDP);
	walk_done(o, fd < 0 ? -1 : 0);
	if (fd < 0)
		return 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (!dgram)			/* or bytes wait for a timer */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	w->fd[st->s] = fd;
	w->dgram[st->s] = dgram;
	w->dialled[st->s] = w->accepted[st->s] = false;
	return 1;
}

/* The mapped one only for those of IPv6 */
struct addr walk_address(const struct player *w, int slot, const struct step *st, int port)
{
	static const char *const v4[] = { "10.0.0.1", "0.0.0.0", "127.0.0.1", "10.0.0.1", "127.0.0.1", "192.0.2.9" };
	static const char *const v6[] = { "fd00::1", "::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2001:db8::9" };
	bool is6 = walk_family(w->fd[slot]) == AF_INET6;
	bool elsewhere = st->c % 30 == 0;
	struct addr a;

	if (st->c % 30 == 1 && !w->dgram[slot])
		is6 = !is6;
	a = addr_of((is6 ? v6 : v4)[elsewhere ? 5 : st->a % 5], port);
	if (st->c % 30 == 2)
		a.len = st->d % 30;
	return a;
}

int walk_bind(struct player *w, const struct step *st, struct outcome *o)
{
	int port = st->b % 6 % 5 ? FIRST_PORT + st->b % 6 - 1 : 0;
	struct addr a, name = { .len = sizeof(name.ss) };

	if (w->fd[st->s] < 0 || walk_spent(w, st->s))
		return 0;
	a = walk_address(w, st->s, st, port);
	getsockname(w->fd[st->s], &name.sa, &name.len);
	if (st->c % 30 == 0 && port_of(&name))	/* two errors: which is first differs */
		return 0;
	walk_call(o, "bind(%d,", st->s);
	walk_call_name(w, o, &a);
	return walk_done(o, bind(w->fd[st->s], &a.sa, a.len));
}

int walk_listen(struct player *w, const struct step *st, struct outcome *o)
{
	static const int backlogs[] = { 0, 1, 2, -1, 5, 16 };

	if (w->fd[st->s] < 0 || walk_spent(w, st->s))
		return 0;
	walk_call(o, "listen(%d, %d)", st->s, backlogs[st->a % ARRAY_LEN(backlogs)]);
	return walk_done(o, listen(w->fd[st->s], backlogs[st->a % ARRAY_LEN(backlogs)]));
}

static int join(struct player *w, int slot, const struct addr *a, struct outcome *o)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int ret, error;

	/* A probe of getaddrinfo's, which fails so that it prefers :: (call_sock.c). */
	if (w->dgram[slot] && a->ss.ss_family == AF_INET && !a->in4.sin_addr.s_addr)
		return 0;
	if (w->dgram[slot] && a->ss.ss_family != AF_UNSPEC && !port_of(a))
		return 0;
	/* What is accepted has its listener's locks of address and port on Linux. */
	if (walk_spent(w, slot) || (a->ss.ss_family == AF_UNSPEC && walk_last(w, slot)->queued == -EINVAL) || (w->accepted[slot] && a->ss.ss_family == AF_UNSPEC))
		return 0;
	walk_call(o, "connect(%d,", slot);
	walk_call_name(w, o, a);
	/* Of IPv6 Linux keeps half of the old peer, if there is one. */
	if (w->dgram[slot] && walk_family(w->fd[slot]) == AF_INET6)
		connect(w->fd[slot], &none, sizeof(none));
	ret = connect(w->fd[slot], &a->sa, a->len);

	if (!w->dgram[slot])
		w->dialled[slot] = a->ss.ss_family != AF_UNSPEC &&
			(ret == 0 || errno == EINPROGRESS || w->dialled[slot]);
	walk_done(o, ret);
	if (a->ss.ss_family == AF_UNSPEC)	/* Linux leaves ECONNRESET there */
		getsockopt(w->fd[slot], SOL_SOCKET, SO_ERROR, &error, &(socklen_t){ sizeof(error) });
	return 1;
}

int walk_connect(struct player *w, const struct step *st, struct outcome *o)
{
	struct addr a = { .len = sizeof(a.in4) };

	if (w->fd[st->s] < 0)
		return 0;
	if (st->d % 4)
		a = walk_address(w, st->s, st, FIRST_PORT + st->b % (PORTS + 1));
	else
		a.ss.ss_family = AF_UNSPEC;
	return join(w, st->s, &a, o);
}

/* The name of slot t as the family of slot s writes it */
struct addr walk_name_of(const struct player *w, const struct step *st)
{
	struct addr name = { .len = sizeof(name.ss) };
	char text[INET6_ADDRSTRLEN], mapped[64];
	int mine = walk_family(w->fd[st->s]);
	bool wild;

	if (getsockname(w->fd[st->t], &name.sa, &name.len) < 0)
		return addr_of("127.0.0.1", FIRST_PORT);
	if (name.ss.ss_family == AF_INET6)
		wild = IN6_IS_ADDR_UNSPECIFIED(&name.in6.sin6_addr);
	else
		wild = name.in4.sin_addr.s_addr == 0;
	if (wild && st->d % 4)
		return walk_address(w, st->s, &(struct step){ .a = st->a, .c = 9 }, port_of(&name));
	if (mine == name.ss.ss_family)
		return name;
	if (mine == AF_INET6) {
		inet_ntop(AF_INET, &name.in4.sin_addr, text, sizeof(text));
		snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
		return addr_of(mapped, port_of(&name));
	}
	return wild ? addr_of("127.0.0.1", port_of(&name)) : name;
}

int walk_dial(struct player *w, const struct step *st, struct outcome *o)
{
	struct addr a;

	if (w->fd[st->s] < 0 || w->fd[st->t] < 0)
		return 0;
	if (walk_family(w->fd[st->s]) == AF_INET && walk_family(w->fd[st->t]) == AF_INET6)
		return 0;
	a = walk_name_of(w, st);
	return join(w, st->s, &a, o);
}

/* Who would wait for a connection does not. */
int walk_accept(struct player *w, const struct step *st, struct outcome *o)
{
	struct addr from = { .len = sizeof(from.ss) };
	bool named = st->c % 2, flags = st->a % 3;
	int fd;

	if (w->fd[st->t] < 0 || w->fd[st->s] >= 0)
		return 0;
	if (walk_blocks(w, st->t) && !walk_last(w, st->t)->revents)
		return 0;
	walk_call(o, "%d = accept(%d)%s%s", st->s, st->t, named ? " name" : "", flags ? " nonblock" : "");
	if (flags)
		fd = accept4(w->fd[st->t], named ? &from.sa : NULL, named ? &from.len : NULL, SOCK_NONBLOCK);
	else
		fd = accept(w->fd[st->t], named ? &from.sa : NULL, named ? &from.len : NULL);
	walk_done(o, fd < 0 ? -1 : 0);
	if (fd < 0)
		return 1;
	w->fd[st->s] = fd;
	w->dgram[st->s] = false;
	w->dialled[st->s] = w->accepted[st->s] = true;
	if (named)
		walk_say_name(w, o, &from);
	return 1;
}

/* Ports that the stack chose are numbered as they are met. */
static const char *port_text(struct player *w, int port, char *text, size_t size)
{
	int i = 0;

	if (port == 0 || (port >= FIRST_PORT && port <= FIRST_PORT + PORTS)) {
		snprintf(text, size, "%d", port);
		return text;
	}
	while (i < w->n_ports && w->port[i] != port)
		i++;
	if (i == w->n_ports && w->n_ports < (int)ARRAY_LEN(w->port))
		w->port[w->n_ports++] = port;
	snprintf(text, size, "e%d", i);
	return text;
}

void walk_say_name(struct player *w, struct outcome *o, const struct addr *a)
{
	char host[INET6_ADDRSTRLEN] = "?", port[16];
	const void *bytes = &a->in6.sin6_addr;

	if (a->len == 0) {
		walk_say(o, " no name");
		return;
	}
	if (a->ss.ss_family == AF_INET)
		bytes = &a->in4.sin_addr;
	inet_ntop(a->ss.ss_family, bytes, host, sizeof(host));
	walk_say(o, " %s:%s/%u", host, port_text(w, port_of(a), port, sizeof(port)), a->len);
}

void walk_call_name(struct player *w, struct outcome *o, const struct addr *a)
{
	struct outcome name = { 0 };

	if (a->ss.ss_family == AF_UNSPEC)
		walk_say(&name, " AF_UNSPEC/%u", a->len);
	else
		walk_say_name(w, &name, a);
	walk_call(o, "%s)", name.more);
}

void walk_call(struct outcome *o, const char *fmt, ...)
{
	size_t n = strlen(o->call);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->call + n, sizeof(o->call) - n, fmt, ap);
	va_end(ap);
}

void walk_say(struct outcome *o, const char *fmt, ...)
{
	size_t n = strlen(o->more);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->more + n, sizeof(o->more) - n, fmt, ap);
	va_end(ap);
}
