/* node_resolve.c - names: getaddrinfo, getnameinfo and the resolver that does not block
 *
 * A name server and those who ask it are on one stack, with addresses that make the
 * order of answers visible. What needs no server is compared with the C library.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base.h"
#include "unit.h"

#include "dns_zone.h"

static const struct record zone[] = {
	{ "web.test", T_A, "10.0.0.3", 1 },
	{ "web.test", T_AAAA, "2001:db8::3", 1 },
	{ "four.test", T_A, "10.0.0.4", 1 },
	{ "six.test", T_AAAA, "2001:db8::6", 1 },
	{ "www.test", T_CNAME, "web.test", 1 },
	{ "many.test", T_A, "10.0.1.1", 200 },
	{ "text.test", T_TXT, "hello", 1 },
	{ "alone.test", T_TXT, "no address", 1 },
	{ "3.0.0.10.in-addr.arpa", T_PTR, "web.test", 1 },
	{ "broken.test", T_TXT, "SERVFAIL", 1 },
	{ "11.0.0.10.in-addr.arpa", T_PTR, "-rf.test", 1 },
	{ "12.0.0.10.in-addr.arpa", T_PTR, "a/b.test", 1 },
	{ "odd.test", T_CNAME, "-x.test", 1 },
	{ "-x.test", T_A, "10.0.0.9", 1 },
	{ NULL, 0, NULL, 0 },
};

static struct ioth *s;
static struct dns_server dns;
#define CONF	"search test\nnameserver 10.0.0.2\n"

static void add(int family, const char *text, int prefix)
{
	uint8_t a[16];

	inet_pton(family, text, a);
	assert_int_equal(ioth_ipaddr_add(s, family, a, prefix, ioth_if_nametoindex(s, "eth0")), 0);
}

static int setup(void **state)
{
	s = ioth_newstack("native", "null://");
	assert_non_null(s);
	add(AF_INET, "10.0.0.2", 24);
	add(AF_INET6, "2001:db8::2", 64);
	dns_start(&dns, s, zone);
	return 0;
}

static int teardown(void **state)
{
	dns_stop(&dns);
	assert_int_equal(ioth_delstack(s), 0);
	return 0;
}

/* --- asking, and waiting --- */

struct told {
	int	calls, status;
	char	text[4096];		/* "[2001:db8::3]:80/1 ..." */
	char	canon[100];
};

static void write_list(const struct addrinfo *ai, char *out, size_t size)
{
	size_t n = 0;

	*out = 0;
	for (; ai && n < size; ai = ai->ai_next) {
		char host[80] = "?", port[8] = "?";

		getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
		n += (size_t)snprintf(out + n, size - n, "%s%s/%s/%d/%d/%d", n ? " " : "", host, port,
				      ai->ai_family, ai->ai_socktype, ai->ai_protocol);
	}
}

/* Only hosts, for a list of one sort of socket. */
static void found(void *arg, int status, struct addrinfo *res)
{
	struct told *t = arg;
	char *end = t->text;

	t->calls++;
	t->status = t->status ? t->status : status;
	*end = 0;
	for (struct addrinfo *ai = res; ai; ai = ai->ai_next) {
		char host[80];

		getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
		if (end + 100 < t->text + sizeof(t->text))
			end += sprintf(end, "%s%s", end == t->text ? "" : " ", host);
	}
	snprintf(t->canon, sizeof(t->canon), "%s", res && res->ai_canonname ? res->ai_canonname : "");
	ioth_freeaddrinfo(res);
}

static void work(struct ioth_resolver *r, const int *calls, int n)
{
	struct pollfd fds[20];

	while (*calls < n) {
		int k = ioth_resolver_fds(r, fds, 20);

		assert_in_range(k, 0, 20);
		poll(fds, (nfds_t)k, ioth_resolver_timeout(r));
		ioth_resolver_process(r, fds, k);
	}
}

static struct told ask(const char *conf, const char *name, int family, int flags)
{
	struct addrinfo hints = { .ai_flags = flags, .ai_family = family, .ai_socktype = SOCK_STREAM };
	struct ioth_resolver *r = ioth_resolver_new(s, conf);
	struct told t = { 0 };

