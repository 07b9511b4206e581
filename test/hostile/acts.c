/* acts.c - what a client does to a switch around the handshake and after it */
#include "liar.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* A victim whose address the switch knows, and who will send to it. */
static void join_both(struct liar *victim, struct liar *l, const char *dir)
{
	join(victim, dir);
	join(l, dir);
	send_small(victim, ALL, ME);
	bell(victim);
	poll(NULL, 0, 50);
}

/* Gets far more than its ring holds and takes none of it. */
static void never_takes(const char *dir)
{
	struct liar victim, l;

	join_both(&victim, &l, dir);
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

	join_both(&victim, &l, dir);
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

const struct act acts[] = {
	{ "many_descriptors", many_descriptors },
	{ "descriptors_with_each_byte", descriptors_with_each_byte },
	{ "file_behind", file_behind },
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
