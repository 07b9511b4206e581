/* sim.h - the simulations and what they count (sim.c) */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/base.h"

struct tally { unsigned passed, failed; };

struct seeds {
	uint64_t	first;		/* -s */
	uint32_t	count;		/* -n */
	unsigned	verbose;	/* -v: say more; -vv: every frame */
};

/* A simulation: one returns 0 when all went well and says on stderr why not;
 * it runs in a process of its own. */
void seeds_run(const struct seeds *s, const char *name,
	       int (*one)(uint64_t seed, unsigned verbose), struct tally *t);

int transfer_one(uint64_t seed, unsigned verbose);	/* transfer.c */
int chaos_one(uint64_t seed, unsigned verbose);	/* the same and mischief.c */
int many_one(uint64_t seed, unsigned verbose);	/* many.c */
/* Compares the table with the file, or with write set makes it (golden.c). */
/* Rows about two flows that share a bottleneck (share.c). */
struct text;
void share_table(struct text *t, struct tally *tally);
void repair_table(struct text *t);	/* repair.c */
void late_table(struct text *t);	/* late.c */
void golden_run(const char *path, bool write, struct tally *t);

/* Paths that drop large packets in silence (hole.c). */
void hole_run(struct tally *t);
/* A transfer while others flood the same stack (flood.c). */
void flood_run(struct tally *t);
/* What a stack and each kind of connection cost, with n of those (memory.c). */
void memory_run(uint64_t n, struct tally *t);

#endif
