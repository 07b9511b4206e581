/* switch_mgmt.c - consoles of a switch: grammar, sessions, who may sit at a port */
#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>

#include "switch/mgmt.h"
#include "switch_here.h"

static char mgmt[64];

static int setup(void **state)
{
	here_dir();
	snprintf(mgmt, sizeof(mgmt), "%s/console", dir);
	here_start((struct switch_conf){ .mgmt = mgmt, .mgmt_mode = 0620, .n_ports = 8 });
	return 0;
}

static int teardown(void **state)
{
	int status = here_end();

	assert_int_equal(access(mgmt, F_OK), -1);
	return status;
}

static void turn(void)
{
	while (loop_wait(loop, 0) > 0 || (!switch_stopped(sw) && switch_deadline(sw) == 0))
		switch_run(sw, now_mono());
}

/* --- the words, without a session --- */

#define expect(line, answer)	assert_string_equal(say(line), answer)
#define expect_begin(line, answer) \
	assert_int_equal(strncmp(say(line), answer, strlen(answer)), 0)

static void is_vde_switchs_grammar(void **state)
{
	expect("", "");
	expect("# words", "");
	expect_begin("nonsense", "1038 Function not implemented\n# ");
	expect_begin("port", "1038 ");		/* a menu is no command */
	expect_begin("PORT/showinfo", "1038 ");
	expect("port/showinfo",
	       "0000 DATA END WITH '.'\nNumports=7\nHUB=false\ncounters=true\n.\n1000 Success\n");
	expect_begin("  port/showinfo \r", "0000 ");
	expect_begin("port showinfo", "0000 DATA END WITH '.'\nNumports=7\n");
	expect_begin("showinfox", "0000 DATA END WITH '.'\nVDE switch V.");
	expect("port/create3", "1000 Success\n");
	expect("port/create 3", "1017 File exists\n");
	grow_free(&out);
}

static void the_longest_row_counts(void **state)
{
	const char *args;

	assert_string_equal(command_find("showinfo", &args)->name, "showinfo");
	assert_string_equal(command_find("show ports", &args)->name, "show");
	assert_string_equal(args, " ports");
	assert_string_equal(command_find("port printer", &args)->name, "port/print");
	assert_string_equal(args, "er");
	assert_null(command_find("por", &args));
}

static void data_ends_before_the_error(void **state)
{
	expect("port/print 99", "0000 DATA END WITH '.'\n.\n1022 Invalid argument\n"
				"# 99: not a number from 0 to 7\n");
	expect_begin("port/print 2", "0000 DATA END WITH '.'\n.\n1006 No such device or address\n");
	grow_free(&out);
}

static void ports_are_made_and_removed(void **state)
{
	expect("port/createauto", "0000 DATA END WITH '.'\nPort 0001\n.\n1000 Success\n");
	expect("port/createauto", "0000 DATA END WITH '.'\nPort 0002\n.\n1000 Success\n");
	expect("port/allocatable 2 1", "1000 Success\n");
	expect("port/setuser 2 root", "1000 Success\n");
	expect("port/setgroup 2 0", "1000 Success\n");
	expect("port/allprint 2", "0000 DATA END WITH '.'\n"
	       "Port 0002 untagged_vlan=0000 INACTIVE - Unnamed Allocatable\n"
	       " Current User: NONE Access Control: (User: root - Group: root)\n"
	       " IN:  pkts          0          bytes                    0\n"
	       " OUT: pkts          0          bytes                    0\n"
	       ".\n1000 Success\n");
	expect("port/print", "0000 DATA END WITH '.'\n.\n1000 Success\n");
	expect("port/remove 2", "1000 Success\n");
	expect_begin("port/remove 2", "1006 ");
	expect_begin("port/setuser 1 no-such-user", "1022 ");
	expect_begin("port/create 8", "1022 ");
	grow_free(&out);
}