	ioth_resolve_addr(r, name, "80", &hints, found, &t);
	assert_int_equal(t.calls, 0);
	work(r, &t.calls, 1);
	ioth_resolver_free(r);
	assert_int_equal(t.calls, 1);
	return t;
}

#define gives(list, ...) do {				\
		struct told t_ = ask(__VA_ARGS__);	\
		assert_int_equal(t_.status, 0);		\
		assert_string_equal(t_.text, list);	\
	} while (0)
#define fails(code, ...)	assert_int_equal(ask(__VA_ARGS__).status, code)

/* --- names --- */

static void addresses_in_order(void **state)
{
	gives("2001:db8::3 10.0.0.3", CONF, "web.test", AF_UNSPEC, 0);
	gives("10.0.0.3", CONF, "web.test", AF_INET, 0);
	gives("2001:db8::3", CONF, "web.test", AF_INET6, 0);
	gives("10.0.0.4", CONF, "four.test", AF_UNSPEC, 0);
	gives("2001:db8::6", CONF, "six.test", AF_UNSPEC, 0);
	gives("2001:db8::6", CONF, "SIX.Test", AF_UNSPEC, 0);
}

static void ipv4_in_the_place_of_ipv6(void **state)
{
	gives("::ffff:10.0.0.4", CONF, "four.test", AF_INET6, AI_V4MAPPED);
	gives("2001:db8::3", CONF, "web.test", AF_INET6, AI_V4MAPPED);
	gives("2001:db8::3 ::ffff:10.0.0.3", CONF, "web.test", AF_INET6, AI_V4MAPPED | AI_ALL);
	fails(EAI_NODATA, CONF, "four.test", AF_INET6, 0);
}

static int del(int family, const char *text, int prefix)
{
	uint8_t a[16];

	inet_pton(family, text, a);
	return ioth_ipaddr_del(s, family, a, prefix, (unsigned)ioth_if_nametoindex(s, "eth0"));
}

static void only_what_the_stack_can_use(void **state)
{
	gives("2001:db8::3 10.0.0.3", CONF, "web.test", AF_UNSPEC, AI_ADDRCONFIG);
	assert_int_equal(del(AF_INET6, "2001:db8::2", 64), 0);
	gives("10.0.0.3 2001:db8::3", CONF, "web.test", AF_UNSPEC, 0);
	add(AF_INET6, "2001:db8::2", 64);
	assert_int_equal(del(AF_INET, "10.0.0.2", 24), 0);
	gives("2001:db8::3", "nameserver ::1\n", "web.test", AF_UNSPEC, AI_ADDRCONFIG);
	fails(EAI_NONAME, "nameserver ::1\n", "four.test", AF_UNSPEC, AI_ADDRCONFIG);
	add(AF_INET, "10.0.0.2", 24);
}

static void aliases(void **state)
{
	struct told t = ask(CONF, "www.test", AF_UNSPEC, AI_CANONNAME);

	assert_int_equal(t.status, 0);
	assert_string_equal(t.text, "2001:db8::3 10.0.0.3");
	assert_string_equal(t.canon, "web.test");
	assert_string_equal(ask(CONF, "four.test", AF_UNSPEC, AI_CANONNAME).canon, "four.test");
	assert_string_equal(ask(CONF, "four.test", AF_UNSPEC, 0).canon, "");
}

static void the_search_list(void **state)
{
	gives("2001:db8::3 10.0.0.3", CONF, "web", AF_UNSPEC, 0);
	gives("2001:db8::3 10.0.0.3", "search none test\nnameserver 10.0.0.2\n", "web", AF_UNSPEC, 0);
	fails(EAI_NONAME, CONF, "web.", AF_UNSPEC, 0);
}

static void names_that_are_not_there(void **state)
{
	fails(EAI_NONAME, CONF, "none.test", AF_UNSPEC, 0);
	fails(EAI_NODATA, CONF, "alone.test", AF_UNSPEC, 0);
	fails(EAI_AGAIN, CONF, "broken.test", AF_UNSPEC, 0);
	fails(EAI_NONAME, CONF, "web.test", AF_UNSPEC, AI_NUMERICHOST);
	fails(EAI_NONAME, CONF, "", AF_UNSPEC, 0);
}

