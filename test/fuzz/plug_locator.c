/* plug_locator.c - the parts of a locator from any text, in all three styles */
#include "base/mem.h"
#include "fuzz.h"
#include "plug/locator.h"

static const char *take(void *conf, const char *value)
{
	*(size_t *)conf += strlen(value);
	return strlen(value) % 7 == 6 ? "refused" : NULL;
}

static const struct locator_opt table[] = {
	{ "#", take }, { "portgroup", take }, { "port", take }, { "loss", take }, { NULL, NULL },
};

static void parse(const char *text, enum locator_style style)
{
	struct locator l;
	size_t total = 0;
	char *why;

	if (locator_parse(&l, text, style)) {
		CHECK(!l.text);
		return;
	}
	CHECK(l.n_opt <= LOCATOR_MAX_OPTS);
	CHECK(strlen(l.addr) <= strlen(text));
	for (int i = 0; i < l.n_opt; i++)
		total += strlen(l.opt[i].name) + (l.opt[i].value ? strlen(l.opt[i].value) : 0);
	CHECK(total <= strlen(text));
	CHECK(!l.inner || strlen(l.inner) + 2 <= strlen(text));
	why = locator_apply(&l, table, &total);
	CHECK(!why || *why);
	free(why);
	locator_fini(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1);

	memcpy(text, data, size);
	text[size] = 0;
	parse(text, LOCATOR_PATH);
	parse(text, LOCATOR_NET);
	parse(text, LOCATOR_OPTS);
	free(text);
	return 0;
}
