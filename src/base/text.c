/* text.c - a bounded line of text, and strict numbers
 *
 * Numbers are what people type as options and words: the whole string or
 * nothing, no sign, no white space, no locale.
 */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

void text_addv(struct text *t, const char *fmt, va_list ap)
{
	size_t room = t->size - t->len;
	int n;

	if (!t->size) {
		t->cut = true;
		return;
	}
	n = vsnprintf(t->s + t->len, room, fmt, ap);
	if (n < 0)
		return;
	if ((size_t)n >= room) {
		t->cut = true;
		n = (int)(room - 1);
	}
	t->len += (size_t)n;
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_addv(t, fmt, ap);
	va_end(ap);
}

void text_hex(struct text *t, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n && !t->cut; i++)
		text_add(t, "%02x", b[i]);
}

void text_plain(char *s)
{
	for (; *s; s++) {
		if (*s < ' ' || *s > '~')
			*s = '?';
	}
}

/* Reads digits; returns where they end, or NULL: none, or too large. */
static const char *digits(const char *s, uint64_t *out)
{
	const char *p = s;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return NULL;
	}
	*out = v;
	return p > s ? p : NULL;
}

bool num_parse(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *end;
	uint64_t v;

	end = digits(s, &v);
	if (!end || *end || v < min || v > max)
		return false;
	*out = v;
	return true;
}

struct unit { const char *name; uint64_t times; };

/* Multiplies by the unit that names the rest of the string. */
static bool apply_unit(const struct unit *u, const char *name, uint64_t *v)
{
	for (; u->name; u++) {
		if (strcmp(u->name, name) == 0)
			return !__builtin_mul_overflow(*v, u->times, v);
	}
	return false;
}

bool size_parse(const char *s, uint64_t max, uint64_t *out)
{
	static const struct unit units[] = {
		{ "", 1 }, { "k", 1 << 10 }, { "K", 1 << 10 },
		{ "M", 1 << 20 }, { "G", 1 << 30 }, { NULL, 0 },
	};
	const char *end;
	uint64_t v;

	end = digits(s, &v);
	if (!end || !apply_unit(units, end, &v) || v > max)
		return false;
	*out = v;
	return true;
}

bool duration_parse(const char *s, usec *out)
{
	static const struct unit units[] = {
		{ "", USEC_PER_MSEC }, { "us", 1 }, { "ms", USEC_PER_MSEC },
		{ "s", USEC_PER_SEC }, { NULL, 0 },
	};
	const char *end;
	uint64_t v;

	end = digits(s, &v);
	if (!end || !apply_unit(units, end, &v) || v >= (uint64_t)NEVER)
		return false;
	*out = (usec)v;
	return true;
}

/* Digits with an optional fraction; returns where they end or NULL. */
static const char *decimal(const char *s, double *out)
{
	double scale = 1, frac = 0;
	uint64_t whole;
	const char *p = digits(s, &whole);

	if (p && *p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++) {
			frac = frac * 10 + (*p - '0');
			scale *= 10;
		}
		if (scale < 10)
			return NULL;
	}
	*out = p ? (double)whole + frac / scale : 0;
	return p;
}

bool percent_parse(const char *s, double *out)
{
	const char *end;
	double v;

	end = decimal(s, &v);
	if (end && *end == '%') {
		v /= 100;
		end++;
	}
	if (!end || *end || !(v >= 0 && v <= 1))
		return false;
	*out = v;
	return true;
}
