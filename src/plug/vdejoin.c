/* vdejoin.c - joins a VDE switch: the client's half of the ctl protocol
 *
 * The path of the data socket is shown to the switch only for the handshake
 * and unlinked as soon as both sides are connected. Where the switch runs as
 * another ordinary user it must be let in: by its group if that is allowed to
 * us, else by everybody (what libvdeplug does, so that the same set-ups work).
 *
 * vde_switch gives no reason when it refuses: it closes the stream, or says
 * nothing at all (2.3.2, a port out of range). Hence the time limit, and the
 * messages that name what can be checked.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sockfile.h"
#include "base/text.h"
#include "plug/shm.h"
#include "plug/vde.h"
#include "plug/vdectl.h"

#define ANSWER_SECONDS	5
#define TRIES		1000		/* names of data sockets in one directory */
#define MODE_DEFAULT	0700

struct join {
	const char	*addr;		/* as the user wrote it */
	char		dir[PATH_MAX];
	bool		port0;
	uint32_t	port;
	const char	*portgroup;
	const char	*group;
	gid_t		gid;
	mode_t		mode;
	uint32_t	mtu;
	bool		classic;	/* no shared memory */
	bool		alone;		/* no introductions */
	int		ctl, data;
	gid_t		switch_gid;	/* of the ctl socket */
	uid_t		switch_uid;
	struct sockaddr_un own;		/* empty path: nothing to unlink */
	char		*why;
};

static const char *set_port(void *conf, const char *value)
{
	struct join *j = conf;
	uint64_t n;

	if (!num_parse(value, 0, 0xffffff, &n))
		return "not a port number";
	j->port = (uint32_t)n;
	return NULL;
}

/* A port group that is a number is a port; 0 asks for the port of managers. */
static const char *set_portgroup(void *conf, const char *value)
{
	struct join *j = conf;
	uint64_t n;

	if (strchr(value, '/') || !*value)
		return "not a name";
	if (num_parse(value, 0, 0xffffff, &n)) {
		j->port = (uint32_t)n;
		j->port0 = n == 0;
	} else {
		j->portgroup = value;
	}
	return NULL;
}

static const char *set_group(void *conf, const char *value)
{
	struct join *j = conf;
	struct group *gr = getgrnam(value);
	uint64_t n;

	if (gr)
		j->gid = gr->gr_gid;
	else if (num_parse(value, 0, UINT32_MAX - 1, &n))
		j->gid = (gid_t)n;
	else
		return "no such group";
	j->group = value;
	return NULL;
}

/* Programs that pass 0 mean "the default": taken literally nobody gets in. */
static const char *set_mode(void *conf, const char *value)
{
	struct join *j = conf;
	char *end;
	unsigned long m = strtoul(value, &end, 8);

	if (*end || !*value || m > 0777)
		return "not an octal mode";
	j->mode = m ? (mode_t)m : MODE_DEFAULT;
	return NULL;
}

static const char *set_mtu(void *conf, const char *value)
{
	struct join *j = conf;
	uint64_t n;

	if (!num_parse(value, 576, VDE_FRAME_MAX - VDE_FRAME_OVERHEAD, &n))
		return "not an MTU from 576 to 9216";
	j->mtu = (uint32_t)n;
	return NULL;
}

static const char *set_classic(void *conf, const char *value)
{
	((struct join *)conf)->classic = true;
	return *value && strcmp(value, "1") != 0 ? "takes no value" : NULL;
}

static const char *set_alone(void *conf, const char *value)
{
	((struct join *)conf)->alone = true;
	return *value && strcmp(value, "1") != 0 ? "takes no value" : NULL;
}

static const struct locator_opt options[] = {
	{ "classic",	set_classic },
	{ "alone",	set_alone },
	{ "#",		set_port },
	{ "port",	set_port },
	{ "portgroup",	set_portgroup },
	{ "group",	set_group },
	{ "mode",	set_mode },
	{ "mtu",	set_mtu },
	{ NULL,		NULL },
};

