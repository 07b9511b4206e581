/* plugin.c - kinds of stack from shared objects (ioth_plugin.h)
 *
 * ioth_NAME-r.so is loaded once, however many stacks it serves. ioth_NAME.so knows
 * one stack only: it is loaded for each, in a linker namespace of its own with
 * all its libraries (glibc has room for about a dozen). There it has an errno of
 * its own as well, which is copied when a call fails.
 *
 * They are looked for in ~/.ioth, beside this library and where libraries are
 * installed.
 */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/derive.h"

struct plugin {
	void	*dl;
	struct ioth_functions f;
};

/* --- its file --- */

/* DIR/ioth_NAME-r.so or DIR/ioth_NAME.so; the caller's, or NULL. */
static char *file_in(const char *dir, const char *name, bool *many)
{
	for (int i = 0; i < 2; i++) {
		char *path = xasprintf("%s/ioth_%s%s.so", dir, name, i ? "" : "-r");

		*many = i == 0;
		if (access(path, R_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* In the directory ioth beside the object that has the function. */
static char *file_beside(void *function, const char *name, bool *many)
{
	char *dir, *path, *slash;
	Dl_info info;

	if (!dladdr(function, &info) || !info.dli_fname)
		return NULL;
	dir = xstrdup(info.dli_fname);
	slash = strrchr(dir, '/');
	*(slash ? slash : dir) = 0;
	path = xasprintf("%s/ioth", dir);
	free(dir);
	dir = file_in(path, name, many);
	free(path);
	return dir;
}

static char *file_at_home(const char *name, bool *many)
{
	const char *home = getenv("HOME");
	char *dir, *path;

	if (!home)
		return NULL;
	dir = xasprintf("%s/.ioth", home);
	path = file_in(dir, name, many);
	free(dir);
	return path;
}

static char *file_of(const char *name, bool *many)
{
	char *path = file_at_home(name, many);

	if (!path)
		path = file_beside((void *)ioth_newstackv, name, many);
	if (!path)
		path = file_in("/usr/local/lib/ioth", name, many);
	if (!path)
		path = file_beside(dlsym(RTLD_DEFAULT, "printf"), name, many);	/* libc's */
	return path ? path : file_in("/usr/lib/ioth", name, many);
}

/* A part of a file's name, and of a symbol's. */
static bool good_name(const char *name)
{
	for (const char *c = name; *c; c++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *c))
			return false;
	}
	return *name;
}

bool plugin_exists(const char *name)
{
	bool many;
	char *path = good_name(name) ? file_of(name, &many) : NULL;
	bool found = path;

	free(path);
	return found;
}

/* --- licences --- */

static const char *declared = "";

void ioth_set_license(const char *spdx)
{
	declared = spdx ? spdx : "";
}

static bool is_one_of(const char *what, const char *const v[])
{
	for (; *v; v++) {
		if (strcmp(what, *v) == 0)
			return true;
	}
	return false;
}

static const char *bare(const char *spdx)
{
	static const char tag[] = "SPDX-License-Identifier:";

	if (strncmp(spdx, tag, strlen(tag)) == 0)
		spdx += strlen(tag);
	return spdx + strspn(spdx, " ");
}

/* libioth's rules. */
bool plugin_license_fits(const char *plugin, const char *program)
{
	static const char *const gpl2[] = {
		"GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later",
		"GPL-2.0-only OR GPL-3.0-only", NULL,
	};
	static const char *const gpl3[] = {
		"GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later",
		"GPL-2.0-only OR GPL-3.0-only", NULL,
	};

	plugin = bare(plugin);
	program = bare(program);
	if (strncmp(plugin, "LGPL-", 5) == 0 || strcmp(plugin, program) == 0)
		return true;
	if (strcmp(plugin, "GPL-3.0-or-later") == 0)
		return is_one_of(program, gpl3);
	return (strcmp(plugin, "GPL-2.0-or-later") == 0 ||
		strcmp(plugin, "GPL-2.0-only OR GPL-3.0-only") == 0) && is_one_of(program, gpl2);
}

/* --- its functions --- */

static void *symbol(void *dl, const char *plugin, const char *function)
{
	char *name = xasprintf("ioth_%s_%s", plugin, function);
	void *p = dlsym(dl, name);

	free(name);
	return p;
}

static bool may_load(void *dl, const char *name)
{
	const char *const *license = symbol(dl, name, "license");

	if (!license || !*license || plugin_license_fits(*license, declared))
		return true;
	err("plugin %s is under %s, the program under %s; see ioth_set_license", name,
	    bare(*license), *declared ? bare(declared) : "a licence it has not told");
	return false;
}

static void *getstackdata(void)
{
	return kind_current ? kind_current->data : NULL;
}

static const char *const names[] = {
	"getstackdata", "newstack", "delstack", "socket", "close", "bind", "connect",
	"listen", "accept", "getsockname", "getpeername", "setsockopt", "getsockopt",
	"shutdown", "ioctl", "fcntl", "read", "readv", "recv", "recvfrom", "recvmsg",
	"write", "writev", "send", "sendto", "sendmsg",
};
static_assert(sizeof(struct ioth_functions) == ARRAY_LEN(names) * sizeof(void *), "in order");

static void find_functions(struct plugin *p, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		void *function = symbol(p->dl, name, names[i]);

		memcpy((char *)&p->f + i * sizeof(function), &function, sizeof(function));
	}
	p->f.getstackdata = getstackdata;
}

/* --- the kind --- */

static void *load(const char *path, bool many)
{
	void *dl = many ? dlopen(path, RTLD_NOW | RTLD_LOCAL) :
			  dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL);

	if (!dl)
		err("%s", dlerror());
	return dl;
}

static int loaded(struct ioth *s, struct plugin *p, const char *locators[], const char *options)
{
	const char *none[] = { NULL };
	struct ioth *outer = kind_current;

	if (!may_load(p->dl, s->name))
		return -EPERM;
	find_functions(p, s->name);
	if (!p->f.newstack)
		return -ENOTSUP;
	kind_current = s;
	errno = 0;
	s->data = p->f.newstack(locators ? locators : none, options, &p->f);
	kind_current = outer;
	if (!s->data)
		return -(kind_errno(s) ? kind_errno(s) : EINVAL);
	derive(&p->f);
	return 0;
}

static int plugin_open(struct ioth *s, const char *locators[], const char *options)
{
	bool many = true;
	char *path = good_name(s->name) ? file_of(s->name, &many) : NULL;
	struct plugin *p;
	int ret;

	if (!path)
		return -ENOTSUP;
	p = xzalloc(sizeof(*p));
	p->dl = load(path, many);
	free(path);
	if (p->dl && !many)
		s->errno_at = (int *(*)(void))dlsym(p->dl, "__errno_location");
	ret = p->dl ? loaded(s, p, locators, options) : -ENOENT;
	if (ret == 0) {
		s->own = p;
		s->f = &p->f;
		return 0;
	}
	if (p->dl)
		dlclose(p->dl);
	s->errno_at = NULL;
	free(p);
	return ret;
}

static int plugin_close(struct ioth *s)
{
	struct plugin *p = s->own;
	struct ioth *outer = kind_current;
	int ret = 0;

	if (fds_open(s))
		return -EBUSY;
	kind_current = s;
	if (p->f.delstack)
		ret = p->f.delstack(s->data);
	kind_current = outer;
	if (ret < 0)
		return -kind_errno(s);
	s->errno_at = NULL;
	dlclose(p->dl);
	free(p);
	return 0;
}

const struct kind kind_plugin = { .name = "", .open = plugin_open, .close = plugin_close };
