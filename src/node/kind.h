/* kind.h - kinds of stack: what stands behind a struct ioth
 *
 *   kinds.c    the table: name -> kind
 *   fds.c      descriptor -> stack
 *   api_stack.c  stacks: made, ended, the default one, and the calls under way in each
 *   api.c      every call on a descriptor: its stack -> that one's kind's function
 *   api_netlink.c  configuration by rtnetlink, the same for all kinds
 *   by_number.c  socket calls as system calls, for kinds that take those
 *   derive.c   calls made from others where a kind has none of its own
 *   native.c, host.c, plugin.c ...    the kinds
 *
 * A kind's functions are as their namesakes in libc (-1 and errno): those of the
 * host are libc's, and those of a plugin come from it. While one runs, kind_current
 * is its stack.
 */
#ifndef NODE_KIND_H
#define NODE_KIND_H

#include <errno.h>

#include "base/base.h"
#include "ioth.h"
#include "ioth_plugin.h"

struct words;
struct words_if;

/* What libioth has beside VirtualSquare's functions. A NULL is made from those. */
struct kind_more {
	int	(*accept4)(int fd, struct sockaddr *addr, socklen_t *len, int flags);
	int	(*recvmmsg)(int fd, struct mmsghdr *v, unsigned n, int flags,
			    struct timespec *timeout);
	int	(*sendmmsg)(int fd, struct mmsghdr *v, unsigned n, int flags);
	ssize_t	(*sendfile)(int out_fd, int in_fd, off_t *offset, size_t count);
	/* NULL: EINVAL. */
	ssize_t	(*splice)(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset,
			  size_t len, unsigned flags);
	/* The loan, or -1. */
	int	(*recv_lend)(int fd, size_t len, int flags, struct sockaddr *addr,
			     socklen_t *addrlen, struct ioth_loan **loan);
	int	(*send_lend)(int fd, size_t len, int flags, struct ioth_loan **loan);
	ssize_t	(*send_lent)(int fd, struct ioth_loan *loan, size_t len, int flags,
			     const struct sockaddr *addr, socklen_t addrlen);
	int	(*sysctl)(const char *name, const char *value);
	/* NULL: nothing but of the interfaces. */
	void	(*statistics)(struct ioth *s, ioth_statistic_fn *each, void *arg);
	/* One more that is joined to a locator: its index. NULL: by rtnetlink alone. */
	int	(*add_if)(struct ioth *s, const char *name, const char *locator);
	char	*(*resolvconf)(struct ioth *s);	/* resolv.conf's text, malloc'd */
	/* What is there of what is asked for, a mask; or -errno. NULL: config_stack.c. */
	int	(*config)(struct ioth *s, const struct words *w);
	/* As resolvconf, of an interface (NULL: all); NULL: as when last asked. */
	char	*(*newconf)(struct ioth *s, const struct words_if *i, int *error);
};

struct kind {
	const char *name;
	/* Makes s a stack: sets s->data, which the functions are found by, and s->f
	 * if it is not the kind's. 0 or -errno, of which the user was told. */
	int	(*open)(struct ioth *s, const char *locators[], const char *options);
	/* 0, and nothing of it is left; or -errno: it is as before. Descriptors
	 * that are open (fds_open) are -EBUSY. */
	int	(*close)(struct ioth *s);
	struct ioth_functions f;
	struct kind_more more;
	/* As syscall(2), of the stack whose call is in progress; by_number.c. NULL: it has none. */
	long	(*call)(int nr, uint64_t args[6]);
	bool	addr_later;		/* an IPv6 address is there before it can be used */
};

struct ioth {
	const struct kind *kind;
	const struct ioth_functions *f;
	const struct kind_more *more;
	char	name[32];		/* as it was asked for, without options */
	void	*data;			/* the kind's; a plugin knows no other */
	void	*own;			/* of kind plugin */
	int	*(*errno_at)(void);	/* where its errno is; NULL: where ours is */
	struct stack_config *config;	/* config_stack.c; NULL: not by it */
	unsigned open;			/* descriptors in fds.c's table */
	unsigned calls;			/* under way */
	bool	ending;			/* delstack waits for them */
	struct ioth *next;		/* of the free ones: the memory is never freed */
};

extern _Thread_local struct ioth *kind_current;