static void fewer_ports_and_as_many_as_there_is_room(void **state)
{
	expect("port/setnumports 3", "1000 Success\n");
	expect_begin("port/create 4", "1022 ");
	expect("port/setnumports 255", "1000 Success\n");
	expect("port/create 255", "1000 Success\n");
	expect_begin("port/setnumports 256", "1022 Invalid argument\n# this switch has room for 255 ");
	expect_begin("port/setnumports 0", "1022 ");
	grow_free(&out);
}

static void vlans_are_as_with_vde_switch(void **state)
{
	expect("vlan/create 7", "1000 Success\n");
	expect("vlan/create 7", "1017 File exists\n");
	expect_begin("vlan/create 0", "1022 ");
	expect_begin("vlan/create 4095", "1022 ");
	expect("port/create 3", "1000 Success\n");
	expect("vlan/addport 7 3", "1000 Success\n");
	expect_begin("vlan/addport 8 3", "1006 ");
	expect_begin("vlan/addport 7 4", "1006 ");
	expect("vlan/allprint 7", "0000 DATA END WITH '.'\nVLAN 0007\n"
	       " -- Port 0003 tagged=1 active=0 status=Learning\n.\n1000 Success\n");
	expect("vlan/print 7", "0000 DATA END WITH '.'\nVLAN 0007\n.\n1000 Success\n");
	expect("port/setvlan 3 7", "1000 Success\n");
	expect("vlan/addport 7 3", "1000 Success\n");
	expect("vlan/allprint", "0000 DATA END WITH '.'\nVLAN 0000\nVLAN 0007\n"
	       " -- Port 0003 tagged=0 active=0 status=Learning\n.\n1000 Success\n");
	expect_begin("vlan/delport 7 3", "1098 ");
	expect_begin("vlan/remove 7", "1098 ");
	expect_begin("port/setvlan 3 9", "1006 ");
	expect("port/remove 3", "1000 Success\n");	/* and what was set of it */
	expect("vlan/remove 7", "1000 Success\n");
	expect("port/create 3", "1000 Success\n");
	expect("hash/fix 02:00:00:00:00:09 3", "1000 Success\n");
	expect("port/remove 3", "1000 Success\n");
	expect("hash/print", "0000 DATA END WITH '.'\n.\n1000 Success\n");
	grow_free(&out);
}

static void rules_are_printed_as_they_are_set(void **state)
{
	expect("port/create 3", "1000 Success\n");
	expect("port/create 4", "1000 Success\n");
	expect("port/setmtu 3 1400", "1000 Success\n");
	expect("port/setrate 3 in 1M 64k", "1000 Success\n");
	expect("port/setstorm 3 broadcast 100 10", "1000 Success\n");
	expect("port/setmirror 3 4", "1000 Success\n");
	expect("port/setaddresses 3 5 refuse", "1000 Success\n");
	expect("port/setisolated 3 1", "1000 Success\n");
	expect_begin("port/setisolated 3 2", "1022 ");
	expect("port rules 3", "0000 DATA END WITH '.'\nport/setmtu 3 1400\nport/setisolated 3 1\n"
	       "port/setaddresses 3 5 refuse\nport/setmirror 3 4 both\n"
	       "port/setrate 3 in 1048576 65536\nport/setstorm 3 broadcast 100 10\n"
	       ".\n1000 Success\n");
	expect_begin("port/setmirror 3 3", "1022 ");
	expect_begin("port/setmirror 3 5", "1006 ");
	expect_begin("port/setrate 3 up 100", "1022 Invalid argument\n# which way?");
	expect_begin("port/setrate 3 in x", "1022 Invalid argument\n# x: not a number");
	expect_begin("port/setstorm 3 all 1", "1022 Invalid argument\n# of what?");
	expect_begin("port/setmtu 5 1400", "1006 ");
	expect("port/setmtu 3 67", "1022 Invalid argument\n"
				   "# 67: no MTU; give 68 or more, or 0: none\n");
	expect("port/setaddresses 3 0", "1022 Invalid argument\n"
					"# 0: not a number from 1 to 1048576\n");
	expect("port/setrate 3 in 0", "1000 Success\n");
	assert_null(strstr(say("port/rules"), "rate"));
	expect("port/remove 3", "1000 Success\n");
	expect("port/create 3", "1000 Success\n");
	expect("port/rules", "0000 DATA END WITH '.'\n.\n1000 Success\n");
	expect("hash/fix 02:00:00:00:00:09 3", "1000 Success\n");
	assert_non_null(strstr(say("hash/find 02:00:00:00:00:09"), "to port: 003  age 0 secs"));
	expect("hash/forget 02:00:00:00:00:09", "1000 Success\n");
	expect_begin("hash/forget 02:00:00:00:00:09", "1002 ");
	expect_begin("hash/fix 02:00:00:00:00:09 3 7", "1006 ");
	grow_free(&out);
}

