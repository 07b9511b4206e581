/* oracle.h - what RFC 9293 (and 5961, 7323) allow to come of a segment */
#ifndef MUTATE_ORACLE_H
#define MUTATE_ORACLE_H

#include "scene.h"

/* Kinds of answer. RST: <SEQ=SEG.ACK><CTL=RST>; RST_ACK: <SEQ=0><ACK=...>. */
enum { ANS_ACK = 1, ANS_RST = 2, ANS_RST_ACK = 4, ANS_SYN_ACK = 8, ANS_DATA = 16 };

enum verdict {
	NOTHING,	/* the connection is as before */
	OVER,		/* it ends, with an error for the user */
	TAKEN,		/* it may change as the segment says */
};

struct expect {
	enum verdict	verdict;
	unsigned	may;		/* answers that are allowed */
	bool		must;		/* one of them is required */
	bool		poison;		/* a lie was believed: the transfer may fail */
};

struct expect oracle(const struct scene *sc, const struct view *v, const struct mseg *m,
		     const struct read_seg *r);

#endif
