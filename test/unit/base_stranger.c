/* base_stranger.c - descriptors from strangers are closed in a thread */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"
#include "base/stranger.h"
#include "unit.h"

#define SOMEBODY	4711
#define MANY		80

static int listener(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	*sin = (struct sockaddr_in){ .sin_family = AF_INET };
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(l, (struct sockaddr *)sin, sizeof(*sin)), 0);
	assert_int_equal(listen(l, MANY), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)sin, &len), 0);
	return l;
}

/* A connection whose close() waits a thousand seconds, unless its peer ends. */
static int lingering(const struct sockaddr_in *sin)
{
	static char much[65536];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)sin, sizeof(*sin)), 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 1000 }, sizeof(struct linger));
	while (send(fd, much, sizeof(much), MSG_DONTWAIT) > 0)
		;
	return fd;
}

static bool owes_within(int tries)
{
	while (!stranger_owes(SOMEBODY) && tries--)
		usleep(10000);
	return tries >= 0;
}

/* Many that are closed at once are no debt, nor are some that are slow for a moment. */
static void who_is_slow_owes(void **state)
{
	struct sockaddr_in sin;
	int l = listener(&sin), peer[MANY];

	for (int i = 0; i < MANY; i++) {
		stranger_close(socket(AF_UNIX, SOCK_STREAM, 0), SOMEBODY);
		assert_false(stranger_owes(SOMEBODY));
	}
	for (int i = 0; i < MANY; i++) {
		int fd = lingering(&sin);

		peer[i] = accept(l, NULL, NULL);
		stranger_close(fd, SOMEBODY);
	}
	assert_true(owes_within(1000));
	assert_false(stranger_owes(SOMEBODY + 1));
	for (int i = 0; i < MANY; i++)
		close(peer[i]);
	for (int i = 0; i < 1000 && stranger_owes(SOMEBODY); i++)
		usleep(10000);
	assert_false(stranger_owes(SOMEBODY));
	close(l);
}

/* However fast each of them is. */
static void who_sends_very_many_owes(void **state)
{
	struct sockaddr_in sin;
	int l = listener(&sin), fd = lingering(&sin), peer = accept(l, NULL, NULL);

	stranger_close(fd, SOMEBODY);
	for (int i = 0; i < 1000000 && !stranger_owes(SOMEBODY); i++)
		stranger_close(dup(0), SOMEBODY);
	assert_true(stranger_owes(SOMEBODY));
	close(peer);
	for (int i = 0; i < 1000 && stranger_owes(SOMEBODY); i++)
		usleep(10000);
	assert_false(stranger_owes(SOMEBODY));
	close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_slow_owes),
		cmocka_unit_test(who_sends_very_many_owes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
