/* kinds.c - the kinds of stack, by name
 *
 * To add one: a file with a struct kind, and a row here. What is in no row is a
 * plugin's name.
 */
#include <string.h>

#include "node/kind.h"

static const struct kind *const kinds[] = {
	&kind_host, &kind_kernel, &kind_native, &kind_served, &kind_vdestack,
};

const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	}
	return plugin_exists(name) ? &kind_plugin : NULL;
}
