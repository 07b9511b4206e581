/* stacks.c - many native stacks in one process, for stacks.sh
 *
 *	stacks SWITCH PID COUNT
 *
 * One process makes COUNT stacks on the switch (its process is PID) and says, a line
 * "CASE<tab>UNIT<tab>VALUE" each, what they cost: time to make one (the first tenth,
 * and the last), threads and descriptors here and there, memory while nothing was sent
 * and after pings, and what pings take. A stack pings the one before it (an ICMP echo
 * request from a socket of its own, which is closed again): one after the other, and
 * FLIGHT at once. It is told its neighbours' MAC addresses, announces none of its own, and has no
 * IPv6: each of those would be a broadcast that goes to all, COUNT times. Ends with 1 if
 * a ping was not answered.
 *
 * Memory is what /proc says: pages of files shared by the two count half for each,
 * page tables apart; the kernel's sockets and inodes are not in it.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <ioth.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

#define FLIGHT	500
#define TRIES	5		/* of a ping, a second each */

static struct ioth **stack;
static int count, pid;

/* --- what the two processes take --- */

static int descriptors(int of)
{
	char path[64];
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", of);
	d = opendir(path);
	if (!d)
		err(1, "%s", path);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2 - (of == getpid());
}

static double memory(int of)
{
	return number_of(of, "smaps_rollup", "Pss") + number_of(of, "status", "VmPTE");
}

static void tell_memory(const char *when)
{
	char what[64];
	double here = memory(getpid()), there = memory(pid);

	snprintf(what, sizeof(what), "memory %s, here", when);
	measured(what, "MiB", here / 1024);
	snprintf(what, sizeof(what), "memory %s, the switch", when);
	measured(what, "MiB", there / 1024);
	snprintf(what, sizeof(what), "memory %s, both", when);
	measured(what, "MiB", (here + there) / 1024);
}

static void tell_size(void)
{
	measured("threads, here", "", number_of(getpid(), "status", "Threads"));
	measured("threads, the switch", "", number_of(pid, "status", "Threads"));
	measured("descriptors, here", "", descriptors(getpid()));
	measured("descriptors, the switch", "", descriptors(pid));
	tell_memory("idle");
	measured("private memory, here", "MiB", (number_of(getpid(), "smaps_rollup", "Private_Dirty") +
					     number_of(getpid(), "smaps_rollup", "Private_Clean")) / 1024);
	measured("page tables, both", "MiB", (number_of(getpid(), "status", "VmPTE") +
					  number_of(pid, "status", "VmPTE")) / 1024);
}

/* --- stacks --- */

static struct sockaddr_in at(int i)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr = { htonl(0x0a010000 + (unsigned)i + 1) } };
}

static void make(const char *net, int i)
{
	struct sockaddr_in me = at(i);

	stack[i] = ioth_newstack("native,linklocal_gen_mode=1,accept_ra=0,arp_notify=0", net);
	if (!stack[i] || ioth_ipaddr_add(stack[i], AF_INET, &me.sin_addr, 16,
					 (unsigned)ioth_if_nametoindex(stack[i], "eth0")) < 0)
		err(1, "stack %d of %d", i + 1, count);
}

static void make_all(const char *net)
{
	double start = now(), tenth = 0, last = 0;

	for (int i = 0; i < count; i++) {
		if (i == count - count / 10)
			last = now();
		make(net, i);
		if (i + 1 == count / 10)
			tenth = now();
	}
	measured("make a stack, the first tenth", "us", (tenth - start) * 1e6 / (count / 10));
	measured("make a stack, the last tenth", "us", (now() - last) * 1e6 / (count / 10));
}

/* Stack who knows the MAC address of stack whom. */
static void introduce(int who, int whom)
{
	struct {
		struct nlmsghdr h;
		struct ndmsg n;
		struct rtattr dst;
		struct in_addr ip;
		struct rtattr lladdr;
		unsigned char mac[8];
	} m = {
		.h = { .nlmsg_len = sizeof(m), .nlmsg_type = RTM_NEWNEIGH,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE },
		.n = { .ndm_family = AF_INET, .ndm_state = NUD_PERMANENT,
		       .ndm_ifindex = ioth_if_nametoindex(stack[who], "eth0") },
		.dst = { RTA_LENGTH(4), NDA_DST }, .ip = at(whom).sin_addr,
		.lladdr = { RTA_LENGTH(6), NDA_LLADDR },
	};

	if (ioth_linkgetaddr(stack[whom], (unsigned)ioth_if_nametoindex(stack[whom], "eth0"),
			     m.mac) < 0 || ioth_nldialog(stack[who], &m) < 0)
		err(1, "neighbours %d and %d", who, whom);
}

/* --- pings --- */

static int before(int i)
{
	return i ? i - 1 : count - 1;
}

static int ping_open(int i)
{
	struct timeval second = { 1, 0 };
	int fd = ioth_msocket(stack[i], AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

	if (fd < 0 || ioth_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)) < 0)
		err(1, "socket of stack %d", i + 1);
	return fd;
}

static void ping_send(int fd, int i)
{
	struct icmphdr echo = { .type = ICMP_ECHO, .un.echo.sequence = htons((unsigned short)i) };
	struct sockaddr_in to = at(before(i));

	ioth_sendto(fd, &echo, sizeof(echo), 0, (struct sockaddr *)&to, sizeof(to));
}

static int ping_answered(int fd, int i)
{
	struct icmphdr echo;

	return ioth_recv(fd, &echo, sizeof(echo), 0) == sizeof(echo) &&
	       echo.type == ICMP_ECHOREPLY && echo.un.echo.sequence == htons((unsigned short)i);
}

/* Of the stacks from first on; how many were answered. */
static int ping_some(int first, int n)
{
	int fd[FLIGHT], answers = 0, ok;

	for (int i = 0; i < n; i++) {
		fd[i] = ping_open(first + i);
		ping_send(fd[i], first + i);
	}
	for (int i = 0; i < n; i++) {
		for (int t = 1; !(ok = ping_answered(fd[i], first + i)) && t < TRIES; t++)
			ping_send(fd[i], first + i);
		answers += ok;
		ioth_close(fd[i]);
	}
	return answers;
}

static void ping_all(const char *how, int flight)
{
	double start = now(), took;
	char what[64];
	int answers = 0;

	for (int i = 0; i < count; i += flight)
		answers += ping_some(i, flight < count - i ? flight : count - i);
	took = now() - start;
	snprintf(what, sizeof(what), "pings answered, %s", how);
	measured(what, "", answers);
	snprintf(what, sizeof(what), "pings, %s", how);
	measured(what, "1/s", count / took);
	if (answers != count)
		errx(1, "%d of %d pings were answered", answers, count);
}

int main(int argc, char **argv)
{
	struct rlimit rl;
	double start;

	if (argc != 4 || atoi(argv[3]) < 10)
		errx(2, "usage: stacks SWITCH PID COUNT (10 or more)");
	pid = atoi(argv[2]);
	count = atoi(argv[3]);
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	stack = calloc((size_t)count, sizeof(*stack));
	make_all(argv[1]);
	tell_size();
	for (int i = 0; i < count; i++) {
		introduce(i, before(i));
		introduce(before(i), i);
	}
	ping_all("in turn", 1);
	ping_all("500 at once", FLIGHT);
	tell_memory("after pings");
	start = now();
	for (int i = 0; i < count; i++) {
		if (ioth_delstack(stack[i]) < 0)
			err(1, "stack %d stays", i + 1);
	}
	measured("delete a stack", "us", (now() - start) * 1e6 / count);
	free(stack);
	return 0;
}
