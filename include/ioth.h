/* ioth.h - the Internet of Threads: TCP/IP stacks as a library
 *
 * A stack is a network node inside your process: its own interfaces, addresses,
 * routes and ports, with no privilege. A process may have any number, of any
 * kinds. A socket of a stack is a real file descriptor: poll, select, epoll and
 * passing it to others work on it as they are. All else goes through the functions
 * here, which have the prototypes, results and errno values of POSIX and of
 * Linux's manual pages.
 *
 *	struct ioth *s = ioth_newstack("native", "/tmp/sw");
 *	ioth_ipaddr_add(s, AF_INET, &addr, 24, ioth_if_nametoindex(s, "eth0"));
 *	int fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);
 *	ioth_connect(fd, (struct sockaddr *)&to, sizeof(to));
 *	ioth_write(fd, "hello", 5);
 *	ioth_close(fd);
 *	ioth_delstack(s);
 *
 * The names are those of VirtualSquare's libioth, whose programs compile and run
 * unchanged. All functions may be called from any thread. Where a stack is asked
 * for, NULL is the default stack (ioth_set_defstack).
 */
#ifndef IOTH_H
#define IOTH_H

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ioth_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ioth;
struct mmsghdr;
struct timespec;

/* --- stacks --- */

/* A stack with one interface per locator: a switch's path, vde://PATH,
 * fault://...{...} and so on, as for ioth run --net; none if there are none. The
 * interfaces are eth0, eth1 ..., or what stands before the locator ("lan0:/tmp/sw"),
 * up, with an IPv6 link-local address. locators ends with NULL, or is NULL; it is the
 * caller's.
 *
 * kind: "native", the project's own stack; "native,name=web,tcp_sack=0": its name, which
 *       the switch shows, and its parameters (ioth_sysctl) from the start; "native,plain=0":
 *       the descriptors of its stream sockets are for the calls of this header alone, which
 *       makes a connection twice as cheap. read(2), poll(2) and the like fail on them, and
 *       close(2), dup(2), vfork(2) and who they are passed to do not reach the socket. What
 *       the kernel is needed for here (ioth_fcntl with F_DUPFD, or F_SETFD without
 *       FD_CLOEXEC; ioth_sendfile; ioth_poll with other descriptors; fork) makes each one
 *       that it concerns a descriptor like any other first, at the same number; EMFILE, if
 *       there is none left for it;
 *       "kernel" (or "vdestack"): Linux's own stack in namespaces that only this
 *       process has, made without privilege; its sockets are Linux's. Interfaces are
 *       vde0, vde1 ..., or what stands before the locator: "net0:/tmp/sw". Its helper
 *       processes are no children that wait(2) sees, and end with the process;
 *       "kernel,veth": without /dev/net/tun even where it may be used;
 *       "host", NULL or "": the machine's own, which takes no locators;
 *       another name: a plugin's (ioth_plugin.h), as for libioth: ioth_NAME-r.so or
 *       ioth_NAME.so in ~/.ioth, or in the directory ioth beside this library or
 *       where libraries are installed; its options follow a comma.
 *
 * The caller ends it with ioth_delstack. NULL with errno: ENOTSUP (no such kind),
 * ENOENT (a locator cannot be opened; a line of the log says why), EINVAL (a
 * locator for the host; more than 16; an option), EEXIST (two interfaces of a name),
 * EPERM (ioth_set_license; namespaces that are forbidden). All native
 * stacks of a process share one background thread. */
struct ioth *ioth_newstackv(const char *kind, const char *locators[]);
struct ioth *ioth_newstack(const char *kind, const char *locator);
struct ioth *ioth_newstackl(const char *kind, const char *locator, ... /* NULL */);

/* 0; -1 with EBUSY while it has open sockets or a call is under way in one.
 * Connections that are being closed are ended where they are. The default stack
 * is the host's again if it was this one. */
int ioth_delstack(struct ioth *stack);

/* Of the process. At first it is the host's; NULL sets that again. Never NULL. */
void ioth_set_defstack(struct ioth *stack);
struct ioth *ioth_get_defstack(void);

