/* switch_ctl.c - a switch and raw clients of it in one process
 *
 * The clients here are a few system calls that follow the protocol by the
 * book, not our plug; switch_plug.c joins with the plug.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "plug/vdectl.h"
#include "proto/proto.h"
#include "switch/client.h"
#include "switch/rules.h"
#include "switch/vlan.h"
#include "switch_here.h"

static int setup(void **state)
{
	here_dir();
	here_start((struct switch_conf){ .n_ports = 8 });
	return 0;
}

static int teardown(void **state)
{
	return here_end();
}

/* Lets the switch work until it has nothing to do. */
static void turn(void)
{
	while (loop_wait(loop, 0) > 0)
		switch_run(sw, now_mono());
}

struct raw {
	int	ctl, data;
	struct sockaddr_un own, peer;
};

static int connect_to(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", path, name) <
		    sizeof(sun.sun_path));
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void bind_data(struct raw *r)
{
	static int seq;

	r->data = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	r->own = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(r->own.sun_path, sizeof(r->own.sun_path), "%s/.%05d-%05d", path,
		 (int)getpid(), seq++);
	assert_int_equal(bind(r->data, (struct sockaddr *)&r->own, sizeof(r->own)), 0);
}

static void send_bytes(struct raw *r, const void *p, size_t n)
{
	assert_int_equal(send(r->ctl, p, n, MSG_NOSIGNAL), n);
	turn();
}

static void ask(struct raw *r, uint32_t port, bool port0)
{
	struct vde_request rq = { .port = port, .port0 = port0, .data = r->own, .descr = "raw" };
	uint8_t buf[256];
	struct wr w = wr_of(buf, sizeof(buf));

	vde_request_emit(&w, &rq);
	send_bytes(r, buf, wr_len(&w));
}

/* The answer came: 110 bytes, and the data sockets are connected. */
static void answered(struct raw *r)
{
	assert_int_equal(recv(r->ctl, &r->peer, sizeof(r->peer), MSG_DONTWAIT), 110);
	assert_int_equal(connect(r->data, (struct sockaddr *)&r->peer, sizeof(r->peer)), 0);
}

/* The stream ended without an answer. */
static void refused(struct raw *r)
{
	char c;

	assert_int_equal(recv(r->ctl, &c, 1, MSG_DONTWAIT), 0);
	close(r->ctl);
	close(r->data);
	unlink(r->own.sun_path);
}

static struct raw join(uint32_t port)
{
	struct raw r = { .ctl = connect_to("ctl") };

	bind_data(&r);
	ask(&r, port, false);
	answered(&r);
	return r;
}

static void leave(struct raw *r)
{
	close(r->ctl);
	close(r->data);
	turn();
}

static void put(struct raw *r, uint8_t dst, uint8_t src, size_t len)
{
	static uint8_t b[10000];

	memset(b, 0, sizeof(b));
	b[0] = b[6] = 2;
	b[5] = dst;
	b[11] = src;
	assert_int_equal(send(r->data, b, len, 0), len);
	turn();
}

/* Frames waiting at a client; the length of the last one. */
static unsigned waiting(struct raw *r, ssize_t *len)
{
	uint8_t b[10000];
	unsigned n = 0;
	ssize_t got;

	while ((got = recv(r->data, b, sizeof(b), 0)) >= 0) {
		if (len)
			*len = got;
		n++;
		turn();		/* makes room for more */
	}
	return n;
}

