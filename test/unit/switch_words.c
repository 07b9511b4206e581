/* switch_words.c - what the console says of guards, filters, suppression and snooping */
#include <jansson.h>

#include "switch/mgmt.h"
#include "switch_here.h"

static int setup(void **state)
{
	here_dir();
	here_start((struct switch_conf){ .n_ports = 8 });
	return 0;
}

static int teardown(void **state)
{
	grow_free(&out);
	return here_end();
}

#define done(line)		assert_string_equal(say(line), "1000 Success\n")
#define expect(line, data) \
	assert_string_equal(say(line), "0000 DATA END WITH '.'\n" data ".\n1000 Success\n")
#define wrong(line, number)	assert_int_equal(strncmp(say(line), number " ", 5), 0)

/* As many addresses in a line as a guard has; none of a longer one is left out silently. */
static void fill_guard(unsigned n, const char *status)
{
	char line[COMMAND_LINE_MAX] = "guard/add 3";

	for (unsigned i = 0; i < n; i++)
		sprintf(line + strlen(line), " 10.1.0.%u", i);
	assert_int_equal(strncmp(say(line), status, 5), 0);
	assert_int_equal(policy_guard_of(&sw->policy, 3)->n_net, GUARD_MAX);
}

static void of_guards(void **state)
{
	done("guard/add 3 02:00:00:00:00:01 10.0.0.1 2001:db8::/64");
	expect("show guards", "port\taddress\n3\t02:00:00:00:00:01\n3\t10.0.0.1/32\n"
			      "3\t2001:db8::/64\n");
	assert_non_null(strstr(say("guard/print"), "Port 0003 02:00:00:00:00:01 10.0.0.1/32 "
						    "2001:db8::/64\n  -- 0 allowed\n"));
	expect("guard/print 2", "");
	wrong("guard/add 3 10.0.0.1", "1017");
	wrong("guard/add 3 ff02::1", "1022");
	wrong("guard/add 3", "1022");
	wrong("guard/add 8 10.0.0.1", "1022");
	wrong("guard/remove 3 10.0.0.2", "1002");
	done("guard/remove 3 10.0.0.1 2001:db8::/64");
	expect("show guards", "port\taddress\n3\t02:00:00:00:00:01\n");
	done("guard/clear 3");
	done("guard/clear 3");
	done("guard/setrouter 3 0");
	done("guard/setdhcp 3 0");
	expect("show guards", "port\taddress\n3\tno-router\n3\tno-dhcp\n");
	assert_non_null(strstr(say("guard/print 3"), "Port 0003 no-router no-dhcp\n"));
	done("guard/setrouter 3 1");
	expect("show guards", "port\taddress\n3\tno-dhcp\n");
	done("guard/clear 3");
	expect("guard/print 3", "");
	wrong("guard/setdhcp 3 2", "1022");
	wrong("guard/setrouter 3", "1022");
	fill_guard(GUARD_MAX, "1000 ");
	fill_guard(2 * GUARD_MAX + 1, "1007 ");
	done("guard/clear 3");
	expect("guard/print 3", "");
	assert_null(sw->core.port[3].rules);
}

static void of_filters(void **state)
{
	done("filter/add 3 in deny udp and  port 53");
	done("filter/insert 3 in 0 permit ip host 10.0.0.1");
	done("filter/add 3 out deny");
	expect("filter/print 3",
	       "Port 0003 in 00 frames 0 bytes 0: permit ip host 10.0.0.1\n"
	       "Port 0003 in 01 frames 0 bytes 0: deny udp and  port 53\n"
	       "Port 0003 out 00 frames 0 bytes 0: deny \n");
	expect("show rules", "port\tout\trule\tdeny\tframes\tbytes\texpression\n"
			     "3\tno\t0\tno\t0\t0\tip host 10.0.0.1\n"
			     "3\tno\t1\tyes\t0\t0\tudp and  port 53\n3\tyes\t0\tyes\t0\t0\t\n");
	done("filter/add 4 in deny udp\tport\t53");		/* a cell has no tabs */
	assert_non_null(strstr(say("show rules"), "\n4\tno\t0\tyes\t0\t0\tudp port 53\n"));
	done("filter/clear 4");
	wrong("filter/add 3 in deny udp and", "1022");
	assert_non_null(strstr(out.s, "pcap-filter(7)"));
	wrong("filter/add 3 in", "1022");
	wrong("filter/add 3 up deny", "1022");
	wrong("filter/add 3 in allow ip", "1022");
	wrong("filter/insert 3 in x deny", "1022");
	wrong("filter/remove 3 in 2", "1002");
	done("filter/remove 3 in 0");
	assert_int_equal(policy_filter_of(&sw->policy, 3, false)->n, 1);
	done("filter/clear 3");
	expect("filter/print", "");
	assert_null(sw->core.port[3].rules);
}

