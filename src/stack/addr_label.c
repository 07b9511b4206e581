/* addr_label.c - labels of IPv6 addresses, which rule 6 of RFC 6724 5 compares
 *
 * An administrator may change them (ip addrlabel; RFC 6724 2.1 wants it), for one
 * interface or for all. The table begins as Linux's, whose numbers are older than the
 * RFC's; only that they are equal or not counts. Until it is changed all stacks share
 * the rows they begin with. The longest prefix comes first, then rows of one interface.
 */
#include "stack/addr_label.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

#define MAX_LABELS	256

struct label_table {
	unsigned	n;
	struct addr_label row[MAX_LABELS];
};

static const struct addr_label first[] = {
	{ { { [15] = 1 } },			128, 0, 0 },
	{ { { 0 } },				96, 0, 3 },
	{ { { [10] = 0xff, [11] = 0xff } },	96, 0, 4 },
	{ { { 0x20, 0x01 } },			32, 0, 6 },
	{ { { 0x20, 0x01, 0x00, 0x10 } },	28, 0, 7 },
	{ { { 0x3f, 0xfe } },			16, 0, 12 },
	{ { { 0x20, 0x02 } },			16, 0, 2 },
	{ { { 0xfe, 0xc0 } },			10, 0, 11 },
	{ { { 0xfc } },				7, 0, 5 },
	{ { { 0 } },				0, 0, 1 },
};

const struct addr_label *addr_label_at(const struct stack *st, unsigned i)
{
	if (st->labels)
		return i < st->labels->n ? &st->labels->row[i] : NULL;
	return i < ARRAY_LEN(first) ? &first[i] : NULL;
}

const struct addr_label *addr_label_find(const struct stack *st, const struct ip_addr *a,
					 uint32_t ifindex)
{
	const struct addr_label *l;

	for (unsigned i = 0; (l = addr_label_at(st, i)); i++) {
		if ((!l->ifindex || l->ifindex == ifindex) && ip_in_prefix(a, &l->prefix, l->len))
			return l;
	}
	return NULL;
}

uint32_t addr_label(const struct stack *st, const struct ip_addr *a, uint32_t ifindex)
{
	const struct addr_label *l = addr_label_find(st, a, ifindex);

	return l ? l->label : LABEL_NONE;
}

static struct label_table *own(struct stack *st)
{
	if (st->labels)
		return st->labels;
	st->labels = xzalloc(sizeof(*st->labels));
	st->labels->n = ARRAY_LEN(first);
	memcpy(st->labels->row, first, sizeof(first));
	return st->labels;
}

static bool same(const struct addr_label *a, const struct addr_label *b)
{
	return a->len == b->len && a->ifindex == b->ifindex && ip_eq(&a->prefix, &b->prefix);
}

static bool before(const struct addr_label *a, const struct addr_label *b)
{
	return a->len != b->len ? a->len > b->len : !b->ifindex;
}

int addr_label_set(struct stack *st, const struct addr_label *want, bool replace)
{
	struct label_table *t = own(st);
	unsigned at = 0;

	for (unsigned i = 0; i < t->n; i++) {
		if (!same(&t->row[i], want))
			continue;
		if (!replace)
			return -EEXIST;
		t->row[i] = *want;
		return 0;
	}
	if (t->n == MAX_LABELS)
		return -ENOBUFS;
	while (at < t->n && !before(want, &t->row[at]))
		at++;
	memmove(&t->row[at + 1], &t->row[at], (t->n++ - at) * sizeof(t->row[0]));
	t->row[at] = *want;
	return 0;
}

int addr_label_del(struct stack *st, const struct addr_label *gone)
{
	struct label_table *t = own(st);

	for (unsigned i = 0; i < t->n; i++) {
		if (!same(&t->row[i], gone))
			continue;
		memmove(&t->row[i], &t->row[i + 1], (--t->n - i) * sizeof(t->row[0]));
		return 0;
	}
	return -ESRCH;
}

void addr_labels_free(struct stack *st)
{
	free(st->labels);
}
