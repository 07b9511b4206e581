/* liar.c - a client that breaks the rules of a switch with shared memory, or a switch
 * that breaks them against a node
 *
 *	liar list WHAT			lies, vices, files, acts, answers, manners
 *	liar NAME DIR			does it to the switch at DIR
 *	liar serve NAME DIR		is a switch at DIR that does it to whoever joins
 *	liar meet NAME DIR ADDRESS	does it to a node on that switch, by a wire they share
 *
 * Status 0: the other side behaved as it has to: it refused, hung up, or lived on. What a
 * bystander saw of it is the script's to say (test/e2e/hostile.sh).
 */
#include "liar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE	10000		/* ms */
#define MTU		1500

static const uint8_t ME[6] = { 2, 'l', 'i', 'a', 'r', 0 }, FRIEND[6] = { 2, 'l', 'i', 'a', 'r', 1 };
static const uint8_t ALL[6] = { 255, 255, 255, 255, 255, 255 };

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static int must(int n, const char *what)
{
	if (n < 0)
		fail("%s: %s", what, strerror(errno));
	return n;
}

/* --- a wire by hand --- */

static int file_of(size_t size, unsigned seals)
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

/* Room for what is sent next, or the other side has gone. */
static bool room(const struct liar *l, uint32_t bytes)
{
	for (int i = 0; l->sent - atomic_load(&l->peer->taken) > WIRE_RING - bytes; i++) {
		bell(l);
		poll(NULL, 0, 1);
		if (i == PATIENCE)
			return false;
	}
	return true;
}

/* --- a client --- */

