/* files.c - files that are none of a wire, and offering them to a switch */
#include "liar.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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

const struct bad_file bad_files[] = {
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

int open_bad(const char *name)
{
	for (const struct bad_file *f = bad_files; f->name; f++) {
		if (strcmp(f->name, name) == 0)
			return f->open();
	}
	fail("%s: no such file", name);
}

static void say_hello(int sock, const int *files)
{
	say(sock, &hello, sizeof(hello), files, files[0] >= 0);
}

static void say_hello_and_more(int sock, const int *files)
{
	say(sock, &hello, sizeof(hello), files + 1, 1);
	say(sock, "", 1, files, 1);
}

static void say_nonsense_and_more(int sock, const int *files)
{
	struct shm_hello no = hello;

	no.magic = 0;
	say(sock, &no, sizeof(no), NULL, 0);
	say(sock, "", 1, files, 1);
}

/* Of the first file the switch has the last descriptor: who is ending, as the child is,
 * waits for no close. */
static void give_away(int sock, int files[2], void (*give)(int sock, const int *files))
{
	int closed[2];
	pid_t pid;

	must(pipe(closed), "pipe");
	pid = must(fork(), "fork");
	if (pid == 0) {
		close(closed[1]);
		must((int)read(closed[0], &(char){ 0 }, 1), "read");
		give(sock, files);
		_exit(0);
	}
	close(files[0]);
	close(closed[0]);
	close(closed[1]);
	waitpid(pid, NULL, 0);
}

void offer_file(const struct bad_file *k, const char *dir)
{
	struct shm_answer a;
	int sock = dial(dir), files[] = { k->open(), -1 }, file;

	give_away(sock, files, say_hello);
	if (!answer(sock, &a, &file))
		fail("hung up without a reason");
	if (!a.error || !a.why[0] || file >= 0)
		fail("accepted");
	if (!hung_up(sock))
		fail("refused, and the connection stays");
}

/* Behind a hello, as the switch may see it before or after it has answered. */
void file_behind(const char *dir)
{
	for (int i = 0; i < 20; i++) {
		struct liar l;
		int files[2], sock = dial(dir);

		liar_init(&l, sock);
		files[0] = f_lingering();
		files[1] = l.file;
		give_away(sock, files, i % 2 ? say_hello_and_more : say_nonsense_and_more);
		bell(&l);
		liar_free(&l);
		join(&l, dir);		/* it does not stand */
		liar_free(&l);
	}
}
