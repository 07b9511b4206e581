/* text.h - a growing or bounded line of text, and strict numbers */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>

#include "base/base.h"

/* Bounded: what does not fit is cut and cut is set; always terminated. */
struct text {
	char	*s;
	size_t	len, size;
	bool	cut;
};

static inline struct text text_of(char *buf, size_t size)
{
	if (size)
		buf[0] = 0;
	return (struct text){ buf, 0, size, false };
}

void text_add(struct text *t, const char *fmt, ...) PRINTF(2, 3);
void text_addv(struct text *t, const char *fmt, va_list ap) PRINTF(2, 0);
void text_hex(struct text *t, const void *p, size_t n);
/* A stranger's words, for a line that people read: what is not printable becomes '?'. */
void text_plain(char *s);

/* The whole string is a number in [min, max], else false. Base 10; size also
 * takes k, M, G (1024); duration takes us, ms, s (default ms) and gives usec;
 * percent takes "2%" or "0.02" and gives a probability. */
bool num_parse(const char *s, uint64_t min, uint64_t max, uint64_t *out);
bool size_parse(const char *s, uint64_t max, uint64_t *out);
bool duration_parse(const char *s, usec *out);
bool percent_parse(const char *s, double *out);

#endif