static int dial(const char *dir)
{
	struct timeval tv = { PATIENCE / 1000, 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/shm", dir);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	must(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), "connect");
	return fd;
}

static const struct shm_hello hello = { .magic = SHM_MAGIC, .mtu = MTU, .descr = "liar" };

/* What the switch answers; false: it hung up instead. */
static bool answer(int sock, struct shm_answer *a, int *file)
{
	size_t got = 0;

	*file = -1;
	while (got < sizeof(*a)) {
		ssize_t n = shm_get(sock, (char *)a + got, sizeof(*a) - got, file);

		if (n == -EAGAIN)
			fail("no answer");
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

void join_as(struct liar *l, const char *dir, uint32_t flags)
{
	struct shm_hello h = hello;
	struct shm_answer a;
	int file;

	h.flags = flags;
	liar_init(l, dial(dir));
	say(l->sock, &h, sizeof(h), &l->file, 1);
	if (!answer(l->sock, &a, &file) || a.error)
		fail("a true hello was refused: %.*s", SHM_WHY_MAX, a.error ? a.why : "hung up");
	if (file < 0 || !liar_meet(l, file))
		fail("no file came with the answer");
}

static void join(struct liar *l, const char *dir)
{
	join_as(l, dir, 0);
}

/* Somebody else sends it something, so that the switch looks at its file. */
static void be_sent_to(const char *dir)
{
	struct liar other;

	join(&other, dir);
	for (int i = 0; i < 16; i++) {
		send_large(&other, ALL, FRIEND, (uint16_t)i, (uint32_t)i * 2000, 1000);
		bell(&other);
	}
	poll(NULL, 0, 100);
	liar_free(&other);
}

static void tell_lie(const struct lie *lie, const char *dir)
{
	struct liar l;

	join(&l, dir);
	lie->tell(&l);
	bell(&l);
	be_sent_to(dir);
	if (!hung_up(l.sock))
		fail("the switch believed it");
	liar_free(&l);
}

static void have_vice(const struct lie *vice, const char *dir)
{
	struct liar l;

	join(&l, dir);
	vice->tell(&l);
	be_sent_to(dir);
	liar_free(&l);
}

/* --- files that are none of a wire --- */

static int f_unsealed(void) { return file_of(sizeof(struct wire_file), 0); }
static int f_small(void) { return file_of(4096, F_SEAL_SHRINK); }
static int f_empty(void) { return file_of(0, F_SEAL_SHRINK); }
static int f_no_magic(void) { return file_of(sizeof(struct wire_file), F_SEAL_SHRINK); }
static int f_null(void) { return open("/dev/null", O_RDWR | O_CLOEXEC); }
static int f_directory(void) { return open("/", O_RDONLY | O_CLOEXEC); }
static int f_socket(void) { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }
static int f_none(void) { return -1; }

static int f_pipe(void)
{
	int p[2];

	must(pipe(p), "pipe");
	return p[1];
}

static int f_on_disk(void)
{
	char name[] = "/tmp/liar.XXXXXX";
	int fd = must(mkstemp(name), "mkstemp");

	unlink(name);
	must(ftruncate(fd, sizeof(struct wire_file)), "ftruncate");
	return fd;
}

static int f_write_only(void)
{
	char name[64];
	int fd = file_of(sizeof(struct wire_file), F_SEAL_SHRINK);

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return must(open(name, O_WRONLY | O_CLOEXEC), "reopen");
}

/* A connection whose end lasts an hour, unless its peer reads. */
static int f_lingering(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct linger hour = { 1, 3600 };
	socklen_t len = sizeof(sin);
	int fd[2], l = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	static char much[65536];

	must(bind(l, (struct sockaddr *)&sin, sizeof(sin)), "bind");
	must(listen(l, 1), "listen");
	must(getsockname(l, (struct sockaddr *)&sin, &len), "getsockname");
	fd[0] = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	must(connect(fd[0], (struct sockaddr *)&sin, len), "connect");
	fd[1] = must(accept(l, NULL, NULL), "accept");
	close(l);
	must(setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)), "SO_LINGER");
	while (send(fd[0], much, sizeof(much), MSG_DONTWAIT) > 0)
		;
	return fd[0];		/* fd[1] is ours until we end */
}

static const struct kind {
	const char	*name;
	int		(*open)(void);
} files[] = {
	{ "unsealed", f_unsealed },
	{ "small", f_small },
	{ "empty", f_empty },
	{ "no_magic", f_no_magic },
	{ "null", f_null },
	{ "directory", f_directory },
	{ "socket", f_socket },
	{ "none", f_none },
	{ "pipe", f_pipe },
	{ "on_disk", f_on_disk },
	{ "lingering", f_lingering },
	{ "write_only", f_write_only },
	{ NULL, NULL },
};

/* A hello with a file, of which the switch has the last descriptor: who is ending, as the
 * child is, waits for no close. */
static void give_away(int sock, int fd)
{
	int closed[2];
	pid_t pid;

	must(pipe(closed), "pipe");
	pid = must(fork(), "fork");
	if (pid == 0) {
		close(closed[1]);
		must((int)read(closed[0], &(char){ 0 }, 1), "read");
		say(sock, &hello, sizeof(hello), &fd, fd >= 0);
		_exit(0);
	}
	close(fd);
	close(closed[0]);
	close(closed[1]);
	waitpid(pid, NULL, 0);
}

static void offer_file(const struct kind *k, const char *dir)
{
	struct shm_answer a;
	int sock = dial(dir), fd = k->open(), file;

	give_away(sock, fd);
	if (!answer(sock, &a, &file))
		fail("hung up without a reason");
	if (!a.error || !a.why[0] || file >= 0)
		fail("accepted");
	if (!hung_up(sock))
		fail("refused, and the connection stays");
}

/* --- acts: around and after the handshake --- */

static void many_descriptors(const char *dir)
{
	int fds[253], sock = dial(dir);

	for (int i = 0; i < 253; i++)
		fds[i] = must(dup(2), "dup");
	say(sock, &hello, 1, fds, 253);
	say(sock, (const char *)&hello + 1, sizeof(hello) - 1, fds, 250);
	hung_up(sock);
}

static void descriptors_with_each_byte(const char *dir)
{
	int fds[3] = { 2, 2, 2 }, sock = dial(dir);

	for (size_t i = 0; i < sizeof(hello) - 1; i++) {
		say(sock, (const char *)&hello + i, 1, fds, 3);
		poll(NULL, 0, 1);
	}
}

static void wrong_hello(const char *dir)
{
	struct shm_hello h;
	struct shm_answer a;
	int sock = dial(dir), file;

	memset(&h, 0xff, sizeof(h));
	say(sock, &h, sizeof(h), NULL, 0);
	if (answer(sock, &a, &file) && !a.error)
		fail("accepted");
}

static void half_open(const char *dir)
{
	int last = -1;

	for (int i = 0; i < 200; i++) {
		last = dial(dir);
		say(last, &hello, (size_t)i % sizeof(hello), NULL, 0);
	}
	if (!hung_up(last))
		fail("one who says nothing may stay");
}

static void hang_up(const char *dir, int how)
{
	int sock = dial(dir), fd;

	if (how % 4 == 1)
		say(sock, &hello, 40, NULL, 0);
	if (how % 4 == 2)
		say(sock, &hello, sizeof(hello), NULL, 0);
	if (how % 4 == 3) {
		fd = file_of(sizeof(struct wire_file), F_SEAL_SHRINK);
		say(sock, &hello, sizeof(hello), &fd, 1);
		close(fd);
	}
	close(sock);
}

static void thousands_come_and_go(const char *dir)
{
	for (int i = 0; i < 10000; i++)
		hang_up(dir, i);
}

/* Full speed, small and large, to all and to nobody known. */
static void flood(const char *dir)
{
	time_t end = time(NULL) + 3;
	struct liar l;
	uint8_t dst[6] = { 2, 0, 0, 0, 0, 0 };

	join(&l, dir);
	for (uint32_t i = 0; time(NULL) < end && room(&l, 256); i++) {
		memcpy(dst + 2, &i, 4);
		if (i % 8)
			send_small(&l, i % 2 ? ALL : dst, i % 16 == 1 ? dst : ME);
		else
			send_small(&l, ME, dst);
	}
	liar_free(&l);
}

/* Gets far more than its ring holds and takes none of it. */
static void never_takes(const char *dir)
{
	struct liar victim, l;

	join(&victim, dir);
	join(&l, dir);
	send_small(&victim, ALL, ME);
	bell(&victim);
	poll(NULL, 0, 50);
	for (int i = 0; i < 20000 && room(&l, 128); i++)
		send_small(&l, ME, FRIEND);
	for (uint16_t i = 0; i < 900 && room(&l, 128); i++) {
		send_large(&l, ME, FRIEND, i, i * 9000u, 8900);
		bell(&l);
	}
	poll(NULL, 0, 200);
	liar_free(&l);
	liar_free(&victim);
}

/* Takes, and never gives back what the frames lie in. */
static void never_returns(const char *dir)
{
	struct liar victim, l;

	join(&victim, dir);
	join(&l, dir);
	send_small(&victim, ALL, ME);
	bell(&victim);
	poll(NULL, 0, 50);
	for (uint32_t i = 0; i < 4000 && room(&l, 128); i++) {
		if (i - atomic_load(&l.peer->returned) < WIRE_FRAMES / 2)
			send_large(&l, ME, FRIEND, (uint16_t)(i % WIRE_FRAMES),
				   i % WIRE_FRAMES * 9000u, 8900);
		else
			poll(NULL, 0, 1);
		atomic_store(&victim.own->taken, atomic_load(&victim.peer->sent));
		bell(&l);
		bell(&victim);
	}
	liar_free(&l);
	liar_free(&victim);
}

/* Frames with numbers that are still under way, and memory that changes meanwhile. */
static void same_number_twice(const char *dir)
{
	struct liar victim, l;

	join(&victim, dir);
	join(&l, dir);
	for (int i = 0; i < 2000 && room(&l, 128); i++) {
		send_large(&l, ALL, FRIEND, 7, 0, 8900);
		memset(l.own->arena, i, 8900);
		bell(&l);
		if (recv(l.sock, &(char){ 0 }, 1, MSG_DONTWAIT) == 0)
			break;
	}
	liar_free(&l);
	liar_free(&victim);
}

/* Takes what came, and what the switch says with a descriptor: an introduction. */
static bool listens(struct liar *l)
{
	char bells[256];
	int with = -1;
	ssize_t n;

	atomic_store(&l->own->taken, atomic_load(&l->peer->sent));
	n = recv(l->sock, bells, 1, MSG_DONTWAIT | MSG_PEEK) > 0 ?
	    shm_get(l->sock, bells, sizeof(bells), &with) : 0;
	if (with < 0)
		return false;
	say(with, bells, (size_t)n, &l->sock, 1);	/* no hello of an introduced one */
	return true;
}

/* Two who talk until they are introduced, answer that with nonsense, and go on. */
static void introduced(const char *dir)
{
	struct liar a, b;
	bool met = false;

	join_as(&a, dir, SHM_MEETS);
	join_as(&b, dir, SHM_MEETS);
	for (int i = 0; i < 4000 && room(&a, 128) && room(&b, 128); i++) {
		send_small(&a, FRIEND, ME);
		send_small(&b, ME, FRIEND);
		bell(&a);
		bell(&b);
		if (i % 10 == 0)
			poll(NULL, 0, 1);
		met |= listens(&a);
		met |= listens(&b);
		if (met && i < 3900)
			i = 3900;
	}
	if (!met)
		fail("nobody was introduced");
	vices[0].tell(&a);
	liar_free(&a);
	be_sent_to(dir);
	liar_free(&b);
}

/* A child joins and sends; it is killed after some time, whatever it does then. */
static void killed(const char *dir, int us)
{
	pid_t pid = must(fork(), "fork");

	if (pid == 0) {
		struct liar l;

		join(&l, dir);
		for (uint16_t i = 0; room(&l, 128); i = (i + 1) % 1000) {
			send_small(&l, ALL, ME);
			send_large(&l, ALL, ME, i, i * 9000u, 8900);
			bell(&l);
		}
		_exit(0);
	}
	usleep((useconds_t)us);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void killed_at_any_time(const char *dir)
{
	for (int i = 0; i < 60; i++)
		killed(dir, i * i * 10);
}

static const struct act {
	const char	*name;
	void		(*act)(const char *dir);
} acts[] = {
	{ "many_descriptors", many_descriptors },
	{ "descriptors_with_each_byte", descriptors_with_each_byte },
	{ "wrong_hello", wrong_hello },
	{ "half_open", half_open },
	{ "thousands_come_and_go", thousands_come_and_go },
	{ "flood", flood },
	{ "never_takes", never_takes },
	{ "never_returns", never_returns },
	{ "same_number_twice", same_number_twice },
	{ "introduced", introduced },
	{ "killed_at_any_time", killed_at_any_time },
	{ NULL, NULL },
};

/* --- a switch --- */

static int answer_with(int sock, struct shm_answer a, int file)
{
	say(sock, &a, sizeof(a), &file, file >= 0);
	return sock;
}

static const struct shm_answer yes = { .magic = SHM_MAGIC, .port = 1, .mtu = SHM_MTU_MAX };

static void a_error_without_end(int sock)
{
	struct shm_answer a = { .magic = SHM_MAGIC, .error = 13 };

	memset(a.why, 'x', sizeof(a.why));
	answer_with(sock, a, -1);
}

static void a_unknown_error(int sock)
{
	answer_with(sock, (struct shm_answer){ .magic = SHM_MAGIC, .error = 0xffffffff }, -1);
}

static void a_terminal(int sock)
{
	answer_with(sock, (struct shm_answer){ .magic = SHM_MAGIC, .error = 13,
					       .why = "\033[2J\x9b" "31m\r\n\a" }, -1);
}

static void a_wrong_magic(int sock) { answer_with(sock, (struct shm_answer){ .magic = 1 }, -1); }
static void a_half(int sock) { say(sock, &yes, 50, NULL, 0); }
static void a_nothing(int sock) { close(sock); }
static void a_no_file(int sock) { answer_with(sock, yes, -1); }
static void a_unsealed(int sock) { answer_with(sock, yes, f_unsealed()); }
static void a_small(int sock) { answer_with(sock, yes, f_small()); }
static void a_pipe(int sock) { answer_with(sock, yes, f_pipe()); }
static void a_no_magic(int sock) { answer_with(sock, yes, f_no_magic()); }
static void a_tiny_mtu(int sock)
{
	struct liar l;

	liar_init(&l, sock);
	answer_with(sock, (struct shm_answer){ .magic = SHM_MAGIC, .port = 1, .mtu = 24 }, l.file);
}
static void a_silence(int sock) { poll(NULL, 0, 8000); }

static const struct ans {
	const char	*name;
	void		(*give)(int sock);
} answers[] = {
	{ "error_without_end", a_error_without_end },
	{ "unknown_error", a_unknown_error },
	{ "terminal", a_terminal },
	{ "wrong_magic", a_wrong_magic },
	{ "half", a_half },
	{ "nothing", a_nothing },
	{ "no_file", a_no_file },
	{ "unsealed", a_unsealed },
	{ "small", a_small },
	{ "pipe", a_pipe },
	{ "no_magic", a_no_magic },
	{ "tiny_mtu", a_tiny_mtu },
	{ "silence", a_silence },
	{ NULL, NULL },
};

/* The node's hello and its file. */
static int accept_hello(const char *dir, int *file)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"), sock;
	struct shm_hello h;
	size_t got = 0;

	mkdir(dir, 0700);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/shm", dir);
	unlink(sun.sun_path);
	must(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), "bind");
	must(listen(fd, 5), "listen");
	sock = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC), "accept");
	*file = -1;
	while (got < sizeof(h)) {
		ssize_t n = shm_get(sock, (char *)&h + got, sizeof(h) - got, file);

		if (n <= 0)
			fail("no hello");
		got += (size_t)n;
	}
	return sock;
}

