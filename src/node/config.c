/* config.c - configuration of a stack: its interfaces, and what resolvers need
 *
 * config_apply begins what a string asks for; from then on config_run keeps it up,
 * until it is taken back or the stack ends. config_done tells a caller who waits when
 * all is there, or when what is missing will hardly come: servers of DHCPv4 get ten
 * seconds, routers and servers of DHCPv6 four, as a network without IPv6 is no fault.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/grow.h"
#include "base/mem.h"
#include "node/config_in.h"
#include "stack/stack.h"

#define PATIENCE4	(10 * USEC_PER_SEC)
#define PATIENCE6	(4 * USEC_PER_SEC)	/* RFC 4861 10: RTR_SOLICITATION_INTERVAL */
#define SERVERS		16

static struct conf_if *of(struct list *l)
{
	return container_of(l, struct conf_if, link);
}

struct config *config_new(const struct config_ops *ops, void *ctx)
{
	struct config *c = xzalloc(sizeof(*c));

	c->ops = ops;
	c->ctx = ctx;
	list_init(&c->ifs);
	rng_seed_system(&c->rng);
	return c;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	list_for_safe(l, &c->ifs)
		if_end(of(l), c->asked);
	free(c);
}

void config_forget(struct config *c)
{
	list_for_safe(l, &c->ifs)
		if_forget(of(l));
	free(c);
}

static struct conf_if *if_of(struct config *c, unsigned ifindex)
{
	struct conf_if *i;

	list_for(l, &c->ifs) {
		if (of(l)->ifindex == ifindex)
			return of(l);
	}
	i = xzalloc(sizeof(*i));
	i->c = c;
	i->ifindex = ifindex;
	i->at = i->probe_at = NEVER;
	list_add_tail(&c->ifs, &i->link);
	return i;
}

unsigned config_find(struct config *c, const struct words_if *i)
{
	return i->ifindex ? i->ifindex : c->ops->find(c->ctx, i->iface);
}

int config_apply(struct config *c, const struct words *w, unsigned *mask, usec now)
{
	*mask = 0;
	c->asked = now;
	c->patience[0] = w->timeout < 0 ? PATIENCE4 : w->timeout;
	c->patience[1] = w->timeout < 0 ? PATIENCE6 : w->timeout;
	for (unsigned k = 0; k < w->n_if; k++) {
		const struct words_if *wi = &w->ifs[k];
		unsigned index = config_find(c, wi);
		int e;

		c->debug = c->debug || wi->want & CONFIG_DEBUG;
		e = index ? if_apply(if_of(c, index), wi, now) : -ENODEV;
		if (e < 0)
			return e;
		*mask |= wi->want;
	}
	return 0;
}

void config_run(struct config *c, usec now)
{
	list_for_safe(l, &c->ifs) {
		if (if_gone(of(l)))
			if_end(of(l), now);
		else
			if_run(of(l), now);
	}
	c->ops->ran(c->ctx);
}

usec config_deadline(const struct config *c)
{
	usec at = NEVER;

	list_for(l, &c->ifs)
		at = MIN(at, of(l)->at);
	return at;
}

unsigned config_got(const struct config *c)
{
	unsigned got = CONFIG_TOLD, any = 0;

	list_for(l, &c->ifs) {
		got &= if_got(of(l)) | ~of(l)->want;
		any |= of(l)->want;
	}
	return got & any;
}

/* A router was heard and says nothing of DHCP: no need to wait for it. */
static bool no_dhcp6(const struct conf_if *i)
{
	struct conf_link link;

	return i->want & CONFIG_RD && i->c->ops->link(i->c->ctx, i->ifindex, &link) == 0 &&
	       (link.ra_flags & (RA_HEARD | RA_MANAGED | RA_OTHER)) == RA_HEARD;
}

bool config_done(const struct config *c, usec now)
{
	unsigned missing = 0;

	list_for(l, &c->ifs) {
		unsigned m = of(l)->want & CONFIG_LEARNT & ~if_got(of(l));

		missing |= no_dhcp6(of(l)) ? m & ~(unsigned)CONFIG_DHCP6 : m;
	}
	if (now >= c->asked + c->patience[0])
		missing &= ~(unsigned)CONFIG_DHCP4;
	if (now >= c->asked + c->patience[1])
		missing &= CONFIG_DHCP4;
	return !missing;
}