static void directory_and_modes_are_vdes(void **state)
{
	char ctl[160];
	struct stat st;

	snprintf(ctl, sizeof(ctl), "%s/ctl", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02700);
	assert_int_equal(stat(ctl, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	switch_free(sw);
	here_start((struct switch_conf){ .mode = 0660 });
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02770);
	assert_int_equal(stat(ctl, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void frames_pass_between_clients(void **state)
{
	struct raw a = join(0), b = join(0), c = join(0);
	static const size_t lens[] = { 14, 20, 59, 60, 1514, 1518, 9234 };
	ssize_t len;

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		put(&a, 9, 1, lens[i]);
		assert_int_equal(waiting(&b, &len), 1);
		assert_int_equal(len, lens[i]);
		assert_int_equal(waiting(&c, NULL), 1);
		assert_int_equal(waiting(&a, NULL), 0);
	}
	put(&b, 1, 2, 60);
	assert_int_equal(waiting(&a, NULL), 1);
	assert_int_equal(waiting(&c, NULL), 0);
	put(&a, 9, 1, 13);
	put(&a, 9, 1, 9235);
	assert_int_equal(waiting(&b, NULL), 0);
	leave(&a);
	leave(&b);
	leave(&c);
}

/* The copy with another tag lives until it is sent, and in a backlog. */
static void tags_are_changed_for_sockets(void **state)
{
	struct raw a = join(1), b = join(2);
	unsigned sent = 0, got;
	ssize_t len;

	assert_int_equal(vlan_create(&sw->core, 5), 0);
	assert_int_equal(vlan_set_untagged(&sw->core, 1, 5), 0);
	assert_int_equal(vlan_set_untagged(&sw->core, 2, VLAN_NONE), 0);
	put(&a, 9, 1, 100);
	assert_int_equal(waiting(&b, NULL), 0);
	assert_int_equal(vlan_add_port(&sw->core, 5, 2), 0);
	for (; sent < 300; sent++)
		put(&a, 9, 1, 1514);
	assert_int_equal(sw->core.port[2].drops[CORE_TAG_OUT] + sw->core.port[2].tx_drops, 0);
	got = waiting(&b, &len);
	assert_int_equal(got, sent);
	assert_int_equal(len, 1518);
	assert_int_equal(arena_heap_used(sw->core.arena), 0);
	leave(&a);
	leave(&b);
}

/* A super-frame that cannot be cut is one long frame. */
static void notes_that_lie_do_not_lengthen_a_frame(void **state)
{
	struct arena *arena = arena_heap_new(1 << 20);
	struct raw a = join(1), b = join(2);
	static const uint8_t zero[12000];
	struct pkt *pkt = pkt_new();
	struct frame f;

	assert_true(pkt_append(pkt, arena, zero, sizeof(zero)));
	f = (struct frame){ .p = pkt_pull(pkt, 64), .pkt = pkt };
	pkt->head[pkt->cur + 11] = 1;
	pkt->gso_size = 100;
	pkt->gso_hlen = 64;
	f.len = pkt_wire_len(pkt);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(core_input(&sw->core, 1, &f, 0), CORE_TAKEN);
		port_flush(sw);
		assert_int_equal(sw->core.port[2].drops[CORE_MTU_OUT], i);
		assert_int_equal(waiting(&b, NULL), 0);
		pkt_cut(pkt, 2000);		/* no longer than any, but than the port's MTU */
		rules_set_mtu(&sw->core, 2, 1500);
	}
	pkt_free(pkt);
	arena_heap_unref(arena);
	leave(&a);
	leave(&b);
}

/* An ARP message of the station with that number, about another. */
static void put_arp(struct raw *r, uint8_t n, uint16_t op, uint8_t about)
{
	struct arp a = {
		.op = op, .sha = { { 2, 0, 0, 0, 0, n } },
		.spa = ip_from_v4((uint8_t[4]){ 10, 0, 0, n }),
		.tpa = ip_from_v4((uint8_t[4]){ 10, 0, 0, about }),
	};
	uint8_t b[60] = { 0 };
	struct wr w = wr_of(b, sizeof(b));

	eth_emit(&w, &(struct eth){ MAC_BROADCAST, a.sha, ETHERTYPE_ARP });
	arp_emit(&w, &a);
	assert_int_equal(send(r->data, b, sizeof(b), 0), sizeof(b));
}

static void expect_answer(struct raw *r, uint8_t about)
{
	uint8_t got[100];
	struct rd rd = rd_of(got, 60);
	struct eth eth;
	struct arp a;

	assert_int_equal(recv(r->data, got, sizeof(got), 0), 60);
	assert_true(eth_parse(&rd, &eth) && eth.type == ETHERTYPE_ARP && arp_parse(&rd, &a));
	assert_int_equal(a.op, ARP_REPLY);
	assert_int_equal(eth.src.b[5], about);
	assert_int_equal(a.sha.b[5], about);
	assert_int_equal(ip_v4(&a.spa)[3], about);
}

/* They are sent with the batch, after the module that made them has returned. */
static void answers_of_the_switch_reach_a_socket(void **state)
{
	struct raw a = join(1), b = join(2);

	policy_set_suppress(&sw->policy, true);
	put_arp(&a, 1, ARP_REQUEST, 9);
	put_arp(&a, 3, ARP_REQUEST, 9);
	turn();
	assert_int_equal(waiting(&b, NULL), 2);
	put_arp(&b, 2, ARP_REQUEST, 1);
	put_arp(&b, 2, ARP_REQUEST, 3);
	turn();
	assert_int_equal(waiting(&a, NULL), 0);
	expect_answer(&b, 1);
	expect_answer(&b, 3);
	leave(&a);
	leave(&b);
}

static void port_of(struct raw *r, unsigned port)
{
	unsigned got;

	assert_int_equal(sscanf(r->peer.sun_path + strlen(path), "/%03u.", &got), 1);
	assert_int_equal(got, port);
}

static void ports_are_given_as_asked(void **state)
{
	struct raw a = join(0), b = join(7), c = join(0), d = { .ctl = connect_to("ctl") };

	port_of(&a, 1);
	port_of(&b, 7);
	port_of(&c, 2);
	bind_data(&d);
	ask(&d, 0, true);
	answered(&d);
	port_of(&d, 0);
	leave(&a);
	a = join(0);
	port_of(&a, 1);
	leave(&a);
	leave(&b);
	leave(&c);
	leave(&d);
}

/* Whoever left, and in which order. */
static void the_lowest_free_port_is_given(void **state)
{
	struct raw r[8];

	for (unsigned i = 1; i < 8; i++) {
		r[i] = join(i == 4 ? 4 : 0);
		port_of(&r[i], i);
	}
	leave(&r[5]);
	leave(&r[2]);
	leave(&r[6]);
	r[2] = join(0);
	port_of(&r[2], 2);
	r[5] = join(0);
	port_of(&r[5], 5);
	r[6] = join(6);
	port_of(&r[6], 6);
	for (unsigned i = 1; i < 8; i++)
		leave(&r[i]);
}

static void clients_of_one_port_get_each_frame(void **state)
{
	struct raw a = join(3), b = join(3), c = join(4);

	put(&c, 9, 1, 60);
	assert_int_equal(waiting(&a, NULL), 1);
	assert_int_equal(waiting(&b, NULL), 1);
	put(&a, 9, 2, 60);
	assert_int_equal(waiting(&b, NULL), 0);
	assert_int_equal(waiting(&c, NULL), 1);
	leave(&a);
	assert_true(sw->core.port[3].up);
	leave(&b);
	assert_false(sw->core.port[3].up);
	leave(&c);
}

static void a_refused_client_is_told_at_once(void **state)
{
	struct raw all[7], r;

	r.ctl = connect_to("ctl");
	bind_data(&r);
	ask(&r, 8, false);		/* ports are 0-7 */
	refused(&r);
	for (int i = 0; i < 7; i++)
		all[i] = join(0);
	r.ctl = connect_to("ctl");
	bind_data(&r);
	ask(&r, 0, false);		/* none free */
	refused(&r);
	for (int i = 0; i < 7; i++)
		leave(&all[i]);
	r.ctl = connect_to("ctl");
	bind_data(&r);
	unlink(r.own.sun_path);		/* names nothing */
	ask(&r, 0, false);
	refused(&r);
}

static void another_users_port_and_socket_are_refused(void **state)
{
	struct raw a = join(3), r = { .ctl = connect_to("ctl") };

	sw->port[3].uid = 12345;
	bind_data(&r);
	ask(&r, 3, false);
	refused(&r);
	leave(&a);
	if (geteuid() != 0)
		return;
	r.ctl = connect_to("ctl");
	bind_data(&r);
	assert_int_equal(chown(r.own.sun_path, 12345, (gid_t)-1), 0);
	turn();
	list_first(&sw->half, struct client, link)->uid = 12346;
	ask(&r, 0, false);
	refused(&r);
}

/* What a client calls its socket is removed when it leaves, in the switch's directory alone. */
static void sockets_elsewhere_stay(void **state)
{
	struct raw r = { .ctl = connect_to("ctl") };
	char elsewhere[64];

	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", dir);
	r.data = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	r.own = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(r.own.sun_path, sizeof(r.own.sun_path), "%s/./../elsewhere", path);
	assert_int_equal(bind(r.data, (struct sockaddr *)&r.own, sizeof(r.own)), 0);
	ask(&r, 0, false);
	answered(&r);
	close(r.ctl);
	close(r.data);
	turn();
	assert_int_equal(unlink(elsewhere), 0);
}

static void version_1_is_served(void **state)
{
	struct raw r = { .ctl = connect_to("ctl") };
	uint32_t head[2] = { 0xfeedface, 0 };
	uint8_t rq[124 + 3] = { 0 };

	bind_data(&r);
	memcpy(rq, head, 8);
	memcpy(rq + 14, &r.own, 110);
	memcpy(rq + 124, "old", 3);
	send_bytes(&r, rq, 123);	/* not all of it */
	assert_int_equal(sw->n_half, 1);
	send_bytes(&r, rq + 123, 4);
	answered(&r);
	port_of(&r, 1);
	assert_string_equal(list_first(&sw->port[1].clients, struct client, link)->descr, "old");
	leave(&r);
}

static void other_versions_and_garbage_are_refused(void **state)
{
	static const uint32_t heads[][3] = {
		{ 0xfeedface, 2, 0 }, { 0xfeedface, 4, 0 }, { 0xfeedface, 3, 2 },
		{ 0xfeedfacf, 3, 0 }, { 0, 0, 0 }, { 0xfeedface, 0xffffffff, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct raw r = { .ctl = connect_to("ctl") };
		uint8_t rq[122] = { 0 };

		bind_data(&r);
		memcpy(rq, heads[i], 12);
		memcpy(rq + 12, &r.own, 110);
		send_bytes(&r, rq, sizeof(rq));
		refused(&r);
	}
	assert_int_equal(sw->n_half, 0);
}

/* A client without a name in the file system: in the abstract space it works,
 * with no name at all there is no way to it. */
static void unnamed_clients(void **state)
{
	struct raw r = { .ctl = connect_to("ctl") }, b = join(0);
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(r.own);

	r.data = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(r.data, (struct sockaddr *)&any, sizeof(sa_family_t)), 0);
	memset(&r.own, 0, sizeof(r.own));
	assert_int_equal(getsockname(r.data, (struct sockaddr *)&r.own, &len), 0);
	ask(&r, 0, false);
	answered(&r);
	put(&b, 9, 1, 60);
	assert_int_equal(waiting(&r, NULL), 1);
	leave(&r);

	r.ctl = connect_to("ctl");
	r.data = socket(AF_UNIX, SOCK_DGRAM, 0);
	r.own = any;
	ask(&r, 0, false);
	refused(&r);
	leave(&b);
}

static void the_silent_are_closed_and_keep_nobody_out(void **state)
{
	int fd[HALF_OPEN_MAX + 10];
	struct raw r;
	char c;

	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		fd[i] = connect_to("ctl");
		turn();
	}
	assert_int_equal(sw->n_half, HALF_OPEN_MAX);
	assert_int_equal(recv(fd[0], &c, 1, MSG_DONTWAIT), 0);
	assert_int_equal(recv(fd[10], &c, 1, MSG_DONTWAIT), -1);
	r = join(0);
	assert_true(switch_deadline(sw) <= now_mono() + HALF_OPEN_TIME);
	switch_run(sw, now_mono() + HALF_OPEN_TIME);
	assert_int_equal(sw->n_half, 0);
	assert_int_equal(recv(fd[ARRAY_LEN(fd) - 1], &c, 1, MSG_DONTWAIT), 0);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		close(fd[i]);
	leave(&r);
}

/* What does not fit into the socket of a slow reader waits for it, in order
 * and within limits; the others notice nothing. */
static void a_slow_reader_loses_only_its_own(void **state)
{
	struct raw a = join(0), slow = join(0), b = join(0);
	unsigned n;

	for (int i = 0; i < 300; i++) {
		put(&a, 9, 1, 1514);
		assert_int_equal(waiting(&b, NULL), 1);
	}
	assert_int_equal(sw->core.port[2].tx_drops, 0);
	assert_int_equal(waiting(&slow, NULL), 300);
	for (int i = 0; i < 3000; i++) {
		put(&a, 9, 1, 1514);
		assert_int_equal(waiting(&b, NULL), 1);
	}
	n = (unsigned)sw->core.port[2].tx_drops;
	assert_true(n > 0);
	assert_int_equal(waiting(&slow, NULL) + n, 3000);
	put(&a, 9, 1, 60);
	assert_int_equal(waiting(&slow, NULL), 1);
	leave(&a);
	leave(&b);
	leave(&slow);
}

/* A client that closes its data socket but keeps the stream. */
/* Frames to all of a thousand ports: a few, then others are read. */
static void broadcasts_take_turns(void **state)
{
	uint8_t b[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2 };
	struct raw a;

	switch_free(sw);
	here_start((struct switch_conf){ .n_ports = 1000 });
	a = join(1);
	for (uint32_t i = 2; i < 1000; i++)
		core_port_up(&sw->core, i);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(send(a.data, b, sizeof(b), 0), sizeof(b));
	turn();
	assert_int_equal(sw->core.port[1].rx_frames, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(send(a.data, b, sizeof(b), 0), sizeof(b));
	loop_wait(loop, 0);
	assert_int_equal(sw->core.port[1].rx_frames, 6);
	turn();
	assert_int_equal(sw->core.port[1].rx_frames, 10);
	leave(&a);
}

static void a_dead_data_socket_ends_the_port(void **state)
{
	struct raw a = join(0), b = join(0);

	close(b.data);
	put(&a, 9, 1, 60);
	assert_false(sw->core.port[2].up);
	close(b.ctl);
	leave(&a);
}

static void noise_after_the_answer_is_ignored(void **state)
{
	struct raw a = join(0), b = join(0);
	char noise[1000] = { 1 };

	send_bytes(&a, noise, sizeof(noise));
	put(&a, 9, 1, 60);
	assert_int_equal(waiting(&b, NULL), 1);
	leave(&a);
	leave(&b);
}

static char *refusal(void)
{
	struct switch_conf conf = { .path = path, .gid = (gid_t)-1 };
	struct loop *l = loop_new();
	char *why = NULL;

	assert_null(switch_new(&conf, l, &why));
	loop_free(l);
	return why;
}

static void a_live_switch_is_not_taken_over(void **state)
{
	struct raw a = join(0);
	char *why = refusal();

	assert_non_null(strstr(why, "already running"));
	free(why);
	put(&a, 9, 1, 60);
	leave(&a);
}

/* What SIGKILL leaves: sockets that nobody reads. */
static void leave_socket(const char *name, int type)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	assert_true((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", path, name) <
		    sizeof(sun.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	close(fd);
}

static void stop(void)
{
	switch_free(sw);
	sw = NULL;
}

static void a_dead_switch_is_taken_over(void **state)
{
	struct raw a;

	stop();
	assert_int_equal(mkdir(path, 0755), 0);
	leave_socket("ctl", SOCK_STREAM);
	leave_socket("003.7", SOCK_DGRAM);
	leave_socket(".04242-00000", SOCK_DGRAM);
	leave_socket("fd7", SOCK_DGRAM);
	here_start((struct switch_conf){ .n_ports = 8 });
	a = join(0);
	leave(&a);
}

static void another_directory_is_not_touched(void **state)
{
	char file[96], *why;
	struct stat st;
	int fd;

	stop();
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(chmod(path, 0755), 0);	/* whatever the umask */
	snprintf(file, sizeof(file), "%s/file", path);
	fd = open(file, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	why = refusal();
	assert_non_null(strstr(why, "other files"));
	free(why);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	unlink(file);
	rmdir(path);
}

static void a_path_that_cannot_be_is_refused(void **state)
{
	char saved[sizeof(path)], longer[200], *why = NULL;
	struct sw_dir d;
	int fd;

	stop();
	snprintf(longer, sizeof(longer), "%s/%0*d", dir, DIR_PATH_MAX, 0);
	assert_false(dir_take(&d, longer, 0700, (gid_t)-1, &why));
	assert_non_null(strstr(why, "longer than 92 bytes"));
	assert_int_equal(access(longer, F_OK), -1);
	free(why);
	strcpy(saved, path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	why = refusal();
	assert_non_null(strstr(why, "Not a directory"));
	free(why);
	unlink(path);
	strcat(path, "/none/sw");
	why = refusal();
	assert_non_null(strstr(why, "cannot make"));
	free(why);
	strcpy(path, saved);
}

/* Whatever a hello says of itself. */
static void hellos_have_limits(void **state)
{
	struct shm_hello h = { .magic = SHM_MAGIC };
	static const uint32_t mtu[] = { 0, UINT32_MAX };

	memset(h.descr, 'x', sizeof(h.descr));
	for (int i = 0; i < 2; i++) {
		struct wire *w = wire_new();
		int s = connect_to("shm");
		const struct client *c;

		h.mtu = mtu[i];
		assert_int_equal(shm_put(s, &h, sizeof(h), w->fd), 0);
		turn();
		c = list_first(&sw->port[1].clients, struct client, link);
		assert_non_null(c);
		assert_int_equal(c->plug->mtu, i ? SHM_MTU_MAX : SHM_MTU_MIN);
		assert_true(strlen(c->descr) <= SHM_DESCR_MAX);
		close(s);
		wire_close(w);
		turn();
		assert_true(list_empty(&sw->port[1].clients));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(directory_and_modes_are_vdes, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_pass_between_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(tags_are_changed_for_sockets, setup, teardown),
		cmocka_unit_test_setup_teardown(notes_that_lie_do_not_lengthen_a_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_of_the_switch_reach_a_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(ports_are_given_as_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(the_lowest_free_port_is_given, setup, teardown),
		cmocka_unit_test_setup_teardown(clients_of_one_port_get_each_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refused_client_is_told_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(another_users_port_and_socket_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(sockets_elsewhere_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(hellos_have_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(version_1_is_served, setup, teardown),
		cmocka_unit_test_setup_teardown(other_versions_and_garbage_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(unnamed_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(the_silent_are_closed_and_keep_nobody_out, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_reader_loses_only_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(broadcasts_take_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(a_dead_data_socket_ends_the_port, setup, teardown),
		cmocka_unit_test_setup_teardown(noise_after_the_answer_is_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(a_live_switch_is_not_taken_over, setup, teardown),
		cmocka_unit_test_setup_teardown(a_dead_switch_is_taken_over, setup, teardown),
		cmocka_unit_test_setup_teardown(another_directory_is_not_touched, setup, teardown),
		cmocka_unit_test_setup_teardown(a_path_that_cannot_be_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