static void times_can_be_set(void **state)
{
	expect("hash/setexpire 50", "1000 Success\n");
	expect("hash/setminper 0", "1000 Success\n");
	expect("hash/setgcint 3", "1000 Success\n");
	expect_begin("hash/setexpire 0", "1022 ");
	assert_non_null(strstr(say("hash/showinfo"), "GC interval 3 secs\nGC expire 50 secs\n"
						     "Min persistence 0 secs\n"));
	expect("fstp/setfstp 0", "0000 DATA END WITH '.'\n.\n1000 Success\n");
	expect_begin("fstp/setfstp 1", "0000 DATA END WITH '.'\n.\n1038 ");
	grow_free(&out);
}

static void addresses_are_found(void **state)
{
	struct mac mac = { { 2, 0, 0, 0, 0, 1 } };

	fdb_learn(&sw->core.fdb, 0, &mac, 3, now_mono());
	assert_non_null(strstr(say("hash/print"), " Addr: 02:00:00:00:00:01 VLAN 0000 to port: 003  "
						  "age 0 secs\n.\n1000 Success\n"));
	assert_non_null(strstr(say("hash/find 2:0:0:0:0:1"), "02:00:00:00:00:01"));
	assert_non_null(strstr(say("hash/find 02:00:00:00:00:01 0"), "02:00:00:00:00:01"));
	expect("hash/find 02:00:00:00:00:01 7", "0000 DATA END WITH '.'\n.\n1019 No such device\n");
	expect_begin("hash/find 02:00", "0000 DATA END WITH '.'\n.\n1022 ");
	grow_free(&out);
}

static void help_tells_every_row_and_a_menu(void **state)
{
	const char *s = say("help port");

	assert_non_null(strstr(s, "port               ============    PORT STATUS MENU\n"));
	assert_non_null(strstr(s, "port/setuser       N user          access control: set user\n"));
	assert_null(strstr(s, "\nhash"));
	grow_free(&out);
}

/* --- JSON --- */

static void json_has_what_the_tables_have(void **state)
{
	static const char *const name[] = { "ports", "clients", "addresses", "vlans", "drops" };
	struct mac mac = { { 2, 0, 0, 0, 0, 1 } };
	json_t *o;

	fdb_learn(&sw->core.fdb, 0, &mac, 3, now_mono());
	command_run(sw, NULL, "port/create 3", &out);
	say("show --json");
	*strstr(out.s, "\n.\n1000 Success") = 0;
	o = json_loads(strchr(out.s, '\n'), 0, NULL);
	assert_non_null(o);
	for (size_t i = 0; i < ARRAY_LEN(name); i++)
		assert_true(json_is_array(json_object_get(o, name[i])));
	assert_string_equal(json_string_value(json_object_get(o, "path")), path);
	assert_int_equal(json_array_size(json_object_get(o, "addresses")), 1);
	json_decref(o);
	expect("show", "0000 DATA END WITH '.'\nport\tvlan\tactive\tallocatable\tclients\trx_frames\t"
	       "rx_bytes\ttx_frames\ttx_bytes\trx_drops\ttx_drops\tintroduced\t"
	       "introduced_frames\n3\t0\tno\tno\t0\t0\t0\t0\t0\t0\t0\t0\t0\n.\n1000 Success\n");
	expect_begin("show addresses", "0000 DATA END WITH '.'\naddress\tvlan\tport\tfixed\tage\n"
				       "02:00:00:00:00:01\t0\t3\tno\t0\n.\n");
	expect_begin("show nothing", "0000 DATA END WITH '.'\n.\n1022 ");
	grow_free(&out);
}