static void an_answer_too_big_comes_by_tcp(void **state)
{
	unsigned tcp = dns.asked[1];
	struct told t = ask(CONF, "many.test", AF_INET, 0);
	int n = 1;

	assert_int_equal(t.status, 0);
	for (const char *p = t.text; *p; p++)
		n += *p == ' ';
	assert_true(n >= 200);
	assert_int_equal(dns.asked[1], tcp + 1);
	gives("10.0.0.4", "options use-vc\nnameserver 10.0.0.2\n", "four.test", AF_INET, 0);
	assert_int_equal(dns.asked[1], tcp + 2);
}

/* The stack's own link-local address. */
static struct in6_addr linklocal(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	socklen_t len = sizeof(to);
	int fd = ioth_msocket(s, AF_INET6, SOCK_DGRAM, 0);

	inet_pton(AF_INET6, "fe80::99", &to.sin6_addr);
	to.sin6_scope_id = (uint32_t)ioth_if_nametoindex(s, "eth0");
	assert_int_equal(ioth_connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(ioth_getsockname(fd, (struct sockaddr *)&to, &len), 0);
	ioth_close(fd);
	return to.sin6_addr;
}

static void servers(void **state)
{
	char conf[100], ll[INET6_ADDRSTRLEN] = "";
	struct in6_addr own = linklocal();

	/* nobody listens at the first: it says so, and the next is asked */
	gives("10.0.0.4", "nameserver 127.0.0.9\nnameserver 127.0.0.1\n", "four.test", AF_INET, 0);
	gives("10.0.0.4", "nameserver 2001:db8::2\n", "four.test", AF_INET, 0);
	fails(EAI_AGAIN, "", "four.test", AF_INET, 0);
	fails(EAI_AGAIN, NULL, "four.test", AF_INET, 0);

	/* a link-local one, with its zone, as routers tell them */
	inet_ntop(AF_INET6, &own, ll, sizeof(ll));
	snprintf(conf, sizeof(conf), "nameserver %s%%eth0\n", ll);
	gives("10.0.0.4", conf, "four.test", AF_INET, 0);
}

/* A router's advertisement (RFC 4861 4.2) with a resolver and a domain (RFC 8106 5),
 * which the stack sends to its own link and hears as a member of all nodes. */
static void servers_that_routers_tell(void **state)
{
	uint8_t ra[16 + 24 + 16] = { 134, [16] = 25, 3, [20] = 0, 0, 1, 0,
		[40] = 31, 2, [44] = 0, 0, 1, 0, 4, 't', 'e', 's', 't' };
	struct sockaddr_in6 all = { .sin6_family = AF_INET6,
		.sin6_scope_id = (uint32_t)ioth_if_nametoindex(s, "eth0") };
	struct in6_addr own = linklocal();
	int fd = ioth_msocket(s, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), hops = 255;

	memcpy(ra + 24, &own, 16);
	inet_pton(AF_INET6, "ff02::1", &all.sin6_addr);
	assert_int_equal(ioth_setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)), 0);
	assert_int_equal(ioth_sendto(fd, ra, sizeof(ra), 0, (struct sockaddr *)&all, sizeof(all)),
			 sizeof(ra));
	ioth_close(fd);
	gives("2001:db8::3 10.0.0.3", NULL, "web", AF_UNSPEC, 0);
	fails(EAI_NONAME, NULL, "none", AF_UNSPEC, 0);
}

static void servers_that_were_configured(void **state)
{
	assert_int_equal(ioth_config(s, "dns=10.0.0.2,domain=test"), IOTH_CONFIG_STATIC);
	gives("2001:db8::3 10.0.0.3", NULL, "web", AF_UNSPEC, 0);
	gives("10.0.0.4", NULL, "four", AF_UNSPEC, 0);
}

static void the_hosts_file(void **state)
{
	struct told t;

	if (access("/etc/hosts", R_OK) < 0)
		skip();
	t = ask("", "localhost", AF_INET, 0);
	assert_int_equal(t.status, 0);
	assert_string_equal(t.text, "127.0.0.1");
}

