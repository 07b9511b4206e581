/* resolve_serv.c - services: a name or a number, for each sort of socket
 *
 * Names are those of the machine (/etc/services), as libc finds them: which port
 * is whose is the same everywhere.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/text.h"
#include "node/resolve.h"

static const struct sort {
	int		socktype, protocol;
	const char	*name;		/* in /etc/services; NULL: has no ports' names */
} sorts[] = {
	{ SOCK_STREAM,	IPPROTO_TCP,	"tcp" },
	{ SOCK_DGRAM,	IPPROTO_UDP,	"udp" },
	{ SOCK_RAW,	0,		NULL },		/* any protocol */
};

static bool wanted(const struct sort *s, const struct addrinfo *h)
{
	if (h->ai_socktype && h->ai_socktype != s->socktype)
		return false;
	return !h->ai_protocol || !s->protocol || h->ai_protocol == s->protocol;
}

static bool port_named(const char *name, const char *proto, uint16_t *port)
{
	struct servent se, *found = NULL;
	char buf[1024];

	if (!proto || getservbyname_r(name, proto, &se, buf, sizeof(buf), &found) || !found)
		return false;
	*port = ntohs((uint16_t)found->s_port);
	return true;
}

int services_find(const char *service, const struct addrinfo *h, struct service out[SERVICES])
{
	bool fits = false, named = false, one = h->ai_socktype || h->ai_protocol;
	uint64_t number = 0;
	int n = 0;

	if (service && !num_parse(service, 0, 65535, &number)) {
		named = true;
		if (h->ai_flags & AI_NUMERICSERV)
			return EAI_NONAME;
	}
	for (size_t i = 0; i < ARRAY_LEN(sorts) && !(fits && one); i++) {
		const struct sort *s = &sorts[i];
		uint16_t port = (uint16_t)number;

		if (!wanted(s, h))
			continue;
		fits = true;
		if (one && service && !s->name)
			return EAI_SERVICE;	/* as in the C library */
		if (!named || port_named(service, s->name, &port))
			out[n++] = (struct service){ s->socktype,
				s->protocol ? s->protocol : h->ai_protocol, port };
	}
	return n ? n : fits ? EAI_SERVICE : EAI_SOCKTYPE;
}

int service_name(uint16_t port, int flags, char *buf, size_t size)
{
	struct servent se, *found = NULL;
	struct text t = text_of(buf, size);
	char tmp[1024];

	if (!(flags & NI_NUMERICSERV))
		getservbyport_r(htons(port), flags & NI_DGRAM ? "udp" : "tcp", &se, tmp,
				sizeof(tmp), &found);
	if (found)
		text_add(&t, "%s", found->s_name);
	else
		text_add(&t, "%u", port);
	return t.cut ? EAI_OVERFLOW : 0;
}
