/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Hubs whose server dies and comes back: memory stays where it is, doorbells and what is kept stay
 * what they are; and a server that cannot take the old one's place, or says nothing, is told of and
 * does no harm.
 */
#include "ivshmem_server_kit.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/un.h>

#include <ivshmem_net.h>
#include <pvn_clock.h>

#include "pvn_ivshmem_hub.h"

#define VECTORS 3
#define WAIT_MS 10000
#define KEPT "what an application has written"

static struct pvn_ivshmem_hub *host, *guest;

/* A port that uses memory while it is attached. */
struct user {
	struct pvn_ivshmem_hub_client client;
	struct pvn_ivshmem_hub *hub;
	unsigned int ends; /* how often it has let go */
	uint64_t attachment;
};

static int
spawn(pthread_t *thread, void *(*run)(void *), void *arg)
{
	return -pthread_create(thread, NULL, run, arg);
}

static void
look(struct pvn_ivshmem_hub_client *client)
{
	struct user *user = (struct user *)(void *)client;
	const uint64_t now = pvn_ivshmem_hub_attachment(user->hub);

	user->ends += user->attachment != 0 && now == 0;
	/* Never another one before it was told that there is none: its memory was in use. */
	assert_true(now == 0 || user->attachment == 0 || now == user->attachment);
	user->attachment = now;
}

static void
both(void)
{
	assert_int_equal(pvn_ivshmem_hub_open(host_spec, "net", spawn, &host), 0);
	pvn_ivshmem_hub_lock(host);
	assert_int_equal(pvn_ivshmem_hub_add_net(host, "net0", 0), 0);
	pvn_ivshmem_hub_unlock(host);
	assert_int_equal(pvn_ivshmem_hub_open(spec, NULL, spawn, &guest), 0);
}

static void
close_both(void)
{
	pvn_ivshmem_hub_close(guest);
	pvn_ivshmem_hub_close(host);
}

/* Of the hub that is the host's, or of the other one. */
static struct pvn_ivshmem_hub_info
info_of(bool is_host)
{
	struct pvn_ivshmem_hub_info info = {0};

	for (uint32_t i = 0; pvn_ivshmem_hub_info(i, &info); i++)
		if (info.is_host == is_host)
			return info;
	fail();
	return info;
}

/* Until both say so; how they are is in the guest's page too, so both are there for each other. */
static void
wait_for(bool there)
{
	const int64_t end = pvn_now_ms() + WAIT_MS;

	for (bool good = false; !good; usleep(1000)) {
		const struct pvn_ivshmem_hub_info h = info_of(true), g = info_of(false);

		good = there ? h.attachment != 0 && h.attachment == g.attachment
			     : h.broken && g.broken;
		assert_true(pvn_now_ms() < end);
	}
}

static void
wait_why(const char *what)
{
	const int64_t end = pvn_now_ms() + WAIT_MS;

	while (strstr(info_of(true).why, what) == NULL) {
		assert_true(pvn_now_ms() < end);
		usleep(1000);
	}
	assert_true(info_of(true).broken);
}

static void
drain(int bell)
{
	uint64_t count;

	while (read(bell, &count, sizeof(count)) > 0)
		;
}

/* Each vector that somebody may sleep on rings, however often the server was another one. */
static void
assert_bells(const int *bells)
{
	uint32_t peer;

	for (uint32_t v = 1; v < VECTORS; v++) {
		assert_int_equal(pvn_ivshmem_hub_bell(guest, v), bells[v]);
		drain(bells[v]);
		pvn_ivshmem_hub_lock(host);
		assert_true(pvn_ivshmem_hub_guest(host, &peer) != 0);
		assert_int_equal(pvn_ivshmem_peer_ring(pvn_ivshmem_hub_peer(host), peer, v), 0);
		pvn_ivshmem_hub_unlock(host);
		assert_true(kit_readable(bells[v]));
	}
}