/* The same code over sockets of another kind. Not under the thread sanitizer: to it the
 * process that kernel.c makes with CLONE_VM is a fork, whose threads are all gone but one,
 * and what the name server's does from then on is a race ("starting new threads after
 * multi-threaded fork", it says of a program of ten lines that does the same). */
static void a_kernel_stack_s_sockets(void **state)
{
#ifdef __SANITIZE_THREAD__
	skip();
#endif
	struct ioth *native = s, *kernel = ioth_newstack("kernel", NULL);
	struct dns_server own;

	if (!kernel && errno == EPERM)
		skip();
	assert_non_null(kernel);
	s = kernel;
	dns_start(&own, s, zone);
	gives("10.0.0.4", "nameserver 127.0.0.1\n", "four.test", AF_UNSPEC, 0);
	gives("2001:db8::6", "nameserver ::1\noptions use-vc\n", "six.test", AF_UNSPEC, 0);
	assert_int_equal(own.asked[1], 2);
	fails(EAI_AGAIN, NULL, "four.test", AF_INET, 0);
	dns_stop(&own);
	s = native;
	assert_int_equal(ioth_delstack(kernel), 0);
}

static void the_machine_s_stack_asks_as_the_machine(void **state)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *res;
	char list[200];

	assert_int_equal(ioth_getaddrinfo(NULL, "localhost", "80", &hints, &res), 0);
	write_list(res, list, sizeof(list));
	assert_string_equal(list, "127.0.0.1/80/2/1/6");
	ioth_freeaddrinfo(res);
}

/* --- like libc --- */

static const char *const nodes[] = {
	NULL, "127.0.0.1", "::1", "10.1", "0x7f.1", "2001:db8::9", "::ffff:10.0.0.1", "1.2.3.4.5",
	"fe80::1", "fe80::1%7", "10.0.0.1%7",
};
static const char *const services[] = {
	NULL, "80", "http", "domain", "tftp", "no-such-service",
};

static void same(const char *node, const char *service, const struct addrinfo *h)
{
	struct addrinfo *ours = NULL, *theirs = NULL;
	char a[4096], b[4096];
	int ra = ioth_getaddrinfo(s, node, service, h, &ours);
	int rb = getaddrinfo(node, service, h, &theirs);

	write_list(ours, a, sizeof(a));
	write_list(theirs, b, sizeof(b));
	if (ra != rb || strcmp(a, b) != 0)
		fail_msg("node %s service %s flags %d family %d type %d protocol %d:\n"
			 "ours %d: %s\nlibc %d: %s", node, service, h ? h->ai_flags : -1,
			 h ? h->ai_family : 0, h ? h->ai_socktype : 0, h ? h->ai_protocol : 0,
			 ra, a, rb, b);
	ioth_freeaddrinfo(ours);
	if (theirs)
		freeaddrinfo(theirs);
}

static void what_needs_no_server_is_as_in_libc(void **state)
{
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX };
	static const int types[] = { 0, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, 77 };
	static const int protocols[] = { 0, IPPROTO_TCP, IPPROTO_UDP };
	static const int flags[] = { 0, AI_PASSIVE, AI_NUMERICSERV, AI_V4MAPPED, AI_CANONNAME, 1 << 20 };

	for (unsigned n = 0; n < ARRAY_LEN(nodes); n++)
	for (unsigned v = 0; v < ARRAY_LEN(services); v++)
	for (unsigned f = 0; f < ARRAY_LEN(families); f++)
	for (unsigned t = 0; t < ARRAY_LEN(types); t++)
	for (unsigned p = 0; p < ARRAY_LEN(protocols); p++)
	for (unsigned g = 0; g < ARRAY_LEN(flags); g++) {
		struct addrinfo h = { .ai_flags = flags[g] | AI_NUMERICHOST,
			.ai_family = families[f], .ai_socktype = types[t],
			.ai_protocol = protocols[p] };

		same(nodes[n], services[v], &h);
	}
	same("127.0.0.1", "80", NULL);
	same(NULL, NULL, NULL);
}

/* --- addresses --- */

