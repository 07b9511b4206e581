/* kinds.c - the kinds of stack that the library has itself, by name
 *
 * To add one: a file with a struct kind, and a row here.
 */
#include <string.h>

#include "node/kind.h"

static const struct kind *const kinds[] = {
	&kind_host, &kind_kernel, &kind_native, &kind_vdestack,
};

const struct kind *kind_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strlen(kinds[i]->name) == len && memcmp(kinds[i]->name, name, len) == 0)
			return kinds[i];
	}
	return NULL;
}
