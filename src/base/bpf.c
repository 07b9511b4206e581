/* bpf.c - an interpreter of classic BPF, for filters of sockets and of switches
 *
 * McCanne and Jacobson's machine as Linux has it (filter.rst): an accumulator, an
 * index register, 16 words of memory, loads from the packet and from what is
 * known beside it (SKF_AD_OFF). bpf_new checks a program once: known
 * instructions, jumps that only go forward and stay inside, a return at the end,
 * no word of memory read before every way there has written it, no division by a
 * constant 0. So a run takes at most as many steps as there are instructions, and
 * the interpreter checks only what depends on the packet: a load from outside of
 * it, or a division by X = 0, ends the program with 0.
 */
#include "base/bpf.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"

#define NEAR	128		/* bytes that lie at hand */

struct bpf {
	unsigned	n;
	struct sock_filter code[];
};

struct vm {
	const struct bpf_pkt *p;
	uint32_t	a, x;
	uint32_t	mem[BPF_MEMWORDS];
	uint32_t	len;		/* of the data */
	uint32_t	near_len;
	bool		fail;
	uint8_t		near[NEAR];	/* the first */
};

/* --- the check --- */

#define ALU(op)		[BPF_ALU | (op) | BPF_K] = true, [BPF_ALU | (op) | BPF_X] = true
#define JUMP(op)	[BPF_JMP | (op) | BPF_K] = true, [BPF_JMP | (op) | BPF_X] = true
#define LOAD(mode)	[BPF_LD | BPF_W | (mode)] = true, [BPF_LD | BPF_H | (mode)] = true, \
			[BPF_LD | BPF_B | (mode)] = true

static const bool known[256] = {
	LOAD(BPF_ABS), LOAD(BPF_IND),
	[BPF_LD | BPF_IMM] = true, [BPF_LD | BPF_MEM] = true, [BPF_LD | BPF_W | BPF_LEN] = true,
	[BPF_LDX | BPF_IMM] = true, [BPF_LDX | BPF_MEM] = true,
	[BPF_LDX | BPF_W | BPF_LEN] = true, [BPF_LDX | BPF_B | BPF_MSH] = true,
	[BPF_ST] = true, [BPF_STX] = true,
	ALU(BPF_ADD), ALU(BPF_SUB), ALU(BPF_MUL), ALU(BPF_DIV), ALU(BPF_MOD), ALU(BPF_OR),
	ALU(BPF_AND), ALU(BPF_XOR), ALU(BPF_LSH), ALU(BPF_RSH), [BPF_ALU | BPF_NEG] = true,
	[BPF_JMP | BPF_JA] = true, JUMP(BPF_JEQ), JUMP(BPF_JGT), JUMP(BPF_JGE), JUMP(BPF_JSET),
	[BPF_RET | BPF_K] = true, [BPF_RET | BPF_A] = true,
	[BPF_MISC | BPF_TAX] = true, [BPF_MISC | BPF_TXA] = true,
};

static bool is_load(uint16_t code, uint16_t mode)
{
	return BPF_CLASS(code) == BPF_LD && BPF_MODE(code) == mode;
}

static bool uses_mem(uint16_t code)
{
	return code == BPF_ST || code == BPF_STX || code == (BPF_LD | BPF_MEM) ||
	       code == (BPF_LDX | BPF_MEM);
}

/* What we can tell beside the packet; others of the area are refused, as Linux
 * refuses those that it does not know. */
static bool beside_known(uint32_t k)
{
	switch (k - (uint32_t)SKF_AD_OFF) {
	case SKF_AD_PROTOCOL: case SKF_AD_PKTTYPE: case SKF_AD_IFINDEX: case SKF_AD_MARK:
	case SKF_AD_QUEUE: case SKF_AD_HATYPE: case SKF_AD_RXHASH: case SKF_AD_CPU:
	case SKF_AD_ALU_XOR_X: case SKF_AD_VLAN_TAG: case SKF_AD_VLAN_TAG_PRESENT:
	case SKF_AD_RANDOM: case SKF_AD_VLAN_TPID:
		return true;
	}
	return false;
}

