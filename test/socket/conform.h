/* conform.h - what every case may use
 *
 * A case is a function that returns when all is well. It runs in a process of its
 * own, leader of a process group of its own, which is killed after 60 seconds. The
 * macros end the case at the first surprise, from any thread or descendant.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_storage ss;
	};
	socklen_t len;
};

extern struct addr target;	/* the address under test, port 0 */
extern int family;		/* its family */
extern const char *self;	/* path of this program */
extern void *volatile nowhere;	/* not mapped */

/* harness.c */
void add_case(const char *name, void (*run)(void));
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void skip(const char *why) __attribute__((noreturn));

#define CASE(name)							\
	static void case_##name(void);					\
	__attribute__((constructor)) static void add_##name(void)	\
	{								\
		add_case(#name, case_##name);				\
	}								\
	static void case_##name(void)

#define NEED(cond)							\
	do {								\
		if (!(cond))						\
			fail("%s:%d: not so: %s", __FILE_NAME__,	\
			     __LINE__, #cond);				\
	} while (0)

#define WHERE __FILE_NAME__, __LINE__
#define EQ(expr, want) equal((expr), (want), #expr, #want, WHERE)
#define ERR(expr, err) fails_with((expr), (err), #expr, WHERE)
#define OK(expr) succeeds((expr), #expr, WHERE)

void equal(long long got, long long want, const char *expr, const char *text,
	   const char *file, int line);
void fails_with(long long got, int err, const char *expr, const char *file, int line);
long long succeeds(long long got, const char *expr, const char *file, int line);

/* addresses */
struct addr at(int port);		/* the target with this port */
struct addr any(int fam, int port);	/* the wildcard */
struct addr addr_of(const char *text, int port);
struct addr local_name(int fd);
struct addr peer_name(int fd);
int port_of(const struct addr *a);
bool same(const struct addr *a, const struct addr *b);

/* sockets */
int tcp(void);
int udp(void);
int bound(int type, struct addr *a);	/* to a free port of the target */
int listener(struct addr *a);		/* backlog 16 */
int full_listener(struct addr *a, int *filler);	/* ignores further SYNs */
int dial(const struct addr *a);
void pair(int *client, int *server);
void udp_pair(int *a, int *b);		/* bound, connected to each other */
int accept_from(int l);
int begin_connect(int fd, const struct addr *a);
void connects_later(int l, const struct addr *a);	/* who does not block */
void exchange(void);		/* the stack has been run since */
void fill(int fd);			/* a stream, until its peer has no room; non-blocking then */
void rude_close(int fd);		/* with a RST */
int get_opt(int fd, int level, int name);
void set_opt(int fd, int level, int name, int value);
void timeout_opt(int fd, int name, int ms);
void nonblock(int fd);

int far_socket(int domain, int type, int proto);	/* of a second stack, or the
							 * case is skipped */

/* data */
void put(int fd, const char *text);
void want(int fd, const char *text);
void want_eof(int fd);
void want_urgent(int from, int to);
ssize_t recv_from(int fd, void *buf, size_t n, struct addr *from);
void pat_fill(uint8_t *p, size_t from, size_t n);
void pat_check(const uint8_t *p, size_t from, size_t n);
void pat_send(int fd, size_t from, size_t to);
void pat_recv(int fd, size_t from, size_t to);

/* time, events, processes */
int64_t now_ms(void);
void nap(int ms);
int poll_for(int fd, int events, int ms);	/* revents */
void poll_until(int fd, int events, int exact);	/* up to 20 s */
int ep_new(int fd, uint32_t events);	/* a set of fd alone */
int ep_for(int ep, int ms);		/* its events, 0 after ms without any */
void catch_signal(int sig, int flags);
extern volatile sig_atomic_t caught;
void until_caught(int times);
void signal_after(int ms, int sig);	/* to this thread, when it waits then */
void alarm_each_second(void);
pid_t child(void (*run)(int), int arg);
void reap(pid_t pid);
pthread_t thread(void *(*run)(void *), void *arg);
void *joined(pthread_t t);
void send_fd(int via, int fd);
int recv_fd(int via);

/* roles for programs started by exec (fds.c) */
int role_main(int argc, char **argv);

#endif