/* --- sessions --- */

static int console(const char *where)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sun.sun_path, where);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	turn();
	return fd;
}

static char text[65536];

/* What came by now. */
static const char *heard(int fd)
{
	ssize_t n;

	turn();
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[MAX(n, 0)] = 0;
	return text;
}

static void tell(int fd, const char *s)
{
	assert_int_equal(send(fd, s, strlen(s), MSG_NOSIGNAL), strlen(s));
}

#define ends(s, with)	(strlen(s) >= strlen(with) && !strcmp((s) + strlen(s) - strlen(with), with))

static void a_session_has_banner_prompt_and_end(void **state)
{
	int fd = console(mgmt);

	assert_int_equal(strncmp(heard(fd), "VDE switch V.", 13), 0);
	assert_true(ends(text, "\n\nvde$ "));
	tell(fd, "port/create 1\nport/create 1\nnonsense\n");
	assert_int_equal(strncmp(heard(fd), "1000 Success\n\nvde$ 1017 File exists\n\nvde$ 1038 ", 46),
			 0);
	tell(fd, "\n");
	assert_string_equal(heard(fd), "\nvde$ ");
	tell(fd, "logout\nport/create 2\n");
	assert_string_equal(heard(fd), "9999 END OF SESSION");
	assert_int_equal(recv(fd, text, 1, MSG_DONTWAIT), 0);
	assert_false(sw->port[2].exists);
	close(fd);
}

static void a_line_without_an_end_is_one_after_a_while(void **state)
{
	int fd = console(mgmt);

	heard(fd);
	tell(fd, "port/create 1");		/* as vdeterm does */
	turn();
	assert_true(switch_deadline(sw) <= now_mono() + USEC_PER_SEC);
	switch_run(sw, now_mono() + USEC_PER_SEC);
	assert_string_equal(heard(fd), "1000 Success\n\nvde$ ");
	assert_true(sw->port[1].exists);
	close(fd);
}

