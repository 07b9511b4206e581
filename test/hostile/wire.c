/* wire.c - a wire by hand: the liar's file and what it writes there, and messages */
#include "liar.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

int must(int n, const char *what)
{
	if (n < 0)
		fail("%s: %s", what, strerror(errno));
	return n;
}

int file_of(size_t size, unsigned seals)
{
	int fd = must(memfd_create("liar", MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd");

	must(ftruncate(fd, (off_t)size), "ftruncate");
	if (seals)
		must(fcntl(fd, F_ADD_SEALS, seals), "seal");
	return fd;
}

void liar_init(struct liar *l, int sock)
{
	size_t size = sizeof(*l->own);

	*l = (struct liar){ .sock = sock, .file = file_of(size, F_SEAL_SHRINK) };
	l->own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, l->file, 0);
	if (l->own == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	l->own->magic = WIRE_MAGIC;
	atomic_store(&l->own->asleep, WIRE_WANTS_FRAMES | WIRE_SLEEP);
}

/* Also tries what it must not be able to. */
bool liar_meet(struct liar *l, int file)
{
	size_t size = sizeof(*l->peer);

	if (mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) != MAP_FAILED)
		fail("the other side's file can be mapped for writing");
	if (ftruncate(file, 0) == 0 || pwrite(file, "", 1, 0) >= 0)
		fail("the other side's file can be changed");
	l->peer = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
	close(file);
	return l->peer != MAP_FAILED;
}

void liar_free(struct liar *l)
{
	munmap(l->own, sizeof(*l->own));
	if (l->peer)
		munmap(l->peer, sizeof(*l->peer));
	close(l->file);
	close(l->sock);
}

void say(int sock, const void *msg, size_t size, const int *files, int n)
{
	union {
		struct cmsghdr	h;
		char		buf[CMSG_SPACE(253 * sizeof(int))];
	} c;
	struct iovec iov = { (void *)(uintptr_t)msg, size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n) {
		memset(&c, 0, sizeof(c));
		c.h.cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&c.h), files, (size_t)n * sizeof(int));
		mh.msg_control = c.buf;
		mh.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
	}
	if (sendmsg(sock, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return;
	if (errno == EPERM && n)		/* no files here any more */
		say(sock, msg, size, NULL, 0);
	else if (errno != EPIPE && errno != ECONNRESET && errno != EAGAIN && errno != ETOOMANYREFS)
		fail("sendmsg: %s", strerror(errno));
}

void bell(const struct liar *l)
{
	send(l->sock, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool hung_up(int sock)
{
	struct pollfd p = { sock, POLLIN, 0 };
	char bells[256];
	ssize_t n;

	while (poll(&p, 1, PATIENCE) == 1) {
		n = recv(sock, bells, sizeof(bells), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return true;
	}
	return false;
}

static void put_record(struct liar *l, struct wire_rec r, const void *behind, size_t n)
{
	uint32_t rest = WIRE_RING - l->sent % WIRE_RING;

	r.len = (uint16_t)((sizeof(r) + n + 15) & ~15u);
	if (rest < r.len) {
		struct wire_rec skip = { .len = (uint16_t)rest };

		memcpy(l->own->ring + l->sent % WIRE_RING, &skip, sizeof(skip));
		l->sent += rest;
	}
	memcpy(l->own->ring + l->sent % WIRE_RING, &r, sizeof(r));
	memcpy(l->own->ring + l->sent % WIRE_RING + sizeof(r), behind, n);
	l->sent += r.len;
	atomic_store(&l->own->sent, l->sent);
}

static void link_header(uint8_t *p, const uint8_t dst[6], const uint8_t src[6])
{
	memcpy(p, dst, 6);
	memcpy(p + 6, src, 6);
	memcpy(p + 12, "\x88\xb5", 2);
}

void send_small(struct liar *l, const uint8_t dst[6], const uint8_t src[6])
{
	uint8_t frame[64] = "";

	link_header(frame, dst, src);
	put_record(l, (struct wire_rec){ .head_len = sizeof(frame) }, frame, sizeof(frame));
}

void send_large(struct liar *l, const uint8_t dst[6], const uint8_t src[6], uint16_t number,
		uint32_t off, uint32_t len)
{
	struct wire_span span = { off, len };
	uint8_t behind[sizeof(span) + 14];

	memcpy(behind, &span, sizeof(span));
	link_header(behind + sizeof(span), dst, src);
	put_record(l, (struct wire_rec){ .head_len = 14, .n_ext = 1, .number = number }, behind,
		   sizeof(behind));
}

void send_bytes(struct liar *l, const uint8_t *frame, size_t n, uint16_t number)
{
	struct wire_span span = { number * 2048u, (uint32_t)n - 14 };
	uint8_t behind[sizeof(span) + 14];

	if (n <= WIRE_INLINE) {
		put_record(l, (struct wire_rec){ .head_len = (uint16_t)n }, frame, n);
		return;
	}
	memcpy(l->own->arena + span.off, frame + 14, span.len);
	memcpy(behind, &span, sizeof(span));
	memcpy(behind + sizeof(span), frame, 14);
	put_record(l, (struct wire_rec){ .head_len = 14, .n_ext = 1, .number = number }, behind,
		   sizeof(behind));
}

size_t take_bytes(struct liar *l, uint8_t *frame)
{
	uint32_t taken = atomic_load(&l->own->taken);
	const uint8_t *p = l->peer->ring + taken % WIRE_RING;
	struct wire_rec r;

	if (taken == atomic_load(&l->peer->sent))
		return 0;
	memcpy(&r, p, sizeof(r));
	memset(frame, 0, 256);
	memcpy(frame, p + sizeof(r) + r.n_ext * sizeof(struct wire_span), MIN(r.head_len, 256));
	atomic_store(&l->own->taken, taken + r.len);
	return r.head_len ? r.head_len : take_bytes(l, frame);
}

bool room(const struct liar *l, uint32_t bytes)
{
	for (int i = 0; l->sent - atomic_load(&l->peer->taken) > WIRE_RING - bytes; i++) {
		bell(l);
		poll(NULL, 0, 1);
		if (i == PATIENCE)
			return false;
	}
	return true;
}
