/* info.c - what TCP_INFO tells of a connection
 *
 *	expect info NAME N [to M]	a field by its name in linux/tcp.h, tcpi_ left out
 *
 * Times are in microseconds, as there.
 */
#include <netinet/tcp.h>

#include "world.h"

#define AT(f)	{ #f, offsetof(struct tcp_info, tcpi_##f), sizeof(((struct tcp_info *)0)->tcpi_##f) }

/* Behind what glibc's struct has: Linux's offsets. */
static const struct field {
	const char	*name;
	size_t		at, size;
} fields[] = {
	AT(ca_state), AT(retransmits), AT(probes), AT(backoff), AT(options), AT(rto),
	AT(snd_mss), AT(unacked), AT(sacked), AT(lost), AT(retrans), AT(snd_ssthresh), AT(snd_cwnd),
	AT(rtt), AT(rttvar), AT(reordering), AT(total_retrans), AT(rcv_space),
	{ "rate_app_limited", 7, 1 }, { "pacing_rate", 104, 8 }, { "max_pacing_rate", 112, 8 },
	{ "bytes_acked", 120, 8 }, { "bytes_received", 128, 8 }, { "segs_out", 136, 4 },
	{ "segs_in", 140, 4 }, { "notsent_bytes", 144, 4 }, { "min_rtt", 148, 4 },
	{ "data_segs_in", 152, 4 }, { "data_segs_out", 156, 4 }, { "delivery_rate", 160, 8 },
	{ "busy_time", 168, 8 }, { "rwnd_limited", 176, 8 }, { "sndbuf_limited", 184, 8 },
	{ "delivered", 192, 4 }, { "delivered_ce", 196, 4 }, { "bytes_sent", 200, 8 },
	{ "bytes_retrans", 208, 8 }, { "dsack_dups", 216, 4 }, { "reord_seen", 220, 4 },
	{ "rcv_ooopack", 224, 4 }, { "snd_wnd", 228, 4 }, { "rcv_wnd", 232, 4 },
	{ "total_rto", 240, 2 }, { "total_rto_recoveries", 242, 2 }, { "total_rto_time", 244, 4 },
};

static const struct field *field_need(struct world *w, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	}
	fail(w, "script: '%s' is not a field of TCP_INFO", name);
}

void expect_info(struct world *w, int n, struct words *ws)
{
	const struct field *f = field_need(w, word_need(w, ws, "a field"));
	uint32_t least = number_need(w, ws, "a number"), most = least;
	uint8_t b[256] = { 0 };
	socklen_t len = sizeof(b);
	uint64_t got = 0;

	if (word_is(ws, "to"))
		most = number_need(w, ws, "a number");
	sock_getopt(sock_of(w, n), IPPROTO_TCP, TCP_INFO, b, &len);
	memcpy(&got, b + f->at, f->size);
	if (len < f->at + f->size || got < least || got > most)
		fail(w, "expected: %s %u to %u\n\tseen:     %llu", f->name, least, most,
		     (unsigned long long)got);
}