usec config_patience(const struct config *c, usec now)
{
	usec first = MIN(c->patience[0], c->patience[1]);
	usec last = MAX(c->patience[0], c->patience[1]);

	return c->asked + (now < c->asked + first ? first : last);
}

/* --- resolvers --- */

struct found {
	unsigned	n;
	struct endpoint	server[SERVERS];
	char		names[4096];
	struct text	domains;	/* a blank before each */
};

static void add_server_at(struct found *f, const struct endpoint *ep)
{
	for (unsigned k = 0; k < f->n; k++) {
		if (ip_eq(&f->server[k].addr, &ep->addr))
			return;
	}
	if (f->n < SERVERS)
		f->server[f->n++] = *ep;
}

static void add_server(struct found *f, const struct ip_addr *a)
{
	add_server_at(f, &(struct endpoint){ .addr = *a });
}

static void add_domains(struct found *f, const char *names)
{
	if (*names)
		text_add(&f->domains, " %s", names);
}

static void find_static(struct found *f, const struct conf_if *i)
{
	for (unsigned k = 0; k < i->n_set; k++) {
		if (i->set[k].kind == WORDS_DNS)
			add_server(f, &i->set[k].addr);
		else if (i->set[k].kind == WORDS_DOMAIN)
			add_domains(f, i->set[k].domain);
	}
}

static void find_leases(struct found *f, const struct conf_if *i)
{
	const struct dhcp4_msg *m4 = i->lease4.there ? &i->d4->lease : NULL;
	const struct dhcp6_msg *m6 = i->d6 && (i->there6 || i->d6->state == DHCP6_INFORMED) ?
				     &i->d6->lease : NULL;

	for (unsigned k = 0; m4 && k < m4->dns.n; k++)
		add_server(f, &m4->dns.a[k]);
	for (unsigned k = 0; m6 && k < m6->n_dns; k++)
		add_server(f, &m6->dns[k]);
	if (m4)
		add_domains(f, m4->search[0] ? m4->search : m4->domain);
	if (m6)
		add_domains(f, m6->search);
}

static void find_told(struct found *f, const struct conf_if *i)
{
	struct endpoint told[SERVERS];
	unsigned n = i->c->ops->told(i->c->ctx, i->ifindex, told, SERVERS, &f->domains);

	for (unsigned k = 0; k < n; k++)
		add_server_at(f, &told[k]);
}

static void find_all(struct config *c, unsigned ifindex, struct found *f)
{
	static void (*const find[])(struct found *, const struct conf_if *) = {
		find_static, find_leases, find_told,
	};

	f->n = 0;
	f->domains = text_of(f->names, sizeof(f->names));
	for (size_t k = 0; k < ARRAY_LEN(find); k++) {
		list_for(l, &c->ifs) {
			if (!ifindex || of(l)->ifindex == ifindex)
				find[k](f, of(l));
		}
	}
}

char *config_resolv(struct config *c, unsigned ifindex)
{
	struct grow out = { NULL, 0, 0 };
	char text[EP_STRLEN];
	struct found f;

	find_all(c, ifindex, &f);
	if (f.domains.len)
		grow_add(&out, "search%s\n", f.names);
	for (unsigned k = 0; k < f.n; k++) {
		grow_add(&out, "nameserver %s", ip_text(&f.server[k].addr, text));
		if (f.server[k].ifindex)
			grow_add(&out, "%%%u", f.server[k].ifindex);
		grow_add(&out, "\n");
	}
	grow_put(&out, "", 1);
	return out.s;
}

char *config_resolv_new(struct config *c, unsigned ifindex, char **last)
{
	char *text = config_resolv(c, ifindex);

	if (*last && strcmp(*last, text) == 0) {
		free(text);
		return NULL;
	}
	free(*last);
	*last = xstrdup(text);
	return text;
}

unsigned config_servers(struct config *c, struct ip_addr *out, unsigned max)
{
	struct found f;
	unsigned n = 0;

	find_all(c, 0, &f);
	for (unsigned k = 0; k < f.n && n < max; k++) {
		if (!f.server[k].ifindex)
			out[n++] = f.server[k].addr;
	}
	return n;
}
