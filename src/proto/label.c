/* label.c - names of the DNS, as options of ND and DHCP carry them (RFC 1035 3.1)
 *
 * What strangers call a domain goes to files like resolv.conf, so only what host
 * names are made of is let through. A pointer leads to what was before it only, so
 * a name ends.
 */
#include <stdio.h>

#include "proto/label.h"

#define LABEL_MAX	63
#define NAME_MAX	255	/* on the wire, its end included */

static bool label_ok(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool alpha = (p[i] | 32) >= 'a' && (p[i] | 32) <= 'z';

		if (!alpha && !(p[i] >= '0' && p[i] <= '9') && p[i] != '-' && p[i] != '_')
			return false;
	}
	return n > 0;
}

/* What a pointer at the cursor's last byte leads to. */
static struct rd pointed(struct rd *r, uint8_t high, const struct rd *whole)
{
	size_t at = (size_t)(high & 63) << 8 | rd_u8(r);
	size_t here = whole ? (size_t)(r->p - whole->p) : 0;

	if (!whole || r->fail || at + 2 >= here)	/* RFC 1035 4.1.4: a prior name */
		return (struct rd){ NULL, NULL, true };
	return rd_of(whole->p + at, here - 2 - at);
}

bool label_parse(struct rd *r, const struct rd *whole, struct text *t)
{
	struct rd there, *at = r;
	bool ok = true;
	uint8_t n;

	while ((n = rd_u8(at)) && !at->fail) {
		const uint8_t *p;

		if (n >> 6 == 3) {
			there = pointed(at, n, whole);
			r->fail = r->fail || there.fail;
			at = &there;
			continue;
		}
		p = n <= LABEL_MAX ? rd_bytes(at, n) : NULL;
		if (!p)
			at->fail = true;
		if (at->fail)
			break;
		ok = ok && label_ok(p, n);
		text_add(t, "%s%.*s", t->len ? "." : "", (int)n, (const char *)p);
	}
	r->fail = r->fail || at->fail;
	return ok && t->len && !t->cut && !r->fail;
}

bool label_text_ok(const char *s)
{
	size_t len = strlen(s);

	if (!len || len > NAME_MAX - 2)
		return false;
	while (*s) {
		size_t n = strcspn(s, ".");

		if (n > LABEL_MAX || !label_ok((const uint8_t *)s, n))
			return false;
		s += n + (s[n] == '.');
	}
	return true;
}

void label_emit(struct wr *w, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, ".");

		wr_u8(w, (uint8_t)n);
		wr_bytes(w, s, n);
		s += n + (s[n] == '.');
	}
	wr_u8(w, 0);
}

void label_list_parse(struct rd *r, const struct rd *whole, char *list, size_t size)
{
	struct text t = text_of(list, size);

	while (rd_left(r)) {
		char name[NAME_MAX + 1];
		struct text one = text_of(name, sizeof(name));

		if (label_parse(r, whole, &one) && t.len + one.len + 2 < size)
			text_add(&t, "%s%s", t.len ? " " : "", name);
	}
}

void label_list_emit(struct wr *w, const char *list)
{
	while (*list) {
		size_t n = strcspn(list, " ");
		char name[NAME_MAX + 1];

		snprintf(name, sizeof(name), "%.*s", (int)n, list);
		label_emit(w, name);
		list += n + (list[n] == ' ');
	}
}
