/* switch.c - a switch that breaks the rules against who joins it */
#include "liar.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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
static void a_unsealed(int sock) { answer_with(sock, yes, open_bad("unsealed")); }
static void a_small(int sock) { answer_with(sock, yes, open_bad("small")); }
static void a_pipe(int sock) { answer_with(sock, yes, open_bad("pipe")); }
static void a_silence(int sock) { poll(NULL, 0, 8000); }
static void a_no_magic(int sock) { answer_with(sock, yes, open_bad("no_magic")); }

static void a_tiny_mtu(int sock)
{
	struct liar l;

	liar_init(&l, sock);
	answer_with(sock, (struct shm_answer){ .magic = SHM_MAGIC, .port = 1, .mtu = 24 }, l.file);
}

const struct answer answers[] = {
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

int accept_hello(const char *dir, int *file)
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

void serve_lie(const struct lie *lie, const char *dir, bool must_end)
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