/* The program's licence, by SPDX ("GPL-2.0-or-later"; "SPDX-License-Identifier: ..." as
 * well): spdx stays the caller's and must stay. A plugin under the GPL is loaded only
 * by a program under a matching variant of it; the library itself asks nothing. */
void ioth_set_license(const char *spdx);

/* The library prints nothing. What a user should know (why a locator could not be
 * opened, that a network has gone) is given to fn, a line without its end at a time,
 * from any thread; fn calls nothing of the library. Before the first stack is made. */
void ioth_set_log(void (*fn)(void *arg, const char *line), void *arg);

/* --- sockets --- */

/* A socket: AF_INET or AF_INET6, SOCK_STREAM or SOCK_DGRAM, with SOCK_NONBLOCK
 * and SOCK_CLOEXEC in type. The descriptor is the caller's, to be closed with
 * ioth_close. -1 with EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EMFILE. */
int ioth_msocket(struct ioth *stack, int domain, int type, int protocol);
int ioth_socket(int domain, int type, int protocol);	/* of the default stack */

/* A stack as a file: path is the socket of a running ioth stack, and who may open it
 * may have sockets of it. NULL: of the default stack; "": of the machine's own. type
 * SOCK_DEFAULT makes no socket: path's stack becomes the default for domain, or with
 * PF_UNSPEC for all families, of this process, its children and what they execute
 * (by environment variables IOTH_STACK and IOTH_STACK_INET, _INET6, _NETLINK,
 * _PACKET; not while other threads use the environment); NULL takes that back. A
 * descriptor, or 0 for SOCK_DEFAULT; -1 with errno of connect(2) (EACCES,
 * ECONNREFUSED, ENOENT) or ioth_msocket. A child and whom the descriptor is passed
 * to may use it as well. The same with a handle: ioth_newstack("served", path).
 * Where the server may not look into this process, read(2) of a stream that was
 * reset gives 0; ioth_read, ioth_recv and SO_ERROR tell. */
#define SOCK_DEFAULT 0
int msocket(const char *path, int domain, int type, int protocol);

/* As their namesakes, for descriptors of ioth_msocket and ioth_accept and
 * duplicates of them; on others -1 with EBADF. ENOSYS: the kind of stack cannot.
 * Of a native stack ioth_connect and ioth_accept block unless the descriptor is
 * O_NONBLOCK, are cancelled by nothing and do not see EINTR; close, read, write,
 * send and recv of libc may be used as well; but one direction of a connection is for
 * libc's calls or for these, as what libc's wrote may be overtaken. ioth_close ends with
 * EBADF the calls of other threads that wait in such a one of the descriptor. That
 * close(2) or dup2(2) ended a descriptor a native stack sees within a millisecond; calls
 * at the same number may still be of the old socket until then: end it by ioth_close,
 * before dup2 as well, where the number is used again at once. They are not for signal
 * handlers, save for SIGPIPE's that a send raised, and a thread in one must not be
 * cancelled (pthread_cancel): it may have the stack's lock, or drive it for all.
 *
 * A native stack lives in its process. A child that was forked has the sockets it
 * inherited, for bytes, shutdown and close; what the stack has to do gives EOPNOTSUPP
 * there. What it executes has those that are not SOCK_CLOEXEC. */
int ioth_close(int fd);
int ioth_bind(int fd, const struct sockaddr *addr, socklen_t len);
int ioth_connect(int fd, const struct sockaddr *addr, socklen_t len);
int ioth_listen(int fd, int backlog);
int ioth_accept(int fd, struct sockaddr *addr, socklen_t *len);
int ioth_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int ioth_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int ioth_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int ioth_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int ioth_shutdown(int fd, int how);
int ioth_ioctl(int fd, unsigned long cmd, void *arg);
int ioth_fcntl(int fd, int cmd, long arg);

ssize_t ioth_read(int fd, void *buf, size_t len);
ssize_t ioth_readv(int fd, const struct iovec *iov, int n);
ssize_t ioth_recv(int fd, void *buf, size_t len, int flags);
ssize_t ioth_recvfrom(int fd, void *buf, size_t len, int flags,
		      struct sockaddr *addr, socklen_t *addrlen);
