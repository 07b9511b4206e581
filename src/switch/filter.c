/* filter.c - what may pass a port: rules in the language of pcap-filter(7)
 *
 * in: core_input -> filter_pass, of the port it came in at, then of those it leaves by
 *
 * libpcap compiles an expression once, when the rule is set (names of hosts, which it would
 * look up, are refused); base/bpf.c checks the program and runs it on the frame as it
 * came in: with the tag it had then, a super-frame as one long frame. The headers
 * are private before a rule looks at them (view.h); payload of a peer that shares its
 * memory is its own to change, before the filter or after.
 */
#include "switch/filter.h"

#include <assert.h>
#include <pcap/pcap.h>
#include <stdlib.h>

#include "base/bpf.h"
#include "base/mem.h"
#include "switch/filter_name.h"
#include "switch/view.h"

#define SNAPLEN		262144		/* tcpdump's: what a match is worth */

static_assert(sizeof(struct bpf_insn) == 8, "an instruction is Linux's struct sock_filter");

/* Direction, interface: what a capture knows of a frame and we do not. */
static bool asks_beside(const struct bpf_insn *i)
{
	return BPF_CLASS(i->code) == BPF_LD && BPF_MODE(i->code) == BPF_ABS && (int32_t)i->k < 0;
}

/* NULL, or why not. Loops, as of protochain, are refused by bpf_new. */
static char *checked(const struct bpf_program *prog, struct bpf **out)
{
	const void *code = prog->bf_insns;

	for (unsigned i = 0; i < prog->bf_len; i++) {
		if (asks_beside(&prog->bf_insns[i]))
			return xstrdup("the expression asks what a frame does not tell (inbound, "
				       "outbound, ifindex)");
	}
	if (bpf_new(code, prog->bf_len, out) < 0)
		return xstrdup("the expression makes a program that might run long "
			       "(protochain), or is too long");
	return NULL;
}

static char *compile(const char *expr, struct bpf **out)
{
	pcap_t *p = pcap_open_dead(DLT_EN10MB, SNAPLEN);
	struct bpf_program prog;
	char *why = NULL;

	if (!p)
		return xstrdup("out of memory");
	if (pcap_compile(p, &prog, expr, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		why = xasprintf("%s (see pcap-filter(7))", pcap_geterr(p));
	} else {
		why = checked(&prog, out);
		pcap_freecode(&prog);
	}
	pcap_close(p);
	return why;
}

char *filter_add(struct filter *f, uint32_t at, bool deny, const char *expr)
{
	struct filter_rule rule = { .deny = deny };
	const char *name;
	size_t len;
	char *why;

	if (f->n == FILTER_MAX)
		return xasprintf("the filter has %u rules already, and no more may be", f->n);
	if (strlen(expr) > FILTER_EXPR_MAX)
		return xasprintf("the expression is longer than %u characters", FILTER_EXPR_MAX);
	name = filter_name_find(expr, &len);
	if (name)
		return xasprintf("%.*s: neither a word of pcap-filter(7) nor a number; names are "
				 "not looked up, write an address", (int)MIN(len, 60u), name);
	why = compile(expr, &rule.bpf);
	if (why)
		return why;
	rule.expr = xstrdup(expr);
	at = MIN(at, f->n);
	memmove(&f->rule[at + 1], &f->rule[at], (f->n - at) * sizeof(f->rule[0]));
	f->rule[at] = rule;
	f->n++;
	return NULL;
}

bool filter_del(struct filter *f, uint32_t at)
{
	if (at >= f->n)
		return false;
	free(f->rule[at].expr);
	bpf_free(f->rule[at].bpf);
	f->n--;
	memmove(&f->rule[at], &f->rule[at + 1], (f->n - at) * sizeof(f->rule[0]));
	return true;
}

void filter_clear(struct filter *f)
{
	while (filter_del(f, 0))
		;
}

static uint32_t copy_from(const void *of, uint32_t off, void *to, uint32_t len)
{
	const struct frame *f = of;

	if (f->pkt)
		return pkt_copy(f->pkt, off, to, len);
	if (off >= f->len)
		return 0;
	len = MIN(len, f->len - off);
	memcpy(to, f->p + off, len);
	return len;
}

bool filter_pass(struct filter *f, const struct frame *frame)
{
	struct bpf_pkt p = { .copy = copy_from, .of = frame, .net = ETH_LEN };

	view_near(frame, &p.len);
	for (uint32_t i = 0; i < f->n; i++) {
		struct filter_rule *r = &f->rule[i];

		if (!bpf_run(r->bpf, &p))
			continue;
		r->frames++;
		r->bytes += p.len;
		return !r->deny;
	}
	return true;
}