/* Of files and commands: neither need be text. */
static void of_bytes(void **state)
{
	here_end();
	here_dir();
	strcat(path, "\xff");
	here_start((struct switch_conf){ .plug = { "cmd://cat\t\xff\n" }, .n_plugs = 1 });
	assert_non_null(strstr(say("show json"), "/sw?\""));
	assert_non_null(strstr(say("show clients"), "\tcmd://cat???\n"));
}

static void of_suppression(void **state)
{
	expect("suppress/showinfo", "Suppression=false\nfresh 30 secs\n");
	expect("suppress/print", "");
	done("suppress/setfresh 20");
	done("suppress/set 1");
	expect("suppress/showinfo", "Suppression=true\nfresh 20 secs\naddresses 0\nanswers 0\n");
	done("suppress/setfresh 60");
	assert_int_equal(sw->policy.suppress.fresh, 60 * USEC_PER_SEC);
	expect("suppress/print", "");
	expect("show neighbours", "ip\tvlan\taddress\tport\tage\tdisputed\n");
	wrong("suppress/set 2", "1022");
	wrong("suppress/setfresh 0", "1022");
	done("suppress/set 0");
	expect("show neighbours", "ip\tvlan\taddress\tport\tage\tdisputed\n");
	assert_null(sw->core.suppress);
}

static void of_snooping(void **state)
{
	expect("snoop/showinfo", "Snooping=true\nqueries 0\nreports 0\nnot to all 0\n");
	expect("snoop/print", "");
	expect("show groups", "group\tvlan\tport\tseconds\n");
	done("snoop/set 0");
	expect("snoop/showinfo", "Snooping=false\n");
	expect("snoop/print", "");
	expect("show groups", "group\tvlan\tport\tseconds\n");
	assert_null(sw->core.snoop);
	done("snoop/set 1");
	assert_non_null(sw->core.snoop);
}

/* Port, VLAN 0, ARP or IGMP bytes: what they tell is shown. */
static void in(uint32_t port, const char *bytes, uint32_t len)
{
	struct frame f = { .p = (const uint8_t *)bytes, .len = len };

	core_input(&sw->core, port, &f, now_mono());
}

static void what_was_heard_is_shown(void **state)
{
	struct snoop_member *member;
	json_t *all, *row;
	const char *s;

	done("suppress/set 1");
	core_port_up(&sw->core, 2);
	in(2, "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x08\x06\0\1\x08\0\6\4\0\1\2\0\0\0\0\1\x0a\0\0\1"
	      "\0\0\0\0\0\0\x0a\0\0\2", 42);
	in(2, "\1\0\x5e\1\2\3\2\0\0\0\0\1\x08\0\x45\0\0\x1c\0\0\0\0\1\2\0\0\x0a\0\0\1\xef\1\2\3"
	      "\x16\0\xf8\xfa\xef\1\2\3", 42);
	in(2, "\1\0\x5e\0\0\1\2\0\0\0\0\1\x08\0\x45\0\0\x1c\0\0\0\0\1\2\0\0\x0a\0\0\1\xe0\0\0\1"
	      "\x11\1\xee\xfe\0\0\0\0", 42);
	assert_non_null(strstr(say("suppress/print"), "10.0.0.1 Addr: 02:00:00:00:00:01 VLAN 0000 "
						      "to port: 002"));
	s = say("snoop/print");
	assert_non_null(strstr(s, "239.1.2.3 VLAN 0000 ports 2\n"));
	assert_non_null(strstr(s, "IPv4 routers VLAN 0000 (querier, waiting for reports) ports 2\n"));
	s = say("show json");
	all = json_loadb(strchr(s, '\n') + 1, (size_t)(strstr(s, "\n.\n") - strchr(s, '\n')), 0, NULL);
	assert_non_null(all);
	row = json_array_get(json_object_get(all, "neighbours"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "ip")), "10.0.0.1");
	assert_int_equal(json_array_size(json_object_get(all, "groups")), 2);
	json_decref(all);
	member = list_first(&sw->policy.snoop.port[2].members, struct snoop_member, in_port);
	timer_set(&sw->policy.snoop.timers, &member->end, now_mono());
	assert_null(strstr(say("snoop/print"), "239.1.2.3"));	/* nobody is in it any more */
	core_port_down(&sw->core, 2);
	expect("suppress/print", "");
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_guards),
		TEST(of_filters),
		TEST(of_bytes),
		TEST(of_suppression),
		TEST(of_snooping),
		TEST(what_was_heard_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