struct named {
	int	calls, status;
	char	host[300], serv[40];
};

static void named(void *arg, int status, const char *host, const char *serv)
{
	struct named *n = arg;

	n->calls++;
	n->status = status;
	snprintf(n->host, sizeof(n->host), "%s", host ? host : "");
	snprintf(n->serv, sizeof(n->serv), "%s", serv ? serv : "");
}

static struct named name_of(const char *addr, int port, int flags)
{
	struct ioth_resolver *r = ioth_resolver_new(s, CONF);
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct named n = { 0 };

	inet_pton(AF_INET, addr, &sin.sin_addr);
	ioth_resolve_name(r, (struct sockaddr *)&sin, sizeof(sin), flags, named, &n);
	work(r, &n.calls, 1);
	ioth_resolver_free(r);
	return n;
}

static void names_of_addresses(void **state)
{
	struct named n = name_of("10.0.0.3", 80, 0);

	assert_int_equal(n.status, 0);
	assert_string_equal(n.host, "web.test");
	assert_string_equal(n.serv, "http");
	assert_string_equal(name_of("10.0.0.3", 69, NI_DGRAM).serv, "tftp");
	assert_string_equal(name_of("10.0.0.3", 69, NI_NUMERICSERV).serv, "69");
	assert_string_equal(name_of("10.0.0.3", 80, NI_NOFQDN).host, "web");
	assert_string_equal(name_of("10.0.0.3", 80, NI_NUMERICHOST).host, "10.0.0.3");
	assert_string_equal(name_of("10.0.0.4", 80, 0).host, "10.0.0.4");
	assert_int_equal(name_of("10.0.0.4", 80, NI_NAMEREQD).status, EAI_NONAME);
	assert_int_equal(name_of("10.0.0.4", 80, 1 << 20).status, EAI_BADFLAGS);
}

/* What a log or a shell would take for something else. */
static void names_that_hosts_cannot_have(void **state)
{
	unsigned asked = dns.asked[0];
	struct told t;

	assert_string_equal(name_of("10.0.0.11", 80, 0).host, "10.0.0.11");
	assert_string_equal(name_of("10.0.0.12", 80, 0).host, "10.0.0.12");
	assert_int_equal(name_of("10.0.0.11", 80, NI_NAMEREQD).status, EAI_NONAME);
	assert_true(dns.asked[0] > asked);
	t = ask(CONF, "odd.test", AF_INET, AI_CANONNAME);
	assert_int_equal(t.status, 0);
	assert_string_equal(t.text, "10.0.0.9");
	assert_string_equal(t.canon, "odd.test");

	/* no server is asked for what is no name */
	asked = dns.asked[0];
	fails(EAI_NONAME, CONF, "fe80::1%eth9", AF_UNSPEC, 0);
	fails(EAI_NONAME, CONF, "we b.test", AF_UNSPEC, 0);
	fails(EAI_NONAME, CONF, "[::1]", AF_UNSPEC, 0);
	assert_int_equal(dns.asked[0], asked);
}

/* Scope 1 is lo, here and on the machine. */
static void numbers_are_as_in_libc(void **state)
{
	static const char *const addrs[] = { "fe80::1", "ff02::1", "2001:db8::1", "::1", "::",
		"::ffff:10.0.0.1", "::10.0.0.1" };

	for (unsigned i = 0; i < ARRAY_LEN(addrs) * 2; i++) {
		struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_scope_id = i & 1 };
		char ours[80], libc[80];

		inet_pton(AF_INET6, addrs[i / 2], &sin6.sin6_addr);
		assert_int_equal(ioth_getnameinfo(s, (struct sockaddr *)&sin6, sizeof(sin6), ours,
						  sizeof(ours), NULL, 0, NI_NUMERICHOST), 0);
		assert_int_equal(getnameinfo((struct sockaddr *)&sin6, sizeof(sin6), libc,
					     sizeof(libc), NULL, 0, NI_NUMERICHOST), 0);
		assert_string_equal(ours, libc);
	}
}

