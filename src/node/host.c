/* host.c - kind host: the machine's own stack, by plain system calls
 *
 * It is the stack that is always there (NULL or "" as a kind, the default stack
 * of a process that has set none). It has the machine's interfaces, so no
 * locator can be joined to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/log.h"
#include "node/kind.h"

static int host_open(struct ioth *s, const char *locators[], const char *options)
{
	if (options) {
		err("host,%s: the machine's own stack has no options", options);
		return -EINVAL;
	}
	if (!locators || !locators[0])
		return 0;
	err("%s: the machine's own stack cannot be plugged in anywhere; "
	    "use another kind of stack, like native", locators[0]);
	return -EINVAL;
}

static int host_close(struct ioth *s)
{
	return fds_open(s) ? -EBUSY : 0;
}

/* glibc declares these with a union of all kinds of address. */
static int host_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return bind(fd, addr, len);
}

static int host_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return connect(fd, addr, len);
}

static int host_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return accept(fd, addr, len);
}

static int host_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return accept4(fd, addr, len, flags);
}

static int host_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return getsockname(fd, addr, len);
}

static int host_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return getpeername(fd, addr, len);
}

static ssize_t host_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
			     socklen_t *addrlen)
{
	return recvfrom(fd, buf, len, flags, addr, addrlen);
}

static ssize_t host_sendto(int fd, const void *buf, size_t len, int flags,
			   const struct sockaddr *addr, socklen_t addrlen)
{
	return sendto(fd, buf, len, flags, addr, addrlen);
}

const struct kind kind_host = {
	.name = "host", .open = host_open, .close = host_close,
	.f = {
		.socket = socket, .close = close, .bind = host_bind, .connect = host_connect,
		.listen = listen, .accept = host_accept, .getsockname = host_getsockname,
		.getpeername = host_getpeername, .setsockopt = setsockopt,
		.getsockopt = getsockopt, .shutdown = shutdown, .ioctl = ioctl,
		.fcntl = fcntl, .read = read, .readv = readv, .recv = recv,
		.recvfrom = host_recvfrom, .recvmsg = recvmsg, .write = write,
		.writev = writev, .send = send, .sendto = host_sendto, .sendmsg = sendmsg,
	},
	.more = {
		.accept4 = host_accept4, .resolvconf = resolve_machine_conf, .recvmmsg = recvmmsg, .sendmmsg = sendmmsg,
		.sendfile = sendfile, .splice = splice,
	},
};
