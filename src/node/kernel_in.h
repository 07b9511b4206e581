/* kernel_in.h - what the processes of a kernel stack share */
#ifndef NODE_KERNEL_IN_H
#define NODE_KERNEL_IN_H

#include <net/if.h>
#include <sys/socket.h>

#include "node/kernel.h"

#define KERNEL_TEXT	480

/* --- between the program and the inside: SEQPACKET --- */

enum kernel_op {
	KERNEL_SOCKET,		/* domain, type, protocol, count */
	KERNEL_SYSCTL,		/* text: NAME, 0, VALUE, 0 */
	KERNEL_PROCESS,		/* gives a pidfd of the inside */
	KERNEL_LEFT,		/* gives a value: enum kernel_left */
	KERNEL_ADD_IF,		/* name, or empty; text: locator. Gives its index */
	KERNEL_FILE,		/* text: below /proc. Gives its descriptor */
};

/* With a socket for the answer, so that nobody reads another's. */
struct kernel_ask {
	int	op;
	int	domain, type, protocol, count;
	char	name[IFNAMSIZ];
	char	text[KERNEL_TEXT];
};

/* Of a socket with its descriptor; and once at the beginning, without being asked. */
struct kernel_answer {
	int	error;		/* an errno */
	int	value;
	char	text[KERNEL_TEXT];	/* what it was about, where that is not plain */
};

/* --- what is known before there are processes --- */

struct kernel_if {
	char		name[IFNAMSIZ];
	const char	*locator;
	uint32_t	mtu;
};

struct kernel_plan {
	struct kernel_if ifs[KERNEL_IFS];
	int		n_if;
	bool		veth;		/* even where taps could be had */
	int		ask;		/* the helpers' end */
	char		descr[96];	/* for the switch */
};

/* --- kernel_cable.c, kernel_ns.c: the helpers' lives --- */

/* The end of a network interface: a tap, or a packet socket at its twin. */
struct kernel_end {
	bool	tap;
	char	name[IFNAMSIZ];		/* of what the descriptor is bound to */
};

struct kernel_inside {
	const struct kernel_plan *plan;
	int	ends;			/* the socket to the outside */
	int	stack_ns, twin_ns;	/* -1: there are taps, and one namespace */
};

_Noreturn void kernel_outside(struct kernel_plan *plan);
/* Sends, for each interface, a kernel_end with its descriptor by ends; waits for
 * a byte from there. One more interface: sends the kernel_ask, gets an answer with the MTU,
 * sends its kernel_end (without a descriptor: there is none), gets an answer. */
_Noreturn void kernel_inside(const struct kernel_plan *plan, int ends);
/* To the program. */
void kernel_tell(int ask, int error, const char *why);

int kernel_write(const char *path, const char *text);	/* 0 or -errno */
void kernel_answer_all(const struct kernel_inside *in);	/* kernel_answer.c */

/* --- kernel_if.c --- */

bool kernel_taps(void);
/* Makes it and sends its end to the outside. 0 or an errno. */
int kernel_if_make(const struct kernel_inside *in, const char *name, uint32_t mtu);
struct kernel_answer kernel_if_add(const struct kernel_inside *in, struct kernel_ask *q);

/* --- kernel_link.c: interfaces --- */

struct mnl_socket;

/* 0 or -errno. A veth, up, whose other end, down, is in the namespace of a descriptor. */
int kernel_link_pair(const char *name, const char *twin, int ns, uint32_t mtu);
/* It shall have no IPv6 addresses of its own. */
int kernel_link_silent(const char *name);
bool kernel_link_ready(const char *name);	/* up, and Linux sends by it */

#endif
