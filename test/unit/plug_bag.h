/* plug_bag.h - an arena and a bag for what comes of its packets; both empty at the end */
#ifndef PLUG_BAG_H
#define PLUG_BAG_H

#include "plug_frames.h"

static struct arena *arena;
static struct bag bag;

static int setup(void **state)
{
	arena = arena_heap_new(64 << 20);
	bag_init(&bag);
	return 0;
}

static int teardown(void **state)
{
	bag_empty(&bag);
	assert_int_equal(arena_heap_used(arena), 0);
	arena_heap_unref(arena);
	return 0;
}

#endif
