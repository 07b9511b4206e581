/* words.h - a frame that was said, as words that are comparable */
#ifndef DIFFER_WORDS_H
#define DIFFER_WORDS_H

#include "base/text.h"
#include "host.h"

/* False: a frame that comes when it comes (reports of groups, router solicitations, the
 * end of a reassembly), which nothing is to be learnt from. */
bool frame_words(struct text *t, const uint8_t *b, uint32_t len);
/* Whom does it ask for, if it does? */
bool frame_asks(const uint8_t *b, uint32_t len, struct ip_addr *whom);

#endif