ssize_t ioth_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t ioth_write(int fd, const void *buf, size_t len);
ssize_t ioth_writev(int fd, const struct iovec *iov, int n);
ssize_t ioth_send(int fd, const void *buf, size_t len, int flags);
ssize_t ioth_sendto(int fd, const void *buf, size_t len, int flags,
		    const struct sockaddr *addr, socklen_t addrlen);
ssize_t ioth_sendmsg(int fd, const struct msghdr *msg, int flags);

/* What libioth had not got: as accept4(2), recvmmsg(2), sendmmsg(2), sendfile(2) and
 * splice(2). Of sendfile out_fd is a stack's; of splice either or both. */
int ioth_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int ioth_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout);
int ioth_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags);
ssize_t ioth_sendfile(int out_fd, int in_fd, off_t *offset, size_t count);
ssize_t ioth_splice(int in_fd, off_t *in_offset, int out_fd, off_t *out_offset, size_t len,
		    unsigned flags);

/* --- without a copy --- */

/* Memory that the library lends: n spans, len octets in all. It is the borrower's from
 * then on, in any thread, until he sends it or gives it back, in any order, whatever
 * becomes of the socket, the stack or the peer meanwhile. The struct is the library's. */
struct ioth_loan {
	struct iovec	*iov;
	int		n;
	size_t		len;
};

/* As ioth_recvfrom, but what was received stays where it is, to be read there only: up
 * to len octets of a stream, or a datagram, of which more than len is cut off. flags:
 * MSG_DONTWAIT. A loan of no octets is the end of the stream, or an empty datagram.
 * NULL with errno: that of recvfrom(2), ENOBUFS (half of the receive buffer is lent, or
 * more), EINVAL (len 0; other flags).
 * The receive window is closed by what is lent. Checksums are verified; but a neighbour
 * on the same switch shares its memory, and a hostile one may still change the octets
 * while they are read: copy what is looked at twice. */
struct ioth_loan *ioth_recv_lend(int fd, size_t len, int flags, struct sockaddr *addr,
				 socklen_t *addrlen);

/* Memory to write into, of what is sent from: of a stream up to len octets, as there is
 * room in the send buffer, which it counts in; waits for that as ioth_send does. For a
 * datagram all. flags: MSG_DONTWAIT, MSG_NOSIGNAL. NULL with errno: that of send(2),
 * ENOBUFS (the send buffer is lent), EINVAL (other flags). */
struct ioth_loan *ioth_send_lend(int fd, size_t len, int flags);

/* As ioth_sendto of the first len octets; the rest is given up. The loan has ended if the
 * result is len. Else it is still there, and shows what is behind those octets that were
 * taken: to be sent again, or given back. Of the socket that lent it nothing is copied.
 * EINVAL: len is more than it has. */
ssize_t ioth_send_lent(int fd, struct ioth_loan *loan, size_t len, int flags,
		       const struct sockaddr *addr, socklen_t addrlen);

/* Ends a loan; NULL is fine. */
void ioth_give_back(struct ioth_loan *loan);

/* --- waiting --- */

/* As their namesakes, for descriptors of stacks of all kinds and for any others,
 * together. timeout in ms, -1: for ever.
 *
 * A set of ioth_epoll_create1 is closed by ioth_close. Listeners and connections of a
 * native stack cost ioth_epoll_wait no system call, once their bytes go by the functions
 * here: an ioth_recv was made and read what had come before, or, of who asks for EPOLLOUT
 * alone, an ioth_send was. Nor do they cost ioth_poll, ioth_ppoll and ioth_select one, if all
 * are such sockets of one stack, however many; other descriptors among them are asked for by
 * one system call, and if nothing is ready the kernel waits for all. So it does if ioth_ppoll
 * has a mask and nothing comes within busy_read (ioth-parameters(7)): its signals end it as
 * they end ppoll(2). Of such a connection poll(2) and other sets of the kernel's hear a few
 * milliseconds late, and only while nobody waits for it in these ways. Of all other
 * descriptors, and those of a second stack, a set asks the kernel. The set's own
 * descriptor may be polled, or be in another set. */
int ioth_poll(struct pollfd *v, nfds_t n, int timeout);
int ioth_ppoll(struct pollfd *v, nfds_t n, const struct timespec *timeout,
	       const sigset_t *mask);
