/* host.h - a station with sockets on a wire that is held by hand: ours, or Linux
 *
 * Both have the addresses own4 and own6 of test/mutate/lan.h on one interface, and
 * know the neighbour peer4, peer6 for good. Calls give 0 or a count, or -errno; a socket
 * is a small number. Nothing blocks.
 */
#ifndef DIFFER_HOST_H
#define DIFFER_HOST_H

#include "../mutate/lan.h"

struct host;

struct host_ops {
	int	(*socket)(struct host *h, int family, int type, int proto);
	int	(*bind)(struct host *h, int s, const struct endpoint *ep);
	int	(*connect)(struct host *h, int s, const struct endpoint *ep);
	int	(*listen)(struct host *h, int s, int backlog);
	int	(*accept)(struct host *h, int s);
	ssize_t	(*send)(struct host *h, int s, const void *b, size_t n, int flags);
	ssize_t	(*recv)(struct host *h, int s, void *b, size_t n, int flags);
	/* With MSG_ERRQUEUE; *ext: what the error tells of its extensions (RFC 4884). */
	ssize_t	(*recv_error)(struct host *h, int s, void *b, size_t n, uint32_t *ext);
	int	(*shutdown)(struct host *h, int s);	/* of writing */
	void	(*close)(struct host *h, int s);
	int	(*setopt)(struct host *h, int s, int level, int name, const void *v, socklen_t n);
	int	(*getopt)(struct host *h, int s, int level, int name, void *v, socklen_t *n);
	unsigned (*events)(struct host *h, int s);	/* POLL* */
	/* A neighbour, unless it is the one it knows for good. */
	void	(*forget)(struct host *h, const struct ip_addr *a);
	/* A frame arrives. */
	void	(*input)(struct host *h, const uint8_t *b, uint32_t len);
	/* Whatever it has to say now is said: by h->said, frame by frame. */
	void	(*settle)(struct host *h);
};

struct host {
	const struct host_ops *ops;
	const char	*name;
	void		(*said)(void *ctx, const uint8_t *b, uint32_t len);
	void		*ctx;
};

struct host *ours_open(void);
/* NULL, and why in *error: such a thing cannot be had here. Once in a process, which
 * is in a network namespace of its own afterwards. */
struct host *linux_open(int *error);

/* What both are told, by Linux's names: the defaults of both, but where answers
 * would depend on the real time or on the machine. */
struct setting { const char *dir, *name, *value; };
extern const struct setting settings[];
extern const unsigned n_settings;

#endif
