/* harness.h - whose stack the cases run on, and what is known to differ there */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>

/* plain.c has those of a program's own system calls, lib/kinds.c the library's. */
struct kind {
	const char	*name;
	const char	*(*begin)(void);	/* once; why it cannot be had, or NULL */
	/* In the process of each case. Of those that run at the same time each has
	 * another number. far: it will want a socket of a second stack. */
	void		(*enter)(int number, bool far);
	int		(*far_socket)(int domain, int type, int proto);
	void		(*end)(void);
};

extern const struct kind kinds[];	/* ends with a row without a name */

/* known.c: a file of lines "KIND[,KIND]... <tab> CASE <tab> REASON". */
struct known {
	char	*kinds, *name, *reason;
	bool	loose;			/* it may pass too */
};

bool known_load(const char *path);
const struct known *known_find(const char *kind, const char *name);

#endif