/* Joined in order, then the lie, as soon as the node has sent something. */
static void serve_lie(const struct lie *lie, const char *dir, bool must_end)
{
	struct liar l;
	int file, sock = accept_hello(dir, &file);

	liar_init(&l, sock);
	if (file < 0 || !liar_meet(&l, file))
		fail("no file came with the hello");
	answer_with(sock, yes, l.file);
	for (int i = 0; i < PATIENCE && !atomic_load(&l.peer->sent); i++)
		poll(NULL, 0, 1);
	lie->tell(&l);
	bell(&l);
	if (must_end && !hung_up(sock))
		fail("the node believed it");
	if (!must_end)
		poll(NULL, 0, 300);
	liar_free(&l);
}

static bool serve(const char *name, const char *dir)
{
	int file;

	for (const struct lie *l = lies; l->name; l++) {
		if (strcmp(l->name, name) == 0)
			return serve_lie(l, dir, true), true;
	}
	for (const struct lie *l = vices; l->name; l++) {
		if (strcmp(l->name, name) == 0)
			return serve_lie(l, dir, false), true;
	}
	for (const struct ans *a = answers; a->name; a++) {
		if (strcmp(a->name, name) == 0)
			return a->give(accept_hello(dir, &file)), true;
	}
	return false;
}

