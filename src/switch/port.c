/* port.c - ports: who sits there, and what goes out to them
 *
 * in:   port_run -> shm_read_on, data_in: those of whom nothing tells
 * out:  core -> port_out -> shm_out, held_out, data_out -> port_flush -> theirs
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "switch/mgmt.h"
#include "switch/rules.h"

void port_init(struct sw *sw)
{
	data_init(sw);
	sw->port = xzalloc(sw->core.n_ports * sizeof(sw->port[0]));
	for (uint32_t i = 0; i < sw->core.n_ports; i++) {
		list_init(&sw->port[i].clients);
		sw->port[i].user = (uid_t)-1;
		sw->port[i].group = (gid_t)-1;
	}
}

void port_fini(struct sw *sw)
{
	for (uint32_t i = 0; i < sw->core.n_ports; i++) {
		struct list *clients = &sw->port[i].clients;

		while (!list_empty(clients))
			client_free(list_first(clients, struct client, link));
	}
	free(sw->port);
	data_fini(sw);
}

void port_out(void *ctx, uint32_t port, const struct frame *f)
{
	struct sw *sw = ctx;

	sw->outs++;
	sw->floods += sw->core.whom == CORE_MANY;
	list_for(l, &sw->port[port].clients) {
		struct client *c = container_of(l, struct client, link);

		if (c->held)
			held_out(c, f);
		else if (c->plug)
			shm_out(c, f);
		else
			data_out(c, f);
	}
}

void port_flush(struct sw *sw)
{
	struct list *l;

	while ((l = list_pop(&sw->dirty))) {
		struct client *c = container_of(l, struct client, dirty);

		if (c->held ? held_flush(c) : c->plug ? shm_flush(c) : data_flush(c))
			hold_room(c);
	}
}

/* Those that are there now: what is left of them afterwards is of the next time. When nothing
 * came of streams others may have our processor: who writes the rest of one, perhaps. */
void port_run(struct sw *sw)
{
	struct list now = LIST_INIT(now);
	bool dry = !list_empty(&sw->more);

	list_splice_tail(&now, &sw->more);
	while (!list_empty(&now)) {
		struct client *c = list_first(&now, struct client, more);

		if (!c->plug) {
			dry &= !data_in(c);
			continue;
		}
		shm_read_on(c);
		dry = false;
	}
	if (dry)
		data_yield(sw);
}

/* --- joining and leaving --- */

static bool is_free(const struct sw *sw, uint32_t port)
{
	return list_empty(&sw->port[port].clients);
}

static const char *choose_that(struct client *c, uint32_t port)
{
	const struct sw *sw = c->sw;

	c->port = port;
	if (port >= sw->conf.n_ports)
		return "there is no port of that number (see port/setnumports)";
	if (!port_admits(c, &sw->port[port]))
		return "the port is for another user or group (see port/setuser)";
	if (!is_free(sw, port) && sw->port[port].uid != c->uid)
		return "the port is taken by another user";
	return NULL;
}

static bool is_for(const struct client *c, const struct port *p)
{
	return list_empty(&p->clients) && !p->by_number && port_admits(c, p);
}

const char *port_choose(struct client *c, uint32_t port, bool port0)
{
	struct sw *sw = c->sw;

	if (port || port0)
		return choose_that(c, port);
	for (port = sw->taken + 1; port < sw->conf.n_ports && !is_free(sw, port); port++)
		sw->taken = port;
	while (port < sw->conf.n_ports && !is_for(c, &sw->port[port]))
		port++;
	c->port = port;
	return port < sw->conf.n_ports ? NULL : "no port is free (see ioth switch -n)";
}

void port_seat(struct client *c, const char *descr)
{
	struct sw *sw = c->sw;

	if (is_free(sw, c->port)) {
		core_port_up(&sw->core, c->port);
		event_tell(sw, EVENT_PORT_ADD, "%02u", c->port);
	} else {
		sw->core.changes++;
	}
	sw->port[c->port].exists = true;
	sw->port[c->port].uid = c->uid;
	c->id = ++sw->last_id;
	event_tell(sw, EVENT_END_ADD, "Port %02u FD %2u", c->port, c->id);
	list_add_tail(&sw->port[c->port].clients, &c->link);
	snprintf(c->descr, sizeof(c->descr), "%s", descr);
	text_plain(c->descr);
	c->up = true;
	event_tell(sw, EVENT_DESCR, "Port %02u FD %2u -> \"%s\"", c->port, c->id, c->descr);
}

void port_leave(struct client *c)
{
	event_tell(c->sw, EVENT_END_DEL, "Port %02u FD %2u", c->port, c->id);
	list_del(&c->link);
	list_del(&c->dirty);
	hold_leave(c);
	if (c->held) {
		held_leave(c);
	} else if (c->plug) {
		intro_leave(c);
		shm_leave(c);
	} else {
		data_leave(c);
		vde_leave(c);
	}
	if (!is_free(c->sw, c->port))
		return;
	event_tell(c->sw, EVENT_PORT_DEL, "%02u", c->port);
	core_port_down(&c->sw->core, c->port);
	if (!c->sw->port[c->port].by_number)	/* the next one there is another's */
		rules_end_mirrors(&c->sw->core, c->port);
	if (c->port && c->port <= c->sw->taken)
		c->sw->taken = c->port - 1;
}