static void who_wants_no_host_asks_nobody(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(80) };
	unsigned asked = dns.asked[0];
	char serv[40];

	assert_int_equal(ioth_getnameinfo(s, (struct sockaddr *)&sin, sizeof(sin), NULL, 0, serv,
					  sizeof(serv), NI_NAMEREQD), 0);
	assert_string_equal(serv, "http");
	assert_int_equal(dns.asked[0], asked);
}

static void zones_are_the_stack_s(void **state)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_scope_id = 2 };
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *res;
	char host[80], serv[8];

	inet_pton(AF_INET6, "fe80::1", &sin6.sin6_addr);
	assert_int_equal(ioth_getnameinfo(s, (struct sockaddr *)&sin6, sizeof(sin6), host, sizeof(host),
					  serv, sizeof(serv), NI_NUMERICHOST), 0);
	assert_string_equal(host, "fe80::1%eth0");
	assert_string_equal(serv, "0");
	assert_int_equal(ioth_getaddrinfo(s, host, "80", &hints, &res), 0);
	assert_int_equal(((struct sockaddr_in6 *)res->ai_addr)->sin6_scope_id, 2);
	ioth_freeaddrinfo(res);
	assert_int_equal(ioth_getaddrinfo(s, "fe80::1%eth9", "80", &hints, &res), EAI_NONAME);
	assert_int_equal(ioth_getnameinfo(s, (struct sockaddr *)&sin6, sizeof(sin6), host, 5,
					  NULL, 0, NI_NUMERICHOST), EAI_OVERFLOW);
	assert_int_equal(ioth_getnameinfo(s, (struct sockaddr *)&sin6, sizeof(sin6), NULL, 0,
					  NULL, 0, 0), EAI_NONAME);
	assert_int_equal(ioth_getnameinfo(s, (struct sockaddr *)&sin6, 4, host, sizeof(host),
					  NULL, 0, NI_NUMERICHOST), EAI_FAMILY);
	assert_string_equal(ioth_gai_strerror(EAI_FAMILY), gai_strerror(EAI_FAMILY));
}

/* --- many questions at once --- */

static void count(void *arg, int status, struct addrinfo *res)
{
	ioth_freeaddrinfo(res);
	++*(int *)arg;
}

static void questions_that_are_cancelled_are_not_answered(void **state)
{
	struct ioth_resolver *r = ioth_resolver_new(s, CONF);
	struct ioth_query *q[100];
	int calls[2] = { 0, 0 };

	for (int i = 0; i < 100; i++)
		q[i] = ioth_resolve_addr(r, i % 5 ? "web.test" : "10.0.0.1", NULL, NULL, count,
					 &calls[i % 2]);
	for (int i = 1; i < 100; i += 2)
		ioth_query_cancel(q[i]);
	work(r, &calls[0], 50);
	assert_int_equal(calls[0], 50);
	assert_int_equal(calls[1], 0);
	assert_int_equal(ioth_resolver_timeout(r), -1);
	ioth_resolver_free(r);
}

static void a_thousand_at_once(void **state)
{
	struct ioth_resolver *r = ioth_resolver_new(s, CONF);
	struct told t = { 0 };

	for (int i = 0; i < 1000; i++) {
		struct addrinfo hints = { .ai_family = AF_INET };

		ioth_resolve_addr(r, "four.test", NULL, &hints, found, &t);
	}
	work(r, &t.calls, 1000);
	assert_int_equal(t.status, 0);
	ioth_resolver_free(r);
}

static void a_resolver_may_end_before_its_answers(void **state)
{
	struct ioth_resolver *r = ioth_resolver_new(s, "nameserver 10.0.0.77\n");
	int calls = 0;

	ioth_resolve_addr(r, "web.test", NULL, NULL, count, &calls);
	ioth_resolve_addr(r, "10.0.0.1", NULL, NULL, count, &calls);
	assert_int_equal(ioth_resolver_timeout(r), 0);
	ioth_resolver_process(r, NULL, 0);
	assert_int_equal(calls, 1);
	assert_in_range(ioth_resolver_timeout(r), 1, 5001);
	ioth_resolver_free(r);
	assert_int_equal(calls, 1);
}

