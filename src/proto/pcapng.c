/* pcapng.c - blocks of a capture file (draft-ietf-opsawg-pcapng-02)
 *
 * A block is: type, length, body, options, and the length again, so that a file can
 * be read from either end. An option is: code, length, value, and zeros up to a
 * multiple of four; texts are UTF-8 and cut at TEXT_MAX. Numbers in options, too,
 * have the section's byte order.
 */
#include "proto/pcapng.h"

#define TEXT_MAX	400

enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6 };
enum { MAGIC = 0x1a2b3c4d, LINKTYPE_ETHERNET = 1 };
enum { OPT_END, OPT_COMMENT };
enum { SHB_OS = 3, SHB_USERAPPL = 4 };
enum { IF_NAME = 2, IF_DESCRIPTION = 3, IF_TSRESOL = 9, IF_FILTER = 11 };
enum { EPB_FLAGS = 2, EPB_DROPCOUNT = 4 };
enum { ISB_ENDTIME = 3, ISB_IFRECV = 4, ISB_IFDROP = 5 };
enum { FLAGS_IN = 1, FLAGS_OUT = 2 };

#define PKT_BODY	20		/* interface, time, lengths */
#define BLOCK_FRAME	12		/* type and the two lengths */
#define OPT_HEAD	4

static uint32_t padding(uint32_t n)
{
	return -n & 3u;
}

static void u64(struct wr *w, uint64_t v)
{
	wr_u32(w, (uint32_t)(v >> 32));
	wr_u32(w, (uint32_t)v);
}

static void option(struct wr *w, uint16_t code, const void *value, uint16_t len)
{
	wr_u16(w, code);
	wr_u16(w, len);
	wr_bytes(w, value, len);
	wr_zero(w, padding(len));
}

static void option_text(struct wr *w, uint16_t code, const char *s)
{
	if (s)
		option(w, code, s, (uint16_t)strnlen(s, TEXT_MAX));
}

static void option_u64(struct wr *w, uint16_t code, uint64_t v)
{
	wr_u16(w, code);
	wr_u16(w, 8);
	u64(w, v);
}

/* The type, and room for the length; block_end fills it in. */
static uint8_t *block(struct wr *w, uint32_t type)
{
	uint8_t *start = w->p;

	wr_u32(w, type);
	wr_u32(w, 0);
	return start;
}

static void block_end(struct wr *w, uint8_t *start)
{
	uint32_t len;

	wr_u32(w, OPT_END);
	len = (uint32_t)(w->p - start) + 4;
	wr_u32(w, len);
	if (!w->fail)
		put_u32(start + 4, len);
}

static void section(struct wr *w, const struct pcapng_file *f)
{
	uint8_t *start = block(w, BLOCK_SECTION);

	wr_u32(w, MAGIC);
	wr_u16(w, 1);
	wr_u16(w, 0);
	u64(w, UINT64_MAX);		/* its length is not known yet */
	option_text(w, OPT_COMMENT, f->comment);
	option_text(w, SHB_OS, "Linux");
	option_text(w, SHB_USERAPPL, f->appl);
	block_end(w, start);
}

static void interface(struct wr *w, const struct pcapng_file *f)
{
	static const uint8_t nanoseconds = 9;
	uint8_t *start = block(w, BLOCK_INTERFACE);
	char filter[TEXT_MAX + 2] = "";	/* 0: what follows is libpcap's language */

	wr_u16(w, LINKTYPE_ETHERNET);
	wr_u16(w, 0);
	wr_u32(w, f->snap);
	option_text(w, IF_NAME, f->if_name);
	option_text(w, IF_DESCRIPTION, f->if_descr);
	option(w, IF_TSRESOL, &nanoseconds, 1);
	if (f->filter) {
		size_t n = strnlen(f->filter, TEXT_MAX);

		memcpy(filter + 1, f->filter, n);
		option(w, IF_FILTER, filter, (uint16_t)(n + 1));
	}
	block_end(w, start);
}

void pcapng_head(struct wr *w, const struct pcapng_file *f)
{
	section(w, f);
	interface(w, f);
}

static uint32_t options_len(const struct pcapng_pkt *p)
{
	return OPT_HEAD + 4 + (p->dropped ? OPT_HEAD + 8 : 0) + OPT_HEAD;
}

static uint32_t packet_len(const struct pcapng_pkt *p)
{
	return BLOCK_FRAME + PKT_BODY + p->kept + padding(p->kept) + options_len(p);
}

void pcapng_before(struct wr *w, const struct pcapng_pkt *p)
{
	wr_u32(w, BLOCK_PACKET);
	wr_u32(w, packet_len(p));
	wr_u32(w, 0);			/* of the first interface */
	u64(w, p->at);
	wr_u32(w, p->kept);
	wr_u32(w, p->len);
}

void pcapng_behind(struct wr *w, const struct pcapng_pkt *p)
{
	uint8_t flags[4] = { 0, 0, 0, p->out ? FLAGS_OUT : FLAGS_IN };

	wr_zero(w, padding(p->kept));
	option(w, EPB_FLAGS, flags, sizeof(flags));
	if (p->dropped)
		option_u64(w, EPB_DROPCOUNT, p->dropped);
	wr_u32(w, OPT_END);
	wr_u32(w, packet_len(p));
}

/* Here times are two words, the high one first, as in a packet's block. */
void pcapng_end(struct wr *w, uint64_t at, uint64_t received, uint64_t dropped)
{
	uint8_t *start = block(w, BLOCK_STATISTICS);

	wr_u32(w, 0);
	u64(w, at);
	option_u64(w, ISB_ENDTIME, at);
	option_u64(w, ISB_IFRECV, received);
	option_u64(w, ISB_IFDROP, dropped);
	block_end(w, start);
}