static bool step_ok(const struct sock_filter *f)
{
	bool div = f->code == (BPF_ALU | BPF_DIV | BPF_K) || f->code == (BPF_ALU | BPF_MOD | BPF_K);
	bool shift = f->code == (BPF_ALU | BPF_LSH | BPF_K) || f->code == (BPF_ALU | BPF_RSH | BPF_K);

	if (f->code >= ARRAY_LEN(known) || !known[f->code])
		return false;
	if ((div && !f->k) || (shift && f->k >= 32) || (uses_mem(f->code) && f->k >= BPF_MEMWORDS))
		return false;
	return !is_load(f->code, BPF_ABS) || f->k < (uint32_t)SKF_AD_OFF || beside_known(f->k);
}

static bool jump_ok(const struct sock_filter *f, unsigned left)
{
	if (BPF_CLASS(f->code) != BPF_JMP)
		return true;
	if (BPF_OP(f->code) == BPF_JA)
		return f->k < left;
	return f->jt < left && f->jf < left;
}

/* Which words of memory are written on every way to each instruction: a bit each.
 * Jumps go forward, so one pass does. */
static bool mem_ok(const struct sock_filter *f, unsigned n, uint16_t *written)
{
	memset(written, 0xff, n * sizeof(*written));
	written[0] = 0;
	for (unsigned i = 0; i < n; i++) {
		uint16_t code = f[i].code, now = written[i];
		bool jump = BPF_CLASS(code) == BPF_JMP, always = jump && BPF_OP(code) == BPF_JA;

		if (code == BPF_ST || code == BPF_STX)
			now |= (uint16_t)(1u << f[i].k);
		else if (uses_mem(code) && !(now >> f[i].k & 1))
			return false;
		if (always) {
			written[i + 1 + f[i].k] &= now;
		} else if (jump) {
			written[i + 1 + f[i].jt] &= now;
			written[i + 1 + f[i].jf] &= now;
		} else if (i + 1 < n && BPF_CLASS(code) != BPF_RET) {
			written[i + 1] &= now;
		}
	}
	return true;
}

static bool check(const struct sock_filter *f, unsigned n)
{
	uint16_t *written;
	bool ok;

	for (unsigned i = 0; i < n; i++) {
		if (!step_ok(&f[i]) || !jump_ok(&f[i], n - i - 1))
			return false;
	}
	if (BPF_CLASS(f[n - 1].code) != BPF_RET)
		return false;
	written = xmalloc(n * sizeof(*written));
	ok = mem_ok(f, n, written);
	free(written);
	return ok;
}

int bpf_new(const struct sock_filter *code, unsigned n, struct bpf **out)
{
	struct bpf *b;

	if (!n || n > BPF_MAXINSNS || !check(code, n))
		return -EINVAL;
	b = xmalloc(sizeof(*b) + n * sizeof(*code));
	b->n = n;
	memcpy(b->code, code, n * sizeof(*code));
	*out = b;
	return 0;
}

void bpf_free(struct bpf *b)
{
	free(b);
}

/* --- loads --- */

static unsigned width(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/* n bytes from off (of all of it) on, in network order. */
static uint32_t bytes_at(struct vm *v, uint64_t off, unsigned n)
{
	uint8_t b[4];
	const uint8_t *p = b;
	uint32_t r = 0;

	if (off + n <= v->near_len)
		p = v->near + off;
	else if (off > UINT32_MAX - n || v->p->copy(v->p->of, (uint32_t)off, b, n) != n)
		v->fail = true;
	for (unsigned i = 0; i < n && !v->fail; i++)
		r = r << 8 | p[i];
	return r;
}

/* Tags stay where they are in the frame; there is one queue and one processor. */
static uint32_t beside(const struct vm *v, uint32_t what)
{
	const struct bpf_pkt *p = v->p;

	switch (what) {
	case SKF_AD_PROTOCOL:
		return p->proto;
	case SKF_AD_PKTTYPE:
		return p->pkttype;
	case SKF_AD_IFINDEX:
		return p->ifindex;
	case SKF_AD_MARK:
		return p->mark;
	case SKF_AD_HATYPE:
		return p->hatype;
	case SKF_AD_ALU_XOR_X:
		return v->a ^ v->x;
	case SKF_AD_RANDOM:
		return (uint32_t)rng_u64(p->rng);
	}
	return 0;
}

/* k below 0 means the IP header's or the frame's own offsets. */
static uint32_t load(struct vm *v, uint32_t k, unsigned n)
{
	if ((int32_t)k >= 0)
		return bytes_at(v, (uint64_t)v->p->data + k, n);
	if (k >= (uint32_t)SKF_NET_OFF)
		return bytes_at(v, (uint64_t)v->p->net + (k - (uint32_t)SKF_NET_OFF), n);
	if (k >= (uint32_t)SKF_LL_OFF)
		return bytes_at(v, k - (uint32_t)SKF_LL_OFF, n);
	v->fail = true;
	return 0;
}

static uint32_t load_a(struct vm *v, const struct sock_filter *f)
{
	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		return f->k >= (uint32_t)SKF_AD_OFF ? beside(v, f->k - (uint32_t)SKF_AD_OFF) :
						      load(v, f->k, width(f->code));
	case BPF_IND:
		return load(v, f->k + v->x, width(f->code));
	case BPF_MEM:
		return v->mem[f->k];
	case BPF_LEN:
		return v->len;
	}
	return f->k;
}