static bool no_switch(struct join *j, int e)
{
	switch (e) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		j->why = xasprintf("no such switch: %s (start one: ioth switch -d %s)",
				   j->addr, j->addr);
		break;
	case EACCES:
	case EPERM:
		j->why = xasprintf("no permission for the switch %s (its owner can give it: "
				   "ioth switch -m 0660 -g GROUP ...)", j->addr);
		break;
	case EAGAIN:
		j->why = xasprintf("the switch %s does not answer (waited %d s)%s", j->addr,
				   ANSWER_SECONDS, j->port ? "; has it such a port?" : "");
		break;
	default:
		j->why = xasprintf("switch %s: %s", j->addr, strerror(e));
	}
	return false;
}

/* False if the path does not fit. */
static bool sun_set(struct sockaddr_un *sun, const char *dir, const char *name)
{
	size_t n;

	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = (size_t)snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/%s", dir, name);
	return n < sizeof(sun->sun_path);
}

static bool connect_ctl(struct join *j, const char *name)
{
	struct timeval tv = { ANSWER_SECONDS, 0 };
	struct sockaddr_un sun;
	struct stat st;

	if (!sun_set(&sun, j->dir, name)) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (stat(sun.sun_path, &st) < 0)
		return false;
	j->switch_uid = st.st_uid;
	j->switch_gid = st.st_gid;
	j->ctl = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (j->ctl < 0)
		return false;
	setsockopt(j->ctl, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(j->ctl, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(j->ctl, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return true;
	close(j->ctl);
	j->ctl = -1;
	return false;
}

/* vdeplug4's nodes have a socket for each port group; others know only ctl. */
static bool find_switch(struct join *j)
{
	if (!realpath(j->addr, j->dir))
		return no_switch(j, errno);
	if (j->portgroup && connect_ctl(j, j->portgroup))
		return true;
	if (connect_ctl(j, "ctl"))
		return true;
	return no_switch(j, errno);
}

static bool bind_in(struct join *j, const char *dir, const char *prefix)
{
	char name[64];

	for (int seq = 0; seq < TRIES; seq++) {
		snprintf(name, sizeof(name), "%s.%05d-%05d", prefix, (int)getpid(), seq);
		if (!sun_set(&j->own, dir, name))
			break;
		errno = sockfile_bind(j->data, &j->own);
		if (!errno)
			return true;
		if (errno != EADDRINUSE)
			break;
	}
	j->own.sun_path[0] = 0;
	return false;
}

/* Who may write to our data socket: the switch must. */
static void let_in(struct join *j)
{
	const char *path = j->own.sun_path;
	const uid_t keep = (uid_t)-1;
	int rc;

	if (j->group) {
		rc = sockfile_give(path, j->mode, keep, j->gid);
		if (rc)
			j->why = xasprintf("cannot give the data socket to group %s: %s",
					   j->group, strerror(rc));
		return;
	}
	if (j->mode & 077 || j->switch_uid == 0 || j->switch_uid == geteuid())
		rc = sockfile_give(path, j->mode, keep, (gid_t)-1);
	else if ((rc = sockfile_give(path, j->mode | 070, keep, j->switch_gid)) != 0)
		rc = sockfile_give(path, j->mode | 077, keep, (gid_t)-1);
	if (rc)
		j->why = xasprintf("%s: %s", path, strerror(rc));
}

static bool bind_data(struct join *j)
{
	static const char *const elsewhere[] = { "/var/run", "/var/tmp", "/tmp" };
	bool ok;

	j->data = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (j->data < 0) {
		j->why = xasprintf("no socket for %s: %s", j->addr, strerror(errno));
		return false;
	}
	ok = bind_in(j, j->dir, "");
	for (size_t i = 0; !ok && i < ARRAY_LEN(elsewhere); i++)
		ok = bind_in(j, elsewhere[i], "vde");
	if (!ok) {
		j->why = xasprintf("no place for a data socket: %s: %s", j->addr,
				   strerror(errno));
		return false;
	}
	let_in(j);
	return !j->why;
}

static bool ask(struct join *j, const char *descr)
{
	struct vde_request rq = { .port0 = j->port0, .port = j->port, .data = j->own };
	uint8_t buf[VDE_REQUEST_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	snprintf(rq.descr, sizeof(rq.descr), "%s", descr);
	vde_request_emit(&w, &rq);
	if (send(j->ctl, buf, wr_len(&w), MSG_NOSIGNAL) == (ssize_t)wr_len(&w))
		return true;
	return no_switch(j, errno);
}

static bool refused(struct join *j)
{
	j->why = xasprintf("the switch %s refused (port of or for another user, out of range, "
			   "or no port free: see ioth switch -n)", j->addr);
	return false;
}

static bool take_answer(struct join *j, struct sockaddr_un *peer)
{
	size_t got = 0;
	ssize_t n;

	while (got < sizeof(*peer)) {
		n = recv(j->ctl, (char *)peer + got, sizeof(*peer) - got, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return no_switch(j, EAGAIN);
		if (n <= 0)
			return refused(j);
		got += (size_t)n;
	}
	if (connect(j->data, (struct sockaddr *)peer, sizeof(*peer)) == 0)
		return true;
	j->why = xasprintf("data socket of the switch %s: %s", j->addr, strerror(errno));
	return false;
}

static bool join(struct join *j, const char *descr)
{
	struct sockaddr_un peer;
	bool ok = find_switch(j) && bind_data(j) && ask(j, descr) && take_answer(j, &peer);

	if (j->own.sun_path[0])
		unlink(j->own.sun_path);
	if (ok)
		return true;
	if (j->ctl >= 0)
		close(j->ctl);
	if (j->data >= 0)
		close(j->data);
	return false;
}

/* Where vdeplug looks when no switch is named. */
static const char *default_switch(void)
{
	struct stat st;

	return stat("/var/run/vde.ctl/ctl", &st) == 0 ? "/var/run/vde.ctl" : "/tmp/vde.ctl";
}

static void default_descr(char *buf, size_t size)
{
	snprintf(buf, size, "ioth user=%u pid=%d", (unsigned)geteuid(), (int)getpid());
}

/* A switch of ours shares memory with us; what only VDE knows is asked by ctl. */
static struct plug *join_shm(const struct join *j, const char *descr,
			     const struct plug_conf *conf, char **why)
{
	bool outermost = conf && conf->depth == 1;	/* no other plug stands between */
	struct shm_hello hello = {
		.magic = SHM_MAGIC, .port = j->port, .mtu = j->mtu,
		.flags = (j->port0 ? SHM_PORT0 : 0) | (j->alone ? 0 : SHM_MEETS),
	};
	char dir[PATH_MAX];

	if (j->classic || j->portgroup || !realpath(j->addr, dir))
		return NULL;
	memcpy(hello.descr, descr, strnlen(descr, SHM_DESCR_MAX));
	return shm_join(dir, &hello, outermost ? conf->bell : NULL, why);
}

struct plug *vde_open(const struct locator *loc, const struct plug_conf *conf, char **why)
{
	struct join j = {
		.addr = *loc->addr ? loc->addr : default_switch(),
		.mode = MODE_DEFAULT, .mtu = VDE_CLASSIC_MTU, .ctl = -1, .data = -1,
	};
	char own[VDE_DESCR_MAX + 1];
	const char *descr = conf && conf->descr ? conf->descr : own;
	struct plug *p;

	default_descr(own, sizeof(own));
	*why = locator_apply(loc, options, &j);
	if (*why)
		return NULL;
	j.classic |= conf && conf->frames;
	j.alone |= !conf || !conf->introduce;
	p = join_shm(&j, descr, conf, why);
	if (p || *why)
		return p;
	if (join(&j, descr))
		return vde_new(j.data, j.ctl, j.mtu);
	*why = j.why;
	return NULL;
}
