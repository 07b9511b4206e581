/* pcapng.h - blocks of a capture file (draft-ietf-opsawg-pcapng), to be written
 *
 * A file is: section, interface, packets, and statistics at the end. Everything is
 * in network byte order, which the section's magic tells its reader. Times are
 * nanoseconds since 1970.
 */
#ifndef PROTO_PCAPNG_H
#define PROTO_PCAPNG_H

#include "base/cursor.h"

struct pcapng_file {
	const char	*comment, *appl;	/* of the section; NULL: none */
	const char	*if_name, *if_descr, *filter;
	uint32_t	snap;			/* longest part of a frame kept; 0: all */
};

struct pcapng_pkt {
	uint64_t	at;
	uint32_t	kept, len;		/* bytes in the file, and of the frame */
	bool		out;
	uint64_t	dropped;		/* frames before this one that are not in the file */
};

#define PCAPNG_HEAD_MAX	2048
#define PCAPNG_PKT_MAX	64

/* Section and interface. */
void pcapng_head(struct wr *w, const struct pcapng_file *f);
/* What stands before and behind the kept bytes of a frame. */
void pcapng_before(struct wr *w, const struct pcapng_pkt *p);
void pcapng_behind(struct wr *w, const struct pcapng_pkt *p);
/* The interface's statistics. */
void pcapng_end(struct wr *w, uint64_t at, uint64_t received, uint64_t dropped);

#endif
