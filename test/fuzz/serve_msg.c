/* serve_msg.c - messages of any bytes to a stack server, from a client it believes
 *
 * Each step is a byte that says which call, a byte of how much memory, and then
 * arguments and memory; or the bytes are a message as they are; or, behind 0xfe, each is
 * something a supervisor does about connections of a listener. What the server gives
 * is used for the calls that follow. It answers each call at most once, within the room that
 * was asked for, and ends clean whatever is under way.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/stranger.h"
#include "fuzz.h"
#include "node/serve.h"

static const int calls[] = {
	SYS_socket, SYS_bind, SYS_connect, SYS_listen, SYS_accept, SYS_shutdown,
	SYS_getsockname, SYS_setsockopt, SYS_getsockopt, SYS_ioctl, SYS_sendto, SYS_recvfrom,
	SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg, SERVE_CANCEL, SERVE_TAKEN,
	SERVE_REFUSED, SERVE_END,
};

static const uint64_t domains[] = { AF_INET, AF_INET6, AF_PACKET, AF_NETLINK };

struct peer {
	struct serve	*s;
	int		conn, fd;	/* the last that was given; -1 */
	unsigned	asked, answered;
	bool		supervisor;
};

static void run(const struct peer *p)
{
	struct node *n = p->s->node;

	for (int i = 0; i < 2; i++) {
		node_lock(n);
		loop_wait(n->loop, 0);
		serve_alarm(n);
		node_unlock(n);
	}
}

static void put(struct peer *p, const void *buf, size_t len, bool with_fd)
{
	union { char b[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } ctl = { { 0 } };
	struct iovec iov = { (void *)buf, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (with_fd && p->fd >= 0) {
		mh.msg_control = ctl.b;
		mh.msg_controllen = sizeof(ctl.b);
		*CMSG_FIRSTHDR(&mh) = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET,
							SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&mh)), &p->fd, sizeof(int));
	}
	p->asked += sendmsg(p->conn, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
	run(p);
}