static uint32_t load_x(struct vm *v, const struct sock_filter *f)
{
	switch (BPF_MODE(f->code)) {
	case BPF_MSH:
		return (load(v, f->k, 1) & 0xf) * 4;
	case BPF_MEM:
		return v->mem[f->k];
	case BPF_LEN:
		return v->len;
	}
	return f->k;
}

/* --- the rest of the machine --- */

static uint32_t divide(struct vm *v, uint32_t by, bool rest)
{
	if (!by) {
		v->fail = true;
		return 0;
	}
	return rest ? v->a % by : v->a / by;
}

static uint32_t alu(struct vm *v, uint16_t code, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return v->a + b;
	case BPF_SUB:
		return v->a - b;
	case BPF_MUL:
		return v->a * b;
	case BPF_DIV:
	case BPF_MOD:
		return divide(v, b, BPF_OP(code) == BPF_MOD);
	case BPF_OR:
		return v->a | b;
	case BPF_AND:
		return v->a & b;
	case BPF_XOR:
		return v->a ^ b;
	case BPF_LSH:
		return v->a << (b & 31);
	case BPF_RSH:
		return v->a >> (b & 31);
	}
	return -v->a;
}

/* How many instructions are left out. */
static uint32_t jump(const struct vm *v, const struct sock_filter *f, uint32_t b)
{
	bool yes = false;

	switch (BPF_OP(f->code)) {
	case BPF_JA:
		return f->k;
	case BPF_JEQ:
		yes = v->a == b;
		break;
	case BPF_JGT:
		yes = v->a > b;
		break;
	case BPF_JGE:
		yes = v->a >= b;
		break;
	case BPF_JSET:
		yes = v->a & b;
		break;
	}
	return yes ? f->jt : f->jf;
}

/* Everything but jumps and returns. */
static void step(struct vm *v, const struct sock_filter *f)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		v->a = load_a(v, f);
		break;
	case BPF_LDX:
		v->x = load_x(v, f);
		break;
	case BPF_ST:
		v->mem[f->k] = v->a;
		break;
	case BPF_STX:
		v->mem[f->k] = v->x;
		break;
	case BPF_ALU:
		v->a = alu(v, f->code, BPF_SRC(f->code) == BPF_X ? v->x : f->k);
		break;
	case BPF_MISC:
		if (BPF_MISCOP(f->code) == BPF_TAX)
			v->x = v->a;
		else
			v->a = v->x;
		break;
	}
}

uint32_t bpf_run(const struct bpf *b, const struct bpf_pkt *p)
{
	struct vm v = { .p = p };

	v.len = p->len - MIN(p->data, p->len);
	v.near_len = p->copy(p->of, 0, v.near, NEAR);
	for (unsigned i = 0; i < b->n && !v.fail; i++) {
		const struct sock_filter *f = &b->code[i];

		if (BPF_CLASS(f->code) == BPF_RET)
			return BPF_RVAL(f->code) == BPF_A ? v.a : f->k;
		if (BPF_CLASS(f->code) == BPF_JMP)
			i += jump(&v, f, BPF_SRC(f->code) == BPF_X ? v.x : f->k);
		else
			step(&v, f);
	}
	return 0;
}
