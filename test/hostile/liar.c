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

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MTU		1500

const uint8_t ME[6] = { 2, 'l', 'i', 'a', 'r', 0 }, FRIEND[6] = { 2, 'l', 'i', 'a', 'r', 1 };
const uint8_t ALL[6] = { 255, 255, 255, 255, 255, 255 };

int dial(const char *dir)
{
	struct timeval tv = { PATIENCE / 1000, 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/shm", dir);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	must(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), "connect");
	return fd;
}

const struct shm_hello hello = { .magic = SHM_MAGIC, .mtu = MTU, .descr = "liar" };

bool answer(int sock, struct shm_answer *a, int *file)
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

void join(struct liar *l, const char *dir)
{
	join_as(l, dir, 0);
}

void be_sent_to(const char *dir)
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
	for (const struct answer *a = answers; a->name; a++) {
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
	for (const struct bad_file *k = bad_files; k->name; k++) {
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
		list(bad_files, sizeof(bad_files[0]));
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
