/* name_resolvconf.c - any text as a resolv.conf: what is taken from it has its limits */
#include "fuzz.h"
#include "name/resolvconf.h"

static void check_server(const struct rc_server *s)
{
	char text[IP_STRLEN];
	struct ip_addr again;

	CHECK(memchr(s->zone, 0, sizeof(s->zone)));
	CHECK(ip_parse_text(ip_text(&s->addr, text), &again) && ip_eq(&again, &s->addr));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resolvconf rc;
	char text[8192];

	size = MIN(size, sizeof(text) - 1);
	memcpy(text, data, size);
	text[size] = 0;
	resolvconf_parse(text, &rc);
	CHECK(rc.n_server >= 0 && rc.n_server <= RC_SERVERS);
	CHECK(rc.n_domain >= 0 && rc.n_domain <= RC_DOMAINS);
	CHECK(rc.ndots >= 0 && rc.ndots <= 15);
	CHECK(rc.timeout >= 1 && rc.timeout <= 30);
	CHECK(rc.attempts >= 1 && rc.attempts <= 5);
	for (int i = 0; i < rc.n_server; i++)
		check_server(&rc.server[i]);
	for (int i = 0; i < rc.n_domain; i++)
		CHECK(rc.domain[i][0] && memchr(rc.domain[i], 0, RC_DOMAIN_LEN));
	return 0;
}
