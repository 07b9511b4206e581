/* kernel.h - the kind "kernel": a Linux stack of one's own, joined to any locators
 *
 * It lies in a user and a network namespace that nobody else has, made without
 * privilege, and lives in two processes (kernel.c tells which). Sockets are Linux's
 * and are made there; everything afterwards is native. All calls may be made
 * from any thread, and from children that have the stack from their parent.
 */
#ifndef NODE_KERNEL_H
#define NODE_KERNEL_H

#include "base/base.h"

#define KERNEL_IFS	16
#define KERNEL_BATCH	8

struct ioth;
struct kstack;

/* An interface for each locator ("IF:LOCATOR"; without a name vde0, vde1 ... by its
 * place), up, its MTU that of the plug; lo is up, too. locators: ends with NULL, or NULL.
 * options: NULL, or "veth": without taps. NULL with errno and *why (malloc'd, one line). */
struct kstack *kernel_open(const char *const locators[], const char *options, char **why);
/* As socket(2). -1 with its errno, or ENETDOWN: the stack has ended. */
int kernel_socket(struct kstack *k, int domain, int type, int protocol);
/* The same n times, at most KERNEL_BATCH. How many there are; all are close-on-exec. */
int kernel_sockets(struct kstack *k, int domain, int type, int protocol, int fds[], int n);
/* value as in /proc/sys. name: below /proc/sys/net ("ipv6/conf/vde0/accept_ra"), or in its
 * ipv4, ipv6 or core ("tcp_rmem"). 0, or -1 with errno: ENOENT, EINVAL, EROFS ... */
int kernel_sysctl(struct kstack *k, const char *name, const char *value);
/* One interface more; name "": vde0, vde1 ..., the first that is free. Its index, or -1 with
 * errno and *why (malloc'd). It goes as any of Linux's: by netlink. */
int kernel_add_if(struct kstack *k, const char *name, const char *locator, char **why);
/* A descriptor by which another process may enter; -1 with errno. */
int kernel_process(struct kstack *k);
/* The calling process, of one thread, is in the stack's user namespace from now on, with all
 * rights in it, and with CLONE_NEWNET in its network, too. 0, or -1 with errno. */
int kernel_enter(int process, int flags);
/* A file of the stack's, to be read: name is below /proc, in "net/" or "sys/net/". Its
 * descriptor, or -1 with errno. */
int kernel_file(struct kstack *k, const char *name);
/* What the connections that nobody has open any more wait for: bytes that the peer has yet to
 * confirm, or only that we have ended. */
enum kernel_left { KERNEL_LEFT_NONE, KERNEL_LEFT_ENDS, KERNEL_LEFT_BYTES };
enum kernel_left kernel_left(struct kstack *k);

/* The stack's processes end, its interfaces with them; sockets lose their network. */
void kernel_close(struct kstack *k);	/* NULL is fine */

/* kernel_conf.c: a stack with the interfaces (eth0 ...), addresses, routes and parameters of
 * NODE OPTIONS. NULL: the user was told why. */
struct node_conf;
struct ioth *kernel_node(const struct node_conf *c);

/* kernel_kind.c: what stands behind a stack of this kind */
struct kstack *kernel_of(const struct ioth *s);

#endif