static bool attack(const char *name, const char *dir)
{
	for (const struct lie *l = lies; l->name; l++) {
		if (strcmp(l->name, name) == 0)
			return tell_lie(l, dir), true;
	}
	for (const struct lie *l = vices; l->name; l++) {
		if (strcmp(l->name, name) == 0)
			return have_vice(l, dir), true;
	}
	for (const struct kind *k = files; k->name; k++) {
		if (strcmp(k->name, name) == 0)
			return offer_file(k, dir), true;
	}
	for (const struct act *a = acts; a->name; a++) {
		if (strcmp(a->name, name) == 0)
			return a->act(dir), true;
	}
	return false;
}

/* Every row of these tables begins with its name. */
static void list(const void *table, size_t row)
{
	const char *name;

	while (memcpy(&name, table, sizeof(name)), name) {
		puts(name);
		table = (const char *)table + row;
	}
}

static bool list_of(const char *what)
{
	if (strcmp(what, "lies") == 0)
		list(lies, sizeof(lies[0]));
	else if (strcmp(what, "vices") == 0)
		list(vices, sizeof(vices[0]));
	else if (strcmp(what, "files") == 0)
		list(files, sizeof(files[0]));
	else if (strcmp(what, "acts") == 0)
		list(acts, sizeof(acts[0]));
	else if (strcmp(what, "answers") == 0)
		list(answers, sizeof(answers[0]));
	else if (strcmp(what, "manners") == 0)
		list_manners();
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	bool known = false;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "list") == 0)
		known = list_of(argv[2]);
	else if (argc == 3)
		known = attack(argv[1], argv[2]);
	else if (argc == 4 && strcmp(argv[1], "serve") == 0)
		known = serve(argv[2], argv[3]);
	else if (argc == 5 && strcmp(argv[1], "meet") == 0)
		known = neighbour(argv[2], argv[3], argv[4]);
	if (!known)
		fail("usage: liar NAME DIR | liar serve NAME DIR | liar meet NAME DIR ADDRESS | "
		     "liar list WHAT");
	return 0;
}