static void
test_comes_back(void **state)
{
	struct pvn_ivshmem_server *s = serve(VECTORS, 2);
	struct user user = {.client.look = look};
	const uint64_t off = SIZE / 2;
	uint64_t generation;
	int bells[VECTORS];
	uint8_t *mem;

	(void)state;
	both();
	user.hub = guest;
	pvn_ivshmem_hub_add(guest, &user.client);
	wait_for(true);
	pvn_ivshmem_hub_wake(guest, &user.client);
	mem = pvn_ivshmem_hub_mem(guest);
	for (uint32_t v = 0; v < VECTORS; v++)
		bells[v] = pvn_ivshmem_hub_bell(guest, v);
	pvn_ivshmem_hub_keep(guest, off, sizeof(KEPT));
	for (unsigned int turn = 0; turn < 4; turn++) {
		generation = info_of(true).generation;
		strcpy((char *)mem + off, KEPT);
		strcpy((char *)mem + off + IVSHMEM_PAGE, "not kept");
		pvn_ivshmem_server_free(s);
		wait_for(false);
		s = serve(VECTORS, 2);
		wait_for(true);
		assert_int_equal(user.ends, turn + 1);
		assert_ptr_equal(pvn_ivshmem_hub_mem(guest), mem);
		assert_string_equal((char *)mem + off, KEPT);
		assert_string_equal((char *)mem + off + IVSHMEM_PAGE, "");
		assert_true(info_of(true).generation != generation);
		assert_bells(bells);
	}
	pvn_ivshmem_hub_forget(guest, off);
	pvn_ivshmem_hub_remove(guest, &user.client);
	close_both();
	pvn_ivshmem_server_free(s);
}

/* A server that is not like the one before is told of; the next one may be. */
static void
test_another_one(void **state)
{
	struct pvn_ivshmem_server *s = serve(VECTORS, 2);
	const struct pvn_ivshmem_server_cfg larger = {
		.name = "test", .size = 2 * SIZE, .vectors = VECTORS, .path = path};

	(void)state;
	both();
	wait_for(true);
	pvn_ivshmem_server_free(s);
	wait_for(false);
	s = serve_cfg(&larger);
	wait_why("bytes of memory now");
	pvn_ivshmem_server_free(s);
	s = serve(VECTORS - 1, 2);
	wait_why("vectors now");
	pvn_ivshmem_server_free(s);
	s = serve(VECTORS + 1, 2);
	wait_for(true);
	assert_int_equal(pvn_ivshmem_hub_vectors(guest), VECTORS);
	close_both();
	pvn_ivshmem_server_free(s);
}

/* Ports may be added and removed while there is no server. */
static void
test_meanwhile(void **state)
{
	struct pvn_ivshmem_server *s = serve(VECTORS, 2);
	struct ivshmem_object o;
	uint64_t len;

	(void)state;
	both();
	wait_for(true);
	pvn_ivshmem_server_free(s);
	wait_for(false);
	pvn_ivshmem_hub_lock(host);
	assert_null(pvn_ivshmem_hub_net(host, "net0", &len));
	pvn_ivshmem_hub_remove_net(host, "net0");
	assert_int_equal(pvn_ivshmem_hub_add_net(host, "one", IVSHMEM_NET_BYTES_MIN), 0);
	assert_int_equal(pvn_ivshmem_hub_add_net(host, "two", 0), 0);
	assert_int_equal(pvn_ivshmem_hub_add_net(host, "three", 0), -ENOSPC);
	pvn_ivshmem_hub_unlock(host);
	s = serve(VECTORS, 2);
	wait_for(true);
	pvn_ivshmem_hub_lock(guest);
	assert_int_equal(pvn_ivshmem_hub_find_net(guest, "two", 0, &o), 0);
	pvn_ivshmem_hub_unlock(guest);
	close_both();
	pvn_ivshmem_server_free(s);
}

/* One that accepts and says nothing costs a second now and then, and does not delay our end. */
static void
test_silent(void **state)
{
	struct pvn_ivshmem_server *s = serve(VECTORS, 2);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int silent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int64_t start;

	(void)state;
	both();
	wait_for(true);
	pvn_ivshmem_server_free(s);
	strcpy(addr.sun_path, host_path);
	assert_int_equal(bind(silent, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(silent, 8), 0);
	wait_why("has not sent its version");
	start = pvn_now_ms();
	close_both();
	assert_true(pvn_now_ms() - start < 4000);
	close(silent);
	unlink(host_path);
}

static int
run(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(test_comes_back),
		KIT_TEST(test_another_one),
		KIT_TEST(test_meanwhile),
		KIT_TEST(test_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
	return kit_run(run);
}
