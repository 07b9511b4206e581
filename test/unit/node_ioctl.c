/* node_ioctl.c - the interface ioctls of old: what they change, what they refuse */
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>

#include "node/node.h"
#include "node/rtnl.h"
#include "stack/netif.h"
#include "unit.h"

static struct node node;
static struct stack *st;
static struct netif *eth;

static void out(struct netif *nif, struct pkt *pkt)
{
	pkt_free(pkt);
}

static int setup(void **state)
{
	static const struct netif_ops ops = { .out = out };
	struct ip_addr addr = IP4(10, 0, 0, 1);

	node = (struct node){ .st = st = stack_new(1, USEC_PER_SEC) };
	eth = netif_add(st, "eth0", (struct mac){ { 2, 0, 0, 0, 0, 1 } }, 1500, 0, &ops, NULL);
	netif_up(eth);
	assert_int_equal(netif_addr_add(eth, &addr, 24), 0);
	return 0;
}

static int teardown(void **state)
{
	stack_free(st);
	return 0;
}

static int ask(uint32_t cmd, struct ifreq *ifr, const char *name)
{
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	assert_int_equal(node_ioctl_size(cmd, AF_INET), sizeof(*ifr));
	return node_ioctl(&node, cmd, AF_INET, ifr);
}

static int set(uint32_t cmd, const char *name, const char *addr)
{
	struct ifreq ifr = { .ifr_addr.sa_family = AF_INET };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct ip_addr a;

	assert_true(ip_parse_text(addr, &a));
	memcpy(&sin.sin_addr, ip_v4(&a), 4);
	memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
	return ask(cmd, &ifr, name);
}

static void assert_addr(uint32_t cmd, const char *name, const char *addr)
{
	struct ifreq ifr = { .ifr_metric = 0 };
	struct sockaddr_in sin;
	char buf[IP_STRLEN];
	struct ip_addr a;

	assert_int_equal(ask(cmd, &ifr, name), 0);
	memcpy(&sin, &ifr.ifr_addr, sizeof(sin));
	a = ip_from_v4((const uint8_t *)&sin.sin_addr);
	assert_string_equal(ip_text(&a, buf), addr);
}

/* A bad value takes nothing away. */
static void bad_values_change_nothing(void **state)
{
	static const char *const bad[] = { "224.0.0.1", "255.255.255.255", "127.0.0.1" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(set(SIOCSIFADDR, "eth0", bad[i]), -EINVAL);
	assert_int_equal(set(SIOCSIFNETMASK, "eth0", "255.0.255.0"), -EINVAL);
	assert_addr(SIOCGIFADDR, "eth0", "10.0.0.1");
	assert_addr(SIOCGIFNETMASK, "eth0", "255.255.255.0");

	assert_int_equal(set(SIOCSIFADDR, "eth0:1", "10.0.0.2"), 0);
	assert_int_equal(set(SIOCSIFADDR, "eth0:1", "10.0.0.1"), -EEXIST);
	assert_addr(SIOCGIFADDR, "eth0:1", "10.0.0.2");
	assert_addr(SIOCGIFADDR, "eth0", "10.0.0.1");
}

static void good_values_change_it(void **state)
{
	assert_int_equal(set(SIOCSIFADDR, "eth0", "10.0.0.1"), 0);
	assert_addr(SIOCGIFNETMASK, "eth0", "255.255.255.0");
	assert_int_equal(set(SIOCSIFADDR, "eth0", "10.1.0.1"), 0);
	assert_addr(SIOCGIFADDR, "eth0", "10.1.0.1");
	assert_addr(SIOCGIFNETMASK, "eth0", "255.0.0.0");
	assert_int_equal(set(SIOCSIFNETMASK, "eth0", "255.255.0.0"), 0);
	assert_addr(SIOCGIFADDR, "eth0", "10.1.0.1");
	assert_addr(SIOCGIFNETMASK, "eth0", "255.255.0.0");
	assert_addr(SIOCGIFBRDADDR, "eth0", "10.1.255.255");
	assert_int_equal(set(SIOCSIFADDR, "eth0", "0.0.0.0"), 0);
	assert_int_equal(set(SIOCSIFADDR, "eth0", "0.0.0.0"), 0);
	assert_int_equal(set(SIOCSIFNETMASK, "eth0", "255.255.0.0"), -EADDRNOTAVAIL);
}

/* Linux leaves the struct of a change alone: it may lie in memory for reading. */
static void changes_answer_nothing(void **state)
{
	static const uint32_t sets[] = {
		SIOCADDRT, SIOCDELRT, SIOCSIFFLAGS, SIOCSIFMTU, SIOCSIFHWADDR, SIOCSIFNAME,
		SIOCSIFADDR, SIOCDIFADDR, SIOCSIFNETMASK, SIOCSIFBRDADDR, SIOCSIFDSTADDR,
		SIOCDARP, SIOCSARP,
	};
	static const uint32_t gets[] = {
		SIOCGIFNAME, SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFDSTADDR, SIOCGIFBRDADDR,
		SIOCGIFNETMASK, SIOCGIFMETRIC, SIOCGIFMTU, SIOCGIFHWADDR, SIOCGIFINDEX,
		SIOCGIFTXQLEN, SIOCGARP, SIOCGIFMAP,
	};

	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		assert_false(node_ioctl_answers(sets[i]));
	for (size_t i = 0; i < ARRAY_LEN(gets); i++)
		assert_true(node_ioctl_answers(gets[i]));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bad_values_change_nothing),
		TEST(good_values_change_it),
		TEST(changes_answer_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