/* Needs the servers that servers_that_routers_tell left. */
static void *ask_and_wait(void *arg)
{
	static const char *const names[] = { "web", "four", "six", "none" };
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *res;
	int *right = arg;

	for (int i = 0; i < 40; i++) {
		int error = ioth_getaddrinfo(s, names[i % 4], "80", &hints, &res);

		*right += error == (i % 4 == 3 ? EAI_NONAME : 0);
		if (!error)
			ioth_freeaddrinfo(res);
	}
	return NULL;
}

static void any_thread_may_ask(void **state)
{
	int right[4] = { 0 };
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, ask_and_wait, &right[i]);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(right[i], 40);
	}
}

struct chain {
	struct ioth_resolver *r;
	int calls;
};

static void ask_again(void *arg, int status, struct addrinfo *res)
{
	struct chain *c = arg;

	assert_int_equal(status, 0);
	ioth_freeaddrinfo(res);
	if (++c->calls < 5)
		ioth_resolve_addr(c->r, c->calls % 2 ? "127.0.0.1" : "web.test", "80", NULL, ask_again, c);
}

static void an_answer_may_ask_again(void **state)
{
	struct chain c = { ioth_resolver_new(s, CONF), 0 };

	ioth_resolve_addr(c.r, "four.test", "80", NULL, ask_again, &c);
	work(c.r, &c.calls, 5);
	ioth_resolver_free(c.r);
}

struct raw {
	int	calls, status;
	size_t	len;
	uint8_t	answer[600];
};

static void raw_answer(void *arg, int status, const void *answer, size_t len)
{
	struct raw *w = arg;

	w->calls++;
	w->status = status;
	w->len = len;
	if (len)
		memcpy(w->answer, answer, MIN(len, sizeof(w->answer)));
}

static void questions_of_any_type(void **state)
{
	struct ioth_resolver *r = ioth_resolver_new(s, CONF);
	struct raw w = { 0 };

	ioth_resolve_dns(r, "text.test", T_TXT, raw_answer, &w);
	work(r, &w.calls, 1);
	assert_int_equal(w.status, 0);
	assert_true(w.len > 18);
	assert_memory_equal(w.answer + w.len - 6, "\5hello", 6);
	ioth_resolve_dns(r, "none.test", T_TXT, raw_answer, &w);
	work(r, &w.calls, 2);
	assert_int_equal(w.status, EAI_NONAME);
	assert_int_equal(w.answer[3] & 15, 3);
	ioth_resolver_free(r);

	r = ioth_resolver_new(s, "");
	ioth_resolve_dns(r, "text.test", T_TXT, raw_answer, &w);
	work(r, &w.calls, 3);
	assert_int_equal(w.status, EAI_AGAIN);
	assert_int_equal(w.len, 0);
	ioth_resolver_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_in_order),
		cmocka_unit_test(ipv4_in_the_place_of_ipv6),
		cmocka_unit_test(only_what_the_stack_can_use),
		cmocka_unit_test(aliases),
		cmocka_unit_test(the_search_list),
		cmocka_unit_test(names_that_are_not_there),
		cmocka_unit_test(an_answer_too_big_comes_by_tcp),
		cmocka_unit_test(servers),
		cmocka_unit_test(servers_that_routers_tell),
		cmocka_unit_test(servers_that_were_configured),
		cmocka_unit_test(the_hosts_file),
		cmocka_unit_test(a_kernel_stack_s_sockets),
		cmocka_unit_test(the_machine_s_stack_asks_as_the_machine),
		cmocka_unit_test(what_needs_no_server_is_as_in_libc),
		cmocka_unit_test(names_of_addresses),
		cmocka_unit_test(names_that_hosts_cannot_have),
		cmocka_unit_test(numbers_are_as_in_libc),
		cmocka_unit_test(who_wants_no_host_asks_nobody),
		cmocka_unit_test(zones_are_the_stack_s),
		cmocka_unit_test(questions_that_are_cancelled_are_not_answered),
		cmocka_unit_test(a_thousand_at_once),
		cmocka_unit_test(a_resolver_may_end_before_its_answers),
		cmocka_unit_test(any_thread_may_ask),
		cmocka_unit_test(an_answer_may_ask_again),
		cmocka_unit_test(questions_of_any_type),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
