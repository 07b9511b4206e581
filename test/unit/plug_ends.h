/* plug_ends.h - the two ends of a cable, the first behind a decorator, and what came out */
#ifndef PLUG_ENDS_H
#define PLUG_ENDS_H

#include "plug_frames.h"

/* a -- decorator -- cable -- b */
static struct arena *arena;
static struct plug *a, *b;
static struct bag at_a, at_b;

static inline void ends_take(struct plug *decorated, struct plug *plain)
{
	a = decorated;
	b = plain;
	bag_init(&at_a);
	bag_init(&at_b);
	a->deliver = b->deliver = bag_deliver;
	a->user = &at_a;
	b->user = &at_b;
}

static void unmake(void)
{
	plug_close(a);
	plug_close(b);
	bag_empty(&at_a);
	bag_empty(&at_b);
	assert_int_equal(arena_heap_used(arena), 0);
}

static void assert_refused(const char *locator, const char *says)
{
	char *why = NULL;

	assert_null(plug_open(locator, NULL, &why));
	if (!why || !strstr(why, says))
		fail_msg("%s: %s", locator, why);
	free(why);
}

static int setup(void **state)
{
	arena = arena_heap_new(64 << 20);
	return 0;
}

static int teardown(void **state)
{
	arena_heap_unref(arena);
	return 0;
}

#endif
