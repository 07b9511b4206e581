/* ethernet.h - what the subjects of ethernet.c share */
#ifndef BENCH_ETHERNET_H
#define BENCH_ETHERNET_H

#include <err.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/mem.h"
#include "measure.h"
#include "plug/shm.h"

#define PIECE		65536u
#define PIECES		16u		/* under way at once: what a processor's cache holds */
#define PIECES_LITTLE	4u		/* all of them lie in the other's own cache */
#define PIECES_MUCH	64u		/* the first does no more when it is its turn again */
#define FRAME		64u
#define MTU_FRAME	1514u
#define SUPER_LEN	65480u		/* payload of a super-frame */
#define SLOTS		1024u		/* of the bare ring, 64 octets each */

struct ring {
	_Alignas(64) atomic_uint in;
	_Alignas(64) atomic_uint out;
	_Alignas(64) uint8_t	slot[SLOTS][FRAME];
};

struct shared {
	_Alignas(64) _Atomic uint64_t got;	/* octets or frames */
	_Alignas(64) atomic_uint in;		/* pieces */
	_Alignas(64) atomic_uint out;
	_Alignas(64) atomic_uint word[2];	/* futexes */
	_Alignas(64) struct ring ring[2];
	_Alignas(4096) uint8_t	piece[PIECES_MUCH][PIECE];
};

extern struct shared *sh;
extern uint8_t mine[PIECE];		/* a process's own */
extern const char *dir;			/* of the switch */
extern pid_t switch_pid;
extern pid_t child[3];

bool in_child(void);			/* true in the child, which dies with us */
void sit_on(int cpu);
bool in_child_on(int cpu);
void doze(double s);
/* Spins a moment; lets others have the processor now and then, there may be more of us. */
void relax(unsigned *n);
/* What was got in a second, and (pid) in a second of its processor time. */
void report(double unit, pid_t pid);
/* The median of a trip's us; each sample is of per trips. */
void trips(void (*trip)(void *ctx), void *ctx, unsigned per);

/* ethernet_best.c */
void bench_copy(void);
void bench_copy_little(void);
void bench_copy_much(void);
void bench_ring(void);
void bench_futex(void);
void bench_eventfd(void);
void bench_socket(void);
void bench_pair(void);
void bench_pair_mtu(void);

/* ethernet_wire.c */
void wire_send(struct wire *w);		/* the frame in mine */
bool wire_got(struct wire *w);		/* a frame, and has taken it */
void wire_wait(struct wire *w);		/* for a bell */
struct pkt *super_frame(struct chunk *c);
void bench_super(void);
void bench_spin(void);
void bench_asleep(void);
void bench_by_bell(void);

/* ethernet_switch.c */
void bench_shm(void);
void bench_vde(void);
void bench_vde_mtu(void);
void bench_bystander(void);
void bench_counter(void);
void bench_storm(void);

#endif
