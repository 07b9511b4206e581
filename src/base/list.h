/* list.h - circular doubly linked list; the head is a node too
 *
 * A node that is not in a list points at itself after list_init or list_del,
 * so list_del is harmless twice.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/base.h"

struct list { struct list *next, *prev; };

#define LIST_INIT(l)	{ &(l), &(l) }

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }

static inline void list_link(struct list *n, struct list *prev, struct list *next)
{
	n->prev = prev;
	n->next = next;
	prev->next = n;
	next->prev = n;
}

/* Before the head is the tail; after the head is the front. */
static inline void list_add_tail(struct list *head, struct list *n) { list_link(n, head->prev, head); }
static inline void list_add_head(struct list *head, struct list *n) { list_link(n, head, head->next); }

static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* First node taken out of the list, or NULL. */
static inline struct list *list_pop(struct list *head)
{
	struct list *n = head->next;

	if (n == head)
		return NULL;
	list_del(n);
	return n;
}

/* All of from to the tail of to; from is empty after. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_first(head, type, member) \
	(list_empty(head) ? NULL : container_of((head)->next, type, member))
#define list_last(head, type, member) \
	(list_empty(head) ? NULL : container_of((head)->prev, type, member))
#define list_for(n, head) \
	for (struct list *n = (head)->next; n != (head); n = n->next)
/* The current node may be deleted. */
#define list_for_safe(n, head) \
	for (struct list *n = (head)->next, *n##_next = n->next; \
	     n != (head); n = n##_next, n##_next = n->next)

#endif
