/* config_sock.c - the sockets by which a stack of any kind asks for leases
 *
 * Of ARP and DHCPv4 by packet sockets, since there is no address yet; of DHCPv6 by UDP.
 */
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdlib.h>

#include "base/mem.h"
#include "node/config_stack_in.h"

static int frames_open(struct stack_config *sc, unsigned ifindex, uint16_t type)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(type),
				  .sll_ifindex = (int)ifindex };
	int fd = ioth_msocket(sc->s, AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (type == ETHERTYPE_IP4)
		ioth_setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &conf_dhcp4_only,
				sizeof(conf_dhcp4_only));
	if (ioth_bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	ioth_close(fd);
	return -1;
}

static int udp_open(struct stack_config *sc, int family, unsigned ifindex, uint16_t port)
{
	struct sockaddr_in at4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	bool v4 = family == AF_INET;
	int fd = ioth_msocket(sc->s, family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, index = (int)ifindex;

	if (fd < 0)
		return -1;
	ioth_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	ioth_setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index));
	if (!v4)
		ioth_setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (ioth_bind(fd, v4 ? (void *)&at4 : (void *)&at6, v4 ? sizeof(at4) : sizeof(at6)) == 0)
		return fd;
	ioth_close(fd);
	return -1;
}

struct conf_sock *conf_sock_open(void *ctx, unsigned ifindex, enum conf_way way)
{
	struct stack_config *sc = ctx;
	struct conf_sock *s;
	int fd;

	if (way == WAY_DHCP6)
		fd = udp_open(sc, AF_INET6, ifindex, DHCP6_CLIENT_PORT);
	else
		fd = frames_open(sc, ifindex, way == WAY_ARP ? ETHERTYPE_ARP : ETHERTYPE_IP4);
	if (fd < 0)
		return NULL;
	s = xzalloc(sizeof(*s));
	*s = (struct conf_sock){ .sc = sc, .way = way, .ifindex = ifindex, .fd = fd, .quiet = -1 };
	if (way == WAY_DHCP4)
		s->quiet = udp_open(sc, AF_INET, ifindex, DHCP4_CLIENT_PORT);
	list_add_tail(&sc->socks, &s->link);
	stack_config_kick();
	return s;
}

void conf_sock_close(struct conf_sock *s)
{
	ioth_close(s->fd);
	if (s->quiet >= 0)
		ioth_close(s->quiet);
	list_del(&s->link);
	free(s);
}

void conf_sock_send(struct conf_sock *s, const void *p, size_t n)
{
	struct ip_addr servers = DHCP6_SERVERS;
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(DHCP6_SERVER_PORT),
				    .sin6_scope_id = s->ifindex };

	memcpy(&to6.sin6_addr, &servers, sizeof(servers));
	if (s->way == WAY_DHCP6)
		ioth_sendto(s->fd, p, n, 0, (struct sockaddr *)&to6, sizeof(to6));
	else
		ioth_send(s->fd, p, n, 0);
}

size_t conf_sock_recv(struct conf_sock *s, void *p, size_t size)
{
	ssize_t n;

	do
		n = ioth_recv(s->fd, p, size, MSG_DONTWAIT);
	while (n == 0);
	return n > 0 ? (size_t)n : 0;
}