static void take(struct peer *p)
{
	union { char b[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } ctl;
	static uint8_t mem[SERVE_ROOM];
	struct serve_answer an;
	struct iovec iov[] = { { &an, sizeof(an) }, { mem, sizeof(mem) } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	for (;;) {
		mh.msg_control = ctl.b;
		mh.msg_controllen = CMSG_LEN(sizeof(int));
		n = recvmsg(p->conn, &mh, MSG_DONTWAIT);
		if (n <= 0)
			return;
		CHECK((size_t)n >= sizeof(an) && (p->supervisor || an.id != SERVE_EVENT));
		CHECK((size_t)n == sizeof(an) || an.from + ((size_t)n - sizeof(an)) <= SERVE_ROOM);
		p->answered += an.id != SERVE_EVENT;
		CHECK(p->answered <= p->asked);
		if (!CMSG_FIRSTHDR(&mh))
			continue;
		if (p->fd >= 0)
			close(p->fd);
		memcpy(&p->fd, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(int));
	}
}

/* A call that is one: small numbers for arguments, addresses in and around the memory. */
static size_t call(struct peer *p, const uint8_t *d, size_t size)
{
	union { struct serve_ask m; uint8_t b[sizeof(struct serve_ask) + 256]; } u;
	size_t used = MIN(size - 2, 14), mem = MIN((size_t)d[1], size - 2 - used);
	const uint8_t *a = d + 2;

	memset(&u, 0, sizeof(u));
	u.m = (struct serve_ask){ .magic = SERVE_MAGIC, .nr = calls[d[0] % ARRAY_LEN(calls)],
				  .id = d[0] & 0x40 ? 1 : p->asked, .room = d[0] & 0x80 ? 65536 : 512 };
	for (size_t i = 0; i + 1 < used && i / 2 < 6; i += 2)
		u.m.args[i / 2] = a[i] & 1 ? SERVE_MEM + a[i + 1] : a[i + 1];
	if (u.m.nr == SYS_socket) {
		u.m.args[0] = domains[a[0] & 3];
		u.m.args[1] = 1 + (a[1 % MAX(used, 1)] & 3) % 3;
	}
	memcpy(u.b + sizeof(u.m), a + used, mem);
	put(p, u.b, sizeof(u.m) + mem, d[0] & 0x20);
	return 2 + used + mem;
}

/* --- a supervisor --- */

#define PORT	7
#define NEW	5		/* the id of all that are accepted */

/* About the descriptor at *fd; what comes is there afterwards. */
static void say(struct peer *p, int nr, uint64_t id, int *fd, const uint64_t args[3])
{
	union { struct serve_ask m; uint8_t b[sizeof(struct serve_ask) + 64]; } u = { .m = {
		.magic = SERVE_MAGIC, .nr = nr, .id = id, .room = 64, .flags = SERVE_SUPERVISOR,
	} };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(PORT),
				   .sin_addr = { htonl(INADDR_LOOPBACK) } };

	memcpy(u.m.args, args, 3 * sizeof(args[0]));
	if (nr == SYS_recvfrom)
		u.m.args[3] = MSG_TRUNC;
	memcpy(u.b + sizeof(u.m), &sin, sizeof(sin));
	p->fd = fd ? *fd : -1;
	put(p, &u, sizeof(u.m) + sizeof(sin), fd);
	take(p);
	if (fd)
		*fd = p->fd;
	p->fd = -1;
}

static void supervise(struct peer *p, const uint8_t *d, size_t n)
{
	const uint64_t in[] = { AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0 };
	const uint64_t there[] = { 0, SERVE_MEM, sizeof(struct sockaddr_in) };
	const uint64_t none[] = { 0, 0, 0 }, nowhere[] = { 0, SERVE_MEM + 32, 16 };
	int fd[8] = { -1, -1, -1, -1, -1, -1, -1, -1 };		/* the first: the listener */

	p->supervisor = true;
	say(p, SYS_socket, 1, &fd[0], in);
	say(p, SYS_bind, 1, &fd[0], there);
	say(p, SYS_listen, 1, &fd[0], (uint64_t[]){ 0, 8, 0 });
	for (size_t i = 0; i < n; i++) {
		int *at = &fd[d[i] >> 4 & 7], *other = &fd[1 + i % 7], got = fd[0];

		switch (d[i] & 15) {
		case 0: case 1:
			say(p, SYS_socket, 1, at, in);
			say(p, SYS_connect, 1, at, there);
			break;
		case 2: case 3:
			got = dup(fd[0]);
			say(p, SYS_accept, NEW, &got, none);
			if (*other >= 0)
				close(*other);
			*other = got;
			break;
		case 4:
			say(p, SERVE_TAKEN, NEW, NULL, none);
			break;
		case 5: case 6:
			say(p, SERVE_REFUSED, NEW, NULL, none);
			break;
		case 7: case 8:
			say(p, SYS_recvfrom, 100 + i, at, there);
			break;
		case 9:
			say(p, SYS_connect, 1, at, nowhere);
			break;
		case 10:
			say(p, SYS_shutdown, 1, at, none);
			break;
		case 11:
			say(p, SERVE_CANCEL, 100 + d[i] % 16, NULL, none);
			break;
		case 12:
			say(p, SERVE_END, d[i], at, none);
			break;
		case 13:
			say(p, SYS_listen, 1, at, none);
			break;
		default:
			if (*at >= 0)
				close(*at);
			*at = -1;
			run(p);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		if (fd[i] >= 0)
			close(fd[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node_conf none = { .n_if = 0 };
	struct peer p = { .fd = -1 };
	int pair[2];
	char *why;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	p.conn = pair[0];
	while (stranger_owes(getuid()))		/* what earlier inputs gave is being closed */
		usleep(1000);
	p.s = serve_new(node_new(&none, &why), NULL);
	CHECK(serve_client_new(p.s, pair[1]));
	if (size && data[0] == 0xff) {
		put(&p, data + 1, size - 1, false);
	} else if (size && data[0] == 0xfe) {
		supervise(&p, data + 1, MIN(size - 1, 200u));
	} else {
		for (size_t at = 0; at + 3 < size; at += call(&p, data + at, size - at))
			take(&p);
	}
	take(&p);
	if (size & 1)
		close(p.conn);
	run(&p);
	if (!(size & 1))
		close(p.conn);
	if (p.fd >= 0)
		close(p.fd);
	serve_free(p.s);
	return 0;
}
