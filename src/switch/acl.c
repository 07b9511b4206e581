/* acl.c - who may sit at a port
 *
 * A port may be for a user, a group, or both: either suffices. Root may sit anywhere,
 * as with vde_switch. The kernel tells who the client is, and its groups when
 * it connected; no name is looked up.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "switch/client.h"

#define GROUPS_MAX	65536

static bool in_peer_groups(int fd, gid_t group)
{
	socklen_t size = GROUPS_MAX * sizeof(gid_t);
	gid_t *list = xmalloc(size);
	bool found = false;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &size) == 0) {
		for (size_t i = 0; i < size / sizeof(gid_t) && !found; i++)
			found = list[i] == group;
	}
	free(list);
	return found;
}

static bool in_group(const struct client *c, gid_t group)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(c->ctl.fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	return cred.gid == group || in_peer_groups(c->ctl.fd, group);
}

bool port_admits(const struct client *c, const struct port *p)
{
	if (p->user == (uid_t)-1 && p->group == (gid_t)-1)
		return true;
	if (c->uid == 0 || (p->user != (uid_t)-1 && c->uid == p->user))
		return true;
	return p->group != (gid_t)-1 && in_group(c, p->group);
}