static void modes_are_as_asked(void **state)
{
	char own[80];
	struct stat st;

	snprintf(own, sizeof(own), "%s/mgmt", path);
	assert_int_equal(stat(own, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(mgmt, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0620);
}

static void a_line_may_be_too_long(void **state)
{
	int fd = console(mgmt);
	char a[3000];

	memset(a, 'a', sizeof(a));
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(send(fd, a, sizeof(a), MSG_NOSIGNAL), sizeof(a));
		turn();
	}
	tell(fd, "\nport/create 1\n");
	heard(fd);
	assert_non_null(strstr(text, "1007 Argument list too long"));
	assert_null(strstr(text, "1038"));
	assert_true(sw->port[1].exists);
	close(fd);
}

static void who_does_not_read_is_not_run_for(void **state)
{
	int fd = console(mgmt), size = 1;
	unsigned sent = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	while (send(fd, "help\n", 5, MSG_NOSIGNAL | MSG_DONTWAIT) == 5 && sent++ < 100000)
		turn();
	assert_in_range(sent, 1, 99999);
	turn();
	assert_true(switch_deadline(sw) > 0);	/* nor is it looked at all the time */
	tell(console(mgmt), "port/create 1\n");
	turn();
	assert_true(sw->port[1].exists);
	close(fd);
	turn();
}

static void sessions_have_a_limit(void **state)
{
	int fd[20];

	for (unsigned i = 0; i < 20; i++)
		fd[i] = console(mgmt);
	assert_int_equal(sw->mgmt.n_sessions, 16);
	assert_string_equal(heard(fd[16]), "# there are as many sessions as there may be "
					   "(16 of a user, 64 in all)\n");
	for (unsigned i = 0; i < 20; i++)
		close(fd[i]);
	turn();
	assert_int_equal(sw->mgmt.n_sessions, 0);
}

static void what_happens_is_told(void **state)
{
	int fd = console(mgmt);
	struct mac mac = { { 2, 0, 0, 0, 0, 1 } };

	heard(fd);
	tell(fd, "debug/add hash\n");
	assert_string_equal(heard(fd), "1000 Success\n\nvde$ ");
	fdb_learn(&sw->core.fdb, 9, &mac, 3, 0);
	fdb_learn(&sw->core.fdb, 9, &mac, 4, FDB_MIN_STAY);
	fdb_flush_port(&sw->core.fdb, 4);
	command_run(sw, NULL, "port/create 1", &out);
	assert_string_equal(heard(fd), "3011 hash/+ 02:00:00:00:00:01 VLAN 00:09 Port 3\n"
				       "3013 hash/move 02:00:00:00:00:01 VLAN 00:09 Port 3 -> 4\n"
				       "3012 hash/- 02:00:00:00:00:01 VLAN 00:09 Port 4\n");
	tell(fd, "debug/del\ndebug/add no-such\n");
	assert_non_null(strstr(heard(fd), "1000 Success\n\nvde$ 1022 "));
	fdb_learn(&sw->core.fdb, 9, &mac, 3, 0);
	assert_string_equal(heard(fd), "");
	grow_free(&out);
	close(fd);
}

static void what_is_not_read_is_lost_and_said_to_be(void **state)
{
	int fd = console(mgmt);
	bool lost = false, later = false;

	heard(fd);
	tell(fd, "debug/add port/+\n");
	heard(fd);
	for (unsigned i = 0; i < 50000; i++)
		event_tell(sw, EVENT_PORT_ADD, "%02u", i);
	turn();
	while (*heard(fd))
		lost |= strstr(text, " lines were lost here\n") != NULL;
	assert_true(lost);
	event_tell(sw, EVENT_PORT_ADD, "%02u", 4711u);
	while (*heard(fd))
		later |= strstr(text, "3021 port/+ 4711\n") != NULL;
	assert_true(later);
	close(fd);
}

/* Once when frames begin to be lost, and again after a second without. */
static void what_is_lost_is_told_once(void **state)
{
	const struct frame f = { .p = (const uint8_t *)"short", .len = 5 };
	int fd = console(mgmt);
	usec now;
	char line[100];

	snprintf(line, sizeof(line), "3101 drop/+ Port 03 %s\n", core_drop_text(CORE_SHORT));
	core_port_up(&sw->core, 3);
	heard(fd);
	tell(fd, "events drop\n");
	assert_string_equal(heard(fd), "1000 Success\n\nvde$ ");
	switch_run(sw, now_mono());
	now = now_mono() + 1000 * USEC_PER_SEC;
	for (unsigned i = 0; i < 3; i++, now += 1000 * USEC_PER_SEC) {
		core_input(&sw->core, 3, &f, now);
		switch_run(sw, now);
		assert_string_equal(heard(fd), i ? "" : line);
	}
	switch_run(sw, now);
	core_input(&sw->core, 3, &f, now);
	switch_run(sw, now + 1000 * USEC_PER_SEC);
	assert_string_equal(heard(fd), line);
	core_port_down(&sw->core, 3);
	close(fd);
}

static void shutdown_ends_it(void **state)
{
	int fd = console(mgmt);

	heard(fd);
	assert_false(switch_stopped(sw));
	tell(fd, "shutdown\n");
	assert_string_equal(heard(fd), "9999 END OF SESSION");
	assert_true(switch_stopped(sw));
	close(fd);
}

/* --- files --- */

static void a_file_of_commands(void **state)
{
	char file[64], line[200], *why = NULL;
	FILE *f;

	snprintf(file, sizeof(file), "%s/rc", dir);
	f = fopen(file, "w");
	fprintf(f, "# ours\n\nport/create 1\nport/create 1\nload %s\nport/create 2", file);
	fclose(f);
	assert_false(switch_load(sw, file, &why));
	snprintf(line, sizeof(line), "%s: line 4: 1017 File exists\n", file);
	assert_int_equal(strncmp(why, line, strlen(line)), 0);
	assert_non_null(strstr(why, "line 5: 1040 "));	/* no file loads files */
	assert_true(sw->port[1].exists && sw->port[2].exists);
	free(why);
	snprintf(line, sizeof(line), "load %s", dir);
	assert_non_null(strstr(say(line), "1022 "));
	assert_non_null(strstr(say("load /no/such"), "1002 "));
	unlink(file);
	grow_free(&out);
}

/* The end of a line that is too long is no line. */
static void a_file_with_a_long_line(void **state)
{
	char file[64], *why = NULL;
	FILE *f;

	snprintf(file, sizeof(file), "%s/rc", dir);
	f = fopen(file, "w");
	fprintf(f, "# %*s\nport/create 2\n# %*s", COMMAND_LINE_MAX + 11, "port/create 3",
		COMMAND_LINE_MAX - 3, "");
	fclose(f);
	assert_false(switch_load(sw, file, &why));
	assert_non_null(strstr(why, "line 1: 1007 "));
	assert_null(strstr(why, "line 3"));
	assert_true(sw->port[2].exists && !sw->port[3].exists);
	free(why);
	unlink(file);
}

/* --- who may sit at a port --- */

static void ports_have_users_and_groups(void **state)
{
	int fd[2];
	struct client c = { .sw = sw, .uid = 4711 };
	struct port *p = &sw->port[3];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	c.ctl.fd = fd[0];
	assert_true(port_admits(&c, p));
	p->user = 4712;
	assert_false(port_admits(&c, p));
	assert_non_null(strstr(port_choose(&c, 3, false), "another user"));
	p->group = getegid();		/* that of the other end, which is ours */
	assert_true(port_admits(&c, p));
	p->group = 4713;
	p->user = 4711;
	assert_true(port_admits(&c, p));
	p->user = 4712;
	c.uid = 0;
	assert_true(port_admits(&c, p));
	c.uid = 4711;
	sw->port[1].by_number = true;
	sw->port[2].user = 1;
	assert_null(port_choose(&c, 0, false));
	assert_int_equal(c.port, 4);
	assert_null(port_choose(&c, 1, false));
	close(fd[0]);
	close(fd[1]);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(is_vde_switchs_grammar),
		test(the_longest_row_counts),
		test(data_ends_before_the_error),
		test(ports_are_made_and_removed),
		test(fewer_ports_and_as_many_as_there_is_room),
		test(vlans_are_as_with_vde_switch),
		test(rules_are_printed_as_they_are_set),
		test(times_can_be_set),
		test(addresses_are_found),
		test(help_tells_every_row_and_a_menu),
		test(json_has_what_the_tables_have),
		test(a_session_has_banner_prompt_and_end),
		test(a_line_without_an_end_is_one_after_a_while),
		test(modes_are_as_asked),
		test(a_line_may_be_too_long),
		test(who_does_not_read_is_not_run_for),
		test(sessions_have_a_limit),
		test(what_happens_is_told),
		test(what_is_not_read_is_lost_and_said_to_be),
		test(what_is_lost_is_told_once),
		test(shutdown_ends_it),
		test(a_file_of_commands),
		test(a_file_with_a_long_line),
		test(ports_have_users_and_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
