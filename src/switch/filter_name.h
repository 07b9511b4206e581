/* filter_name.h - names in expressions of pcap-filter(7) that would have to be looked up */
#ifndef SWITCH_FILTER_NAME_H
#define SWITCH_FILTER_NAME_H

#include "base/base.h"

/* The first word that libpcap would ask the resolver about, and its length; NULL:
 * there is none. */
const char *filter_name_find(const char *expr, size_t *len);

#endif
