/* rand.c - keyed hash and repeatable random numbers
 *
 * The generator is SipHash-2-4 of a counter under a secret key: a pseudo-random
 * function, so what a stranger sees of it (ports, ISNs, IDs) tells nothing about
 * the rest, and two values of state are all there is to freeze or to repeat.
 */
#include "base/rand.h"

#include <assert.h>
#include <errno.h>
#include <sodium/crypto_shorthash_siphash24.h>
#include <sys/random.h>

#include "base/log.h"

static_assert(sizeof(struct hash_key) == crypto_shorthash_siphash24_KEYBYTES,
	      "the key of SipHash has 16 bytes");

uint64_t hash64(const struct hash_key *k, const void *p, size_t n)
{
	uint8_t out[crypto_shorthash_siphash24_BYTES];
	uint64_t v = 0;

	crypto_shorthash_siphash24(out, p, n, k->b);
	for (int i = 7; i >= 0; i--)
		v = v << 8 | out[i];
	return v;
}

/* All 128 bits of the product, as wyhash folds them. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint32_t hash_quick(const struct hash_key *k, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t key[2], w[2], h = n;

	memcpy(key, k->b, sizeof(key));
	for (; n > sizeof(w); n -= sizeof(w), b += sizeof(w)) {
		memcpy(w, b, sizeof(w));
		h = mix(h ^ key[0] ^ w[0], key[1] ^ w[1]);
	}
	w[0] = w[1] = 0;
	memcpy(w, b, n);
	h = mix(h ^ key[0] ^ w[0], key[1] ^ w[1]);
	return (uint32_t)mix(h ^ key[1], key[0]);
}

uint32_t hash_quick_u64(const struct hash_key *k, uint64_t v)
{
	uint64_t key[2];

	memcpy(key, k->b, sizeof(key));
	return (uint32_t)mix(mix(key[0] ^ v, key[1]) ^ key[1], key[0]);
}

void hash_key_system(struct hash_key *k)
{
	size_t have = 0;

	while (have < sizeof(k->b)) {
		ssize_t n = getrandom(k->b + have, sizeof(k->b) - have, 0);

		if (n < 0 && errno != EINTR)
			die(1, "getrandom: %s", strerror(errno));
		have += n > 0 ? (size_t)n : 0;
	}
}

void rng_seed(struct rng *r, uint64_t seed)
{
	*r = (struct rng){ 0 };
	for (int i = 0; i < 8; i++)
		r->key.b[i] = (uint8_t)(seed >> 8 * i);
}

void rng_seed_system(struct rng *r)
{
	*r = (struct rng){ 0 };
	hash_key_system(&r->key);
}

uint64_t rng_u64(struct rng *r)
{
	uint8_t in[8];
	uint64_t c = r->counter++;

	for (int i = 0; i < 8; i++)
		in[i] = (uint8_t)(c >> 8 * i);
	return hash64(&r->key, in, sizeof(in));
}

/* Multiply and shift; the few values that would make the low results more
 * likely are drawn again, so it is exactly uniform. */
uint32_t rng_below(struct rng *r, uint32_t n)
{
	uint32_t biased = n ? -n % n : 0;
	uint64_t m;

	do {
		m = (rng_u64(r) >> 32) * n;
	} while ((uint32_t)m < biased);
	return (uint32_t)(m >> 32);
}

double rng_double(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1p-53;
}
