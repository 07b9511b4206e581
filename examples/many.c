/* many.c - an echo server with a thousand stacks in one process
 *
 *	ioth switch -d -n 1100 /tmp/sw
 *	cc many.c $(pkg-config --cflags --libs ioth) -o many
 *	./many /tmp/sw [HOW MANY]
 *
 * A thousand computers, as the network sees it: each with its own MAC and IP address
 * and its own port 7; as the process sees it, a thousand descriptors in one loop. One
 * more stack asks them all. It is told their MAC addresses, and they its: else each
 * question would begin with an ARP request that goes to a thousand.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <ioth.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define FDS_EACH	4		/* descriptors of a stack (one) and its socket (two) */

static struct sockaddr_in at(int i)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(7),
				     .sin_addr = { htonl(0x0a010000 + (uint32_t)i + 1) } };
}

static void allow(int n)
{
	struct rlimit rl;

	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	if (rl.rlim_max < (rlim_t)n * FDS_EACH || setrlimit(RLIMIT_NOFILE, &rl) < 0)
		errx(77, "%d stacks take %d descriptors; ulimit -n", n, n * FDS_EACH);
}

static struct ioth *node(const char *net, int i)
{
	struct ioth *s = ioth_newstack("native", net);
	struct sockaddr_in me = at(i);

	if (!s || ioth_ipaddr_add(s, AF_INET, &me.sin_addr, 16, ioth_if_nametoindex(s, "eth0")) < 0)
		err(1, "stack %d", i);
	return s;
}

static int server(struct ioth *s, int i)
{
	struct sockaddr_in me = at(i);
	int fd = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioth_bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0)
		err(1, "server %d", i);
	return fd;
}

/* Stack to knows the MAC address of s, which is at(i). */
static void introduce(struct ioth *to, struct ioth *s, int i)
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
		.n = { .ndm_family = AF_INET, .ndm_ifindex = ioth_if_nametoindex(to, "eth0"),
		       .ndm_state = NUD_PERMANENT },
		.dst = { RTA_LENGTH(4), NDA_DST }, .ip = at(i).sin_addr,
		.lladdr = { RTA_LENGTH(6), NDA_LLADDR },
	};

	if (ioth_linkgetaddr(s, (unsigned)ioth_if_nametoindex(s, "eth0"), m.mac) < 0 ||
	    ioth_nldialog(to, &m) < 0)
		err(1, "neighbour %d", i);
}

static void echo(int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char buf[100];
	ssize_t n = ioth_recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

	ioth_sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
}

/* Question after question from the last of them, each when the one before is answered;
 * a datagram may be lost, so after a second of silence it asks again. */
static int ask_all(struct pollfd *fds, int n)
{
	int answers = 0, ask = 1, number;

	while (answers < n) {
		struct sockaddr_in to = at(answers);

		if (ask)
			ioth_sendto(fds[n].fd, &answers, sizeof(answers), 0, (struct sockaddr *)&to,
				    sizeof(to));
		ask = poll(fds, (nfds_t)n + 1, 1000) == 0;
		for (int i = 0; i < n; i++) {
			if (fds[i].revents)
				echo(fds[i].fd);
		}
		if (fds[n].revents && ioth_recv(fds[n].fd, &number, sizeof(number), 0) > 0 &&
		    number == answers) {
			answers++;
			ask = 1;
		}
	}
	return answers;
}

int main(int argc, char **argv)
{
	const char *net = argc > 1 ? argv[1] : "/tmp/sw";
	int n = argc > 2 ? atoi(argv[2]) : 1000;
	struct ioth **s = calloc((size_t)n + 1, sizeof(*s));
	struct pollfd *fds = calloc((size_t)n + 1, sizeof(*fds));

	allow(n);
	for (int i = 0; i <= n; i++) {
		s[i] = node(net, i);
		fds[i] = (struct pollfd){ .fd = server(s[i], i), .events = POLLIN };
	}
	for (int i = 0; i < n; i++) {
		introduce(s[n], s[i], i);
		introduce(s[i], s[n], n);
	}
	printf("%d of %d stacks answered\n", ask_all(fds, n), n);
	for (int i = 0; i <= n; i++) {
		ioth_close(fds[i].fd);
		ioth_delstack(s[i]);
	}
	free(fds);
	free(s);
	return 0;
}
