/* plain.c - the kinds of a program whose socket calls are system calls
 *
 * Which stack answers is not this program's to say: the machine's, or under ioth run
 * the node's. The name chooses what is known to differ.
 */
#include "harness.h"

#include <stddef.h>

const struct kind kinds[] = { { .name = "host" }, { .name = "run" }, { .name = NULL } };
