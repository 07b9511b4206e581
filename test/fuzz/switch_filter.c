/* switch_filter.c - any rule of words of pcap-filter(7), on any frame
 *
 * Input: up to 20 bytes that choose words, a zero, then the frame; bytes of 0x80 and more stand for
 * themselves in the expression. A rule is refused with a line, or it matches what
 * libpcap's own interpreter matches, whether the frame comes as bytes or as a packet. Not
 * among the words are shifts: by 32 and more, ours does what Linux's does.
 */
#include <pcap/pcap.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "fuzz.h"
#include "switch/filter.h"

#define WORDS	20

static const char *const words[] = {
	"", "ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "host", "net", "port", "src", "dst",
	"and", "or", "not", "(", ")", "10.0.0.1", "10.0.0.0/8", "2001:db8::1", "2001:db8::/32", "53",
	"ether", "02:00:00:00:00:01", "broadcast", "multicast", "vlan", "7", "proto", "portrange",
	"1-100", "greater", "less", "60", "ether[12:2]", "ip[0]", "ip6[6]", "tcp[tcpflags]",
	"udp[4:2]", "&", "|", "+", "-", "*", "/", "%", "^", "&&", "=", "!=", "<", ">=", "0x800",
	"len", "0", "tcp-syn", "icmptype", "icmp-echo", "mask", "255.0.0.0", "name", "cafe", "ip[ip[0]]",
};

static void expression(struct rd *r, char *expr)
{
	for (unsigned i = 0; i < WORDS; i++) {
		uint8_t b = rd_u8(r);
		const char *w = words[b % ARRAY_LEN(words)];

		if (!b)
			return;
		if (b & 0x80 && i) {
			*expr++ = (char)b;
			*expr = 0;
			continue;
		}
		strcpy(expr, w);
		expr += strlen(w);
		strcpy(expr++, " ");
	}
}

static bool libpcap_says(const char *expr, const uint8_t *p, uint32_t len)
{
	pcap_t *pc = pcap_open_dead(DLT_EN10MB, 262144);
	struct pcap_pkthdr h = { .caplen = len, .len = len };
	struct bpf_program prog;
	bool yes;

	CHECK(pc && pcap_compile(pc, &prog, expr, 1, PCAP_NETMASK_UNKNOWN) == 0);
	yes = pcap_offline_filter(&prog, &h, p);
	pcap_freecode(&prog);
	pcap_close(pc);
	return yes;
}

static void judge(struct filter *f, const char *expr, const uint8_t *p, uint32_t len)
{
	struct arena *a = arena_heap_new(1 << 20);
	struct frame frame = { .p = p, .len = len };
	bool yes = libpcap_says(expr, p, len);

	CHECK(filter_pass(f, &frame) == !yes);
	frame.pkt = pkt_new();
	pkt_begin(frame.pkt);
	CHECK(pkt_append(frame.pkt, a, p, len));
	frame.p = pkt_pull(frame.pkt, FRAME_MIN);
	CHECK(filter_pass(f, &frame) == !yes);
	CHECK(f->rule[0].frames == 2u * yes);
	pkt_free(frame.pkt);
	arena_heap_unref(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char expr[WORDS * 24] = "";
	struct rd r = rd_of(data, size);
	struct filter f = { 0 };
	char *why;

	expression(&r, expr);
	why = filter_add(&f, 0, true, expr);
	CHECK(!why || (*why && !strchr(why, '\n')));
	if (!why && rd_left(&r) >= FRAME_MIN)
		judge(&f, expr, r.p, (uint32_t)MIN(rd_left(&r), 2000));
	free(why);
	filter_clear(&f);
	return 0;
}
