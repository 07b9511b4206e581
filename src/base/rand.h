/* rand.h - keyed hash and repeatable random numbers (SipHash by libsodium)
 *
 * A stack, a fault plug and the simulator own a generator each; the seed of a
 * real stack comes from the kernel, that of a test is printed.
 */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include "base/base.h"

struct hash_key { uint8_t b[16]; };

uint64_t hash64(const struct hash_key *k, const void *p, size_t n);
/* For tables whose keys strangers choose: many times faster, and nothing a stranger
 * sees may depend on it. */
uint32_t hash_quick(const struct hash_key *k, const void *p, size_t n);
uint32_t hash_quick_u64(const struct hash_key *k, uint64_t v);	/* of a key that short */

struct rng {
	struct hash_key	key;
	uint64_t	counter;
};

void rng_seed(struct rng *r, uint64_t seed);	/* repeatable */
void rng_seed_system(struct rng *r);		/* getrandom */
uint64_t rng_u64(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n);	/* uniform in [0, n) */
double rng_double(struct rng *r);		/* [0, 1) */
void hash_key_system(struct hash_key *k);	/* getrandom */

#endif
