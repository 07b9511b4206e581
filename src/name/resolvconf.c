/* resolvconf.c - resolv.conf(5): who is asked for names, and how
 *
 * As the C library reads it: a line is a word and its values; what is not
 * understood is skipped; of "domain" and "search" the last counts. More name
 * servers and domains than there is room for are left out.
 */
#include "name/resolvconf.h"

#include <stdio.h>
#include <stdlib.h>

#define BLANK	" \t\r"

static void add_server(struct resolvconf *rc, char *rest)
{
	struct rc_server *s = &rc->server[rc->n_server];
	char *save, *word = strtok_r(rest, BLANK, &save), *zone;

	if (!word || rc->n_server == RC_SERVERS)
		return;
	zone = strchr(word, '%');
	if (zone)
		*zone++ = 0;
	if (!ip_parse_text(word, &s->addr) || (zone && strlen(zone) >= sizeof(s->zone)))
		return;
	strcpy(s->zone, zone ? zone : "");
	rc->n_server++;
}

static void set_domains(struct resolvconf *rc, char *rest)
{
	char *save;

	rc->n_domain = 0;
	for (char *w = strtok_r(rest, BLANK, &save); w; w = strtok_r(NULL, BLANK, &save)) {
		if (strlen(w) < RC_DOMAIN_LEN && rc->n_domain < RC_DOMAINS)
			strcpy(rc->domain[rc->n_domain++], w);
	}
}

/* word is NAME:N; the value within its limits, as there */
static bool number(const char *word, const char *name, int max, int *out)
{
	size_t n = strlen(name);
	int v;

	if (strncmp(word, name, n) != 0 || word[n] != ':')
		return false;
	v = atoi(word + n + 1);
	*out = v < 0 ? 0 : MIN(v, max);
	return true;
}

static void set_options(struct resolvconf *rc, char *rest)
{
	char *save;

	for (char *w = strtok_r(rest, BLANK, &save); w; w = strtok_r(NULL, BLANK, &save)) {
		if (number(w, "ndots", 15, &rc->ndots) || number(w, "timeout", 30, &rc->timeout) ||
		    number(w, "attempts", 5, &rc->attempts))
			continue;
		rc->rotate |= strcmp(w, "rotate") == 0;
		rc->tcp |= strcmp(w, "use-vc") == 0;
	}
}

static const struct {
	const char *word;
	void (*set)(struct resolvconf *rc, char *rest);
} lines[] = {
	{ "nameserver",	add_server },
	{ "domain",	set_domains },
	{ "search",	set_domains },
	{ "options",	set_options },
};

static void line(struct resolvconf *rc, char *s)
{
	size_t n = strcspn(s, BLANK);

	for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
		if (n == strlen(lines[i].word) && memcmp(s, lines[i].word, n) == 0)
			lines[i].set(rc, s + n);
	}
}

void resolvconf_parse(const char *text, struct resolvconf *rc)
{
	char buf[2048];

	*rc = (struct resolvconf){ .ndots = 1, .timeout = 5, .attempts = 2 };
	for (; *text; text += strcspn(text, "\n")) {
		text += strspn(text, "\n");
		snprintf(buf, sizeof(buf), "%.*s", (int)strcspn(text, "\n"), text);
		line(rc, buf);
	}
	rc->timeout = MAX(rc->timeout, 1);
	rc->attempts = MAX(rc->attempts, 1);
}
