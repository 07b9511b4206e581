/* hash.c - addresses computed from names (VirtualSquare's hash addresses, OTIP)
 *
 * H is the MD5 of name, password and time, so everybody who knows the name can
 * compute the address, and nobody has to be told it. MD5 spreads names over
 * addresses here and protects nothing; a password makes an address that others
 * cannot guess, the time one that is soon another (one-time IP).
 *
 * The order of the words, the bytes taken and the bits cleared are those of
 * libiothaddr: test/unit/name_hash.c has its published values. EUI-64 is RFC 4291
 * appendix A, but on a base whose last bytes count.
 *
 * Of libcrypto's two ways to MD5 this is the one that reads no file and cannot fail.
 */
#define OPENSSL_API_COMPAT 0x10100000L
#include "name/hash.h"

#include <openssl/md5.h>

#define LOCAL_BIT	2	/* of a MAC address: chosen here, by nobody's registry */
#define GROUP_BIT	1

struct md5 { uint8_t b[MD5_DIGEST_LENGTH]; };

static struct md5 hash(const char *name, const char *passwd, uint32_t otiptime)
{
	be32 time = be32_put(otiptime);
	size_t n = strlen(name);
	struct md5 h;
	MD5_CTX ctx;

	if (n && name[n - 1] == '.')
		n--;
	MD5_Init(&ctx);
	MD5_Update(&ctx, name, n);
	if (passwd)
		MD5_Update(&ctx, passwd, strlen(passwd));
	if (otiptime)
		MD5_Update(&ctx, &time, sizeof(time));
	MD5_Final(h.b, &ctx);
	return h;
}

struct ip_addr hash_addr(const struct ip_addr *base, const char *name, const char *passwd,
			 uint32_t otiptime)
{
	struct md5 h = hash(name, passwd, otiptime);
	struct ip_addr a = *base;

	for (int i = 0; i < 8; i++)
		a.b[8 + i] ^= h.b[i];
	a.b[8] &= (uint8_t)~(LOCAL_BIT | GROUP_BIT);
	return a;
}

struct mac hash_mac(const char *name, const char *passwd)
{
	struct md5 h = hash(name, passwd, 0);
	struct mac m = { { h.b[0], h.b[1], h.b[2], h.b[5], h.b[6], h.b[7] } };

	m.b[0] = (uint8_t)((m.b[0] | LOCAL_BIT) & ~GROUP_BIT);
	return m;
}

struct ip_addr hash_eui64(const struct ip_addr *base, struct mac mac)
{
	struct ip_addr a = *base;

	memcpy(a.b + 8, mac.b, 3);
	a.b[8] ^= LOCAL_BIT;
	a.b[11] = 0xff;
	a.b[12] = 0xfe;
	for (int i = 0; i < 3; i++)
		a.b[13 + i] ^= mac.b[3 + i];
	return a;
}

uint32_t hash_otiptime(int64_t seconds, uint32_t period, int32_t offset)
{
	return period ? (uint32_t)((seconds + offset) / period) : 0;
}
