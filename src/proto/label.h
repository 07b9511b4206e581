/* label.h - names of the DNS, as options of ND and DHCP carry them (RFC 1035 3.1) */
#ifndef PROTO_LABEL_H
#define PROTO_LABEL_H

#include "base/cursor.h"
#include "base/text.h"

/* The next name, written as text without a dot at its end, if it is one a host can
 * have. False: nothing to keep; r is past it, or failed. whole: where pointers of
 * compression count from (RFC 1035 4.1.4); NULL: there is none. */
bool label_parse(struct rd *r, const struct rd *whole, struct text *t);
/* Letters, digits, - and _ in labels of 63 bytes at most, 255 together. */
bool label_text_ok(const char *name);
void label_emit(struct wr *w, const char *name);

/* The same of several, in text with a space between them, as a search list: all to the
 * end of r that can be kept and have room. */
void label_list_parse(struct rd *r, const struct rd *whole, char *list, size_t size);
void label_list_emit(struct wr *w, const char *list);

#endif
