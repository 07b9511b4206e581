/* pieces.h - fragments of one datagram that may not fit together */
#ifndef MUTATE_PIECES_H
#define MUTATE_PIECES_H

#include "lan.h"

#define PIECES_TOTAL	72	/* of UDP with its header */
#define N_PIECES	28

struct piece { uint32_t off, len; bool more; };

extern const struct piece pieces[N_PIECES];
/* Returns the frame's length. */
uint32_t piece_frame(uint8_t *b, bool v4, const struct piece *p, uint16_t id);

#endif