int ioth_select(int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout);
int ioth_epoll_create1(int flags);
int ioth_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int ioth_epoll_wait(int epfd, struct epoll_event *v, int n, int timeout);

/* --- configuration --- */

/* These speak rtnetlink (rtnetlink(7)) to the stack; a program may do so itself, by
 * sockets of AF_NETLINK. 0 or -1 with errno, of which EINVAL, ENODEV (no such
 * interface), EEXIST, EADDRNOTAVAIL and ESRCH (no such address, or route), EPERM (the
 * host's are the machine's) and EOPNOTSUPP are usual. */

/* The interface's number, 1 or more; -1 with ENODEV. The interfaces of a stack are
 * found as eth0, eth1 ... and as vde0, vde1 ... alike, whichever they are. */
int ioth_if_nametoindex(struct ioth *stack, const char *ifname);
int ioth_linksetupdown(struct ioth *stack, unsigned ifindex, int up);
int ioth_linksetaddr(struct ioth *stack, unsigned ifindex, const void *mac);	/* 6 octets */
int ioth_linkgetaddr(struct ioth *stack, unsigned ifindex, void *mac);
int ioth_linksetmtu(struct ioth *stack, unsigned ifindex, unsigned mtu);

/* addr, dst and gw point to the 4 octets of an IPv4 address (family AF_INET) or to
 * the 16 of an IPv6 address (AF_INET6). prefix: 0 to 32, or to 128. dst NULL or prefix
 * 0: the default route; gw NULL: its hosts are neighbours; ifindex 0: that of the
 * network on which gw is. */
int ioth_ipaddr_add(struct ioth *stack, int family, const void *addr, int prefix,
		    unsigned ifindex);
int ioth_ipaddr_del(struct ioth *stack, int family, const void *addr, int prefix,
		    unsigned ifindex);
int ioth_iproute_add(struct ioth *stack, int family, const void *dst, int prefix,
		     const void *gw, unsigned ifindex);
int ioth_iproute_del(struct ioth *stack, int family, const void *dst, int prefix,
		     const void *gw, unsigned ifindex);

/* A prefix with more in it, as nlinline has it: of an address its flags (IFA_F_NODAD
 * ...) and scope, of a route its type (RTN_BLACKHOLE ...; 0: unicast) and scope. */
__attribute__((__unused__))
static inline int nl_addrdata2prefix(unsigned char prefix, unsigned char flags,
				     unsigned char scope)
{
	return prefix | flags << 8 | scope << 16;
}

__attribute__((__unused__))
static inline int nl_routedata2prefix(unsigned char prefix, unsigned char type,
				      unsigned char scope)
{
	return prefix | type << 8 | scope << 16;
}

/* An interface more, or less. ifname NULL: chosen; ifindex 0: chosen; -1: chosen, and
 * it is the result; then ioth_linksetupdown. type "vde", of native and kernel stacks, has
 * one datum: IFLA_VDE_VNL, a locator, which is opened while the stack waits
 * (nl_iplink_strdata). EEXIST, ENOENT (locator), ENOSPC (more than 16), EOPNOTSUPP (type;
 * lo). */
#define IFLA_VDE_VNL	1
struct nl_iplink_data {
	int		tag;		/* of IFLA_INFO_DATA's attribute */
	int		len;		/* of data, octets */
	const void	*data;
};
#define nl_iplink_strdata(tag, s) \
	(struct nl_iplink_data[]){ { (tag), (int)strlen(s) + 1, (s) } }, 1
int ioth_iplink_add(struct ioth *stack, const char *ifname, unsigned ifindex, const char *type,
		    const struct nl_iplink_data *data, int n);
int ioth_iplink_del(struct ioth *stack, const char *ifname, unsigned ifindex);

/* msg: a struct nlmsghdr with a request, which is acknowledged: 0, the index if a link
 * was made or found, or -1 with errno. */
int ioth_nldialog(struct ioth *stack, const void *msg);

/* As getifaddrs(3): the list is the caller's, to be given to ioth_freeifaddrs. */
int ioth_getifaddrs(struct ioth *stack, struct ifaddrs **list);
void ioth_freeifaddrs(struct ifaddrs *list);

