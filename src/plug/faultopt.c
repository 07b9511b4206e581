/* faultopt.c - the options of fault:// */
#include <stdlib.h>

#include "base/text.h"
#include "plug/fault.h"
#include "plug/scheme.h"

#define QUEUE_DEFAULT	100

static const char *probability(const char *value, double *out)
{
	return percent_parse(value, out) ? NULL : "not a share like 1% or 0.01";
}

static const char *duration(const char *value, usec *out)
{
	if (duration_parse(value, out) && *out <= 3600 * USEC_PER_SEC)
		return NULL;
	return "not a time like 10ms, 200us or 1s";
}

static const char *number(const char *value, uint64_t *out)
{
	return num_parse(value, 0, UINT32_MAX, out) ? NULL : "not a number";
}

static const char *set_loss(void *conf, const char *value)
{
	return probability(value, &((struct fault_conf *)conf)->loss);
}

static const char *set_reorder(void *conf, const char *value)
{
	return probability(value, &((struct fault_conf *)conf)->reorder);
}

static const char *set_dup(void *conf, const char *value)
{
	return probability(value, &((struct fault_conf *)conf)->dup);
}

static const char *set_corrupt(void *conf, const char *value)
{
	return probability(value, &((struct fault_conf *)conf)->corrupt);
}

static const char *set_delay(void *conf, const char *value)
{
	return duration(value, &((struct fault_conf *)conf)->delay);
}

static const char *set_jitter(void *conf, const char *value)
{
	return duration(value, &((struct fault_conf *)conf)->jitter);
}

static const char *set_queue(void *conf, const char *value)
{
	return number(value, &((struct fault_conf *)conf)->queue);
}

static const char *set_seed(void *conf, const char *value)
{
	return number(value, &((struct fault_conf *)conf)->seed);
}

/* Bits per second, in powers of ten as links are sold. */
static const char *set_rate(void *conf, const char *value)
{
	char *end;
	unsigned long long n = strtoull(value, &end, 10);
	uint64_t unit = *end == 'k' ? 1000 : *end == 'M' ? 1000000 : *end == 'G' ? 1000000000 : 1;

	if (*value < '0' || *value > '9' || end[unit > 1] || !n || n > 1000000000000 / unit)
		return "not a rate in bits per second like 100M, 512k or 1G";
	((struct fault_conf *)conf)->rate = n * unit;
	return NULL;
}

static const struct locator_opt options[] = {
	{ "loss",	set_loss },
	{ "delay",	set_delay },
	{ "jitter",	set_jitter },
	{ "reorder",	set_reorder },
	{ "dup",	set_dup },
	{ "corrupt",	set_corrupt },
	{ "rate",	set_rate },
	{ "queue",	set_queue },
	{ "seed",	set_seed },
	{ NULL,		NULL },
};

char *fault_options(const struct locator *loc, struct fault_conf *out)
{
	*out = (struct fault_conf){ .queue = QUEUE_DEFAULT, .seed = 1 };
	return locator_apply(loc, options, out);
}

struct plug *fault_open(const struct locator *loc, const struct plug_conf *conf, char **why)
{
	struct fault_conf fc;
	struct plug *inner;

	*why = fault_options(loc, &fc);
	if (*why)
		return NULL;
	inner = plug_open_wire(loc->inner, conf, why);
	return inner ? fault_new(inner, &fc, conf->now) : NULL;
}