const struct kind *kind_find(const char *name);		/* NULL: ENOTSUP */
extern const struct kind kind_host, kind_kernel, kind_native, kind_plugin, kind_served,
			 kind_vdestack;

static inline int kind_errno(const struct ioth *s)
{
	return s->errno_at ? *s->errno_at() : errno;
}

/* As if a function of the stack had failed. */
static inline int kind_fail(const struct ioth *s, int error)
{
	*(s->errno_at ? s->errno_at() : &errno) = error;
	return -1;
}

/* What is 0 or more, or -errno, as libc tells it. */
static inline ssize_t libc_result(ssize_t ret)
{
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

/* --- api_stack.c --- */

struct ioth *stack_default(int domain);	/* NULL with errno: it cannot be reached */

/* A call, counted at its stack, which is kind_current meanwhile. */
struct api_call {
	struct ioth	*s;		/* NULL: errno tells */
	struct ioth	*outer;		/* of the call that this one is within */
};

struct api_call api_begin(int fd);	/* at fd's */
struct api_call api_begin_at(struct ioth *s);
void api_end(struct api_call *c, ssize_t ret);	/* ret < 0: it failed */

bool epoll_forget(int epfd);	/* api_epoll.c: was it a set of ours? It is none any more */

/* A copy of a dup of a native descriptor: its stack, s->calls counted; NULL. */
struct ioth *native_of_dup(int fd);
struct ioth *served_of_dup(int fd);	/* or one that another process passed on */

/* msocket.c: false: there is no default of that family that was set by path; else *s
 * is that, or NULL with errno. */
bool msocket_default(int domain, struct ioth **s);
void msocket_forget(void);

/* A native stack is in its process: who was forked has the sockets' descriptors only. */
enum fork_when { FORK_BEFORE, FORK_PARENT, FORK_CHILD };
void native_fork(enum fork_when when);

bool plugin_exists(const char *name);
bool plugin_license_fits(const char *plugin, const char *program);

/* For kinds that ask whom the machine asks; resolve_conf.c. */
char *resolve_machine_conf(struct ioth *s);

/* --- fds.c --- */

#define FDS_CHUNK	1024
#define FDS_MOST	(FDS_CHUNK * 4096)

/* What is known of a descriptor. Chunks are never moved or freed. */
struct fd_entry {
	struct ioth	*stack;		/* atomic; NULL: not of ours */
	void		*sock;		/* atomic; the kind's own, which locks it; NULL: unknown */
	uint64_t	id;		/* atomic; SO_COOKIE; 0: it has none */
	void		*set;		/* api_epoll.c; of an epoll set of ours */
	bool		given;		/* by the kind, in the call that makes it */
};

extern struct fd_entry *fds_chunks[FDS_MOST / FDS_CHUNK];	/* atomic */

static inline struct fd_entry *fds_at(int fd)
{
	struct fd_entry *chunk;

	if ((unsigned)fd >= FDS_MOST)
		return NULL;
	chunk = __atomic_load_n(&fds_chunks[fd / FDS_CHUNK], __ATOMIC_ACQUIRE);
	return chunk ? chunk + fd % FDS_CHUNK : NULL;
}

static inline struct ioth *fds_stack(const struct fd_entry *e)
{
	return e ? __atomic_load_n(&e->stack, __ATOMIC_SEQ_CST) : NULL;
}

struct fd_entry *fds_make(int fd);	/* its place in the table; fd < FDS_MOST */
/* fd is of s from now on, whatever it was. 0 or -EMFILE. */
int fds_set(int fd, struct ioth *s);
/* A kind may do it in the call that makes fd; fds_set has nothing to do then. */
void fds_give(int fd, struct ioth *s, uint64_t id, void *sock);
/* What has that number of s's has another cookie now. */
void fds_rename(int fd, const struct ioth *s, uint64_t id);
/* It is no more: of s, and if id is not 0 the very same. */
void fds_clear(int fd, const struct ioth *s, uint64_t id);
int fds_find(const struct ioth *s, uint64_t id);	/* one that is open; -1 */
/* Those of s that are open; those that close(2) ended are forgotten. */
unsigned fds_open(struct ioth *s);
void fds_drop(struct ioth *s);		/* all of them */
void fds_lock(void);			/* for fork */
void fds_unlock(void);

#endif