/* "02:00:5e:10:00:01", into size octets, MAC_ADDRSTRLEN of which suffice. dst. */
#define MAC_ADDRSTRLEN	18
__attribute__((__unused__))
static inline const char *ioth_ntomac(const void *mac, char *dst, size_t size)
{
	const unsigned char *b = (const unsigned char *)mac;

	snprintf(dst, size, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
	return dst;
}

/* The other way, with : or -. 1; 0 if it is not an address. */
__attribute__((__unused__))
static inline int ioth_macton(const char *text, void *mac)
{
	unsigned char *b = (unsigned char *)mac;
	int i, n = 0;

	for (i = 0; i < 6; i++) {
		if (sscanf(text, i ? "%*1[:-]%2hhx%n" : "%2hhx%n", &b[i], &n) != 1)
			return 0;
		text += n;
	}
	return *text == 0;
}

/* A parameter of this stack, by its Linux sysctl name ("tcp_rmem", value as in
 * /proc/sys). 0, or -1 with ENOENT, EINVAL, or ENOSYS for a kind that has none. */
int ioth_sysctl(struct ioth *stack, const char *name, const char *value);

/* Calls each for everything the stack has counted since it was made: of each interface
 * "eth0.rx_packets", rx_bytes, rx_errors, rx_dropped and the same with tx; of a native
 * stack "sockets", for each reason to drop a packet "drop.REASON" as ioth show drops
 * tells it, and what Linux has in /proc/net/snmp, snmp6 and netstat: "Tcp.RetransSegs",
 * "Ip6.InReceives", "TcpExt.TCPTimeouts". name is each's until it returns. 0, or -1 with errno. */
typedef void ioth_statistic_fn(void *arg, const char *name, uint64_t value);
int ioth_statistics(struct ioth *stack, ioth_statistic_fn *each, void *arg);

/* Configuration by a string of words with commas between (those of VirtualSquare's
 * iothconf; ioth-config(7) tells all):
 *
 *	eth			the link is up; with fqdn= its MAC address is the name's
 *	ip=ADDRESS/LENGTH	an address, gw=ADDRESS a gateway, dns=ADDRESS a name server,
 *				domain=NAME a domain to search in; repeatable
 *	dhcp, dhcp6		a lease of IPv4, of IPv6
 *	rd			a router is waited for; slaac: addresses by its prefixes are
 *				the name's (fqdn=), or the MAC address's
 *	auto, auto4, auto6	eth,dhcp,dhcp6,rd; eth,dhcp; eth,dhcp6,rd
 *	fqdn=NAME, mac=MAC	who the stack is
 *	iface=NAME, ifindex=N	the words that follow are that interface's; at first they are
 *				the first one's
 *	timeout=SECONDS		to wait for others; else 10 for dhcp, 4 for IPv6
 *	-WORD, -static, -all	takes back what was asked for: -dhcp, -ip=10.0.0.1
 *
 * Addresses of a lease are tested before they are used (RFC 2131 4.4.1, RFC 4862 5.4);
 * leases are renewed until they are taken back or the stack ends, which gives them back.
 * What has not come when the time is over is still waited for in the background.
 * A forked child that has the stack (not a native one) takes nothing back; its parent goes
 * on to renew, or the child, once it calls this itself: a daemon does that last.
 *
 * Returns which of what was asked for is there: a sum of IOTH_CONFIG_...; -1 with
 * EINVAL (a line of the log names the word), ENODEV, ENOSYS (the kind of stack cannot),
 * or what the stack says to an address. */
enum {
	IOTH_CONFIG_STATIC = 1, IOTH_CONFIG_ETH = 2, IOTH_CONFIG_DHCP = 4,
	IOTH_CONFIG_DHCP6 = 8, IOTH_CONFIG_RD = 16,
};
int ioth_config(struct ioth *stack, const char *words);

/* A new stack, by stack=KIND (native if not said) and vnl=LOCATOR (repeatable) before
 * those words. NULL with errno as of ioth_newstackv and ioth_config; ETIMEDOUT: servers
 * and routers were asked, and none answered. */
struct ioth *ioth_newstackc(const char *words);

/* Whom to ask for names, as the text of a resolv.conf(5): what was configured, then what
 * servers and routers told, of all interfaces or that of iface= or ifindex= in words
 * (which may be NULL). The caller's to free. NULL with errno 0: it is what it was when
 * it was asked for last; else EINVAL, ENODEV, ENOSYS. */
char *ioth_resolvconf(struct ioth *stack, const char *words);

/* --- names --- */

struct addrinfo;
struct pollfd;

/* As getaddrinfo(3) and getnameinfo(3), by the name servers of the stack, over its
 * own sockets (EDNS, TCP for what a datagram does not hold), and by /etc/hosts and
 * /etc/services. Addresses come in the order of RFC 6724 6 for the addresses that
 * the stack has; a zone (fe80::1%eth0) is an interface of the stack. 0 or EAI_...;
 * EAI_AGAIN also where the stack knows of no server. Both block. The list is the
 * caller's, to be ended with ioth_freeaddrinfo. */
int ioth_getaddrinfo(struct ioth *stack, const char *node, const char *service,
		     const struct addrinfo *hints, struct addrinfo **res);
void ioth_freeaddrinfo(struct addrinfo *res);
int ioth_getnameinfo(struct ioth *stack, const struct sockaddr *addr, socklen_t addrlen,
		     char *host, socklen_t hostlen, char *serv, socklen_t servlen, int flags);
const char *ioth_gai_strerror(int code);

/* The same without blocking: questions are asked, and their answers come to a function
 * of the caller's while it lets the resolver work, from a poll loop of its own:
 *
 *	struct ioth_resolver *r = ioth_resolver_new(stack, NULL);
 *	ioth_resolve_addr(r, "www.example.org", "http", NULL, found, arg);
 *	for (;;) {
 *		n = ioth_resolver_fds(r, fds, N);
 *		n = n < N ? n : N;
 *		poll(fds, n, ioth_resolver_timeout(r));
 *		ioth_resolver_process(r, fds, n);
 *	}
 *
 * A resolver is used by one thread at a time. */
struct ioth_resolver;
struct ioth_query;

/* conf is the text of a resolv.conf(5) (nameserver, search, domain, options ndots,
 * timeout, attempts, rotate, use-vc); NULL: the stack's. NULL with ENOMEM. */
struct ioth_resolver *ioth_resolver_new(struct ioth *stack, const char *conf);
/* Questions that are open end without an answer. Not from within such a function. */
void ioth_resolver_free(struct ioth_resolver *r);

/* Questions. fn is called once, by ioth_resolver_process and never earlier, with 0 or
 * EAI_...; unless it is cancelled before. A query is gone when fn returns. */
typedef void ioth_addr_fn(void *arg, int status, struct addrinfo *res); /* res: fn's */
typedef void ioth_name_fn(void *arg, int status, const char *host, const char *serv);
/* The answer as it came (RFC 1035 4), also one that says there is none. */
typedef void ioth_dns_fn(void *arg, int status, const void *answer, size_t len);

struct ioth_query *ioth_resolve_addr(struct ioth_resolver *r, const char *node,
				     const char *service, const struct addrinfo *hints,
				     ioth_addr_fn *fn, void *arg);
struct ioth_query *ioth_resolve_name(struct ioth_resolver *r, const struct sockaddr *addr,
				     socklen_t addrlen, int flags, ioth_name_fn *fn, void *arg);
/* type: of the record (1 A, 15 MX, 16 TXT, 28 AAAA, 33 SRV ...); name is complete. */
struct ioth_query *ioth_resolve_dns(struct ioth_resolver *r, const char *name, int type,
				    ioth_dns_fn *fn, void *arg);
void ioth_query_cancel(struct ioth_query *q);

/* What the resolver waits for: how many descriptors; the first n of them are in fds,
 * with events. Then how long, in ms as poll(2) wants it; -1: for ever. */
int ioth_resolver_fds(struct ioth_resolver *r, struct pollfd *fds, int n);
int ioth_resolver_timeout(struct ioth_resolver *r);
/* Looks at the revents of fds, which may be of others too, and at the time. */
void ioth_resolver_process(struct ioth_resolver *r, const struct pollfd *fds, int n);

#ifdef __cplusplus
}
#endif

#endif
