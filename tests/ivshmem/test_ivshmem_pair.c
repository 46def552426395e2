/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Host and guest as two processes, each with an EAL of its own, over a memory file: no virtual
 * machine is needed (H57). The guest is this program, started anew as "--guest CASE SPEC"; the two
 * agree by single characters, in turns.
 */
#include "share_kit.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>

extern char **environ;

static int chat = -1;
static pid_t guest_pid;

static void
say(char c)
{
	assert_int_equal(send(chat, &c, 1, MSG_NOSIGNAL), 1);
}

static void
await(char c)
{
	char got = 0;

	assert_int_equal(recv(chat, &got, 1, 0), 1);
	assert_int_equal(got, c);
}

/* ---- the guest's process ---- */

/* Not by cmocka: a failure ends the process. */
#define NEED(good)                                                                                 \
	do {                                                                                       \
		if (!(good)) {                                                                     \
			fprintf(stderr, "guest: %s:%d: %s (%s)\n", __FILE__, __LINE__, #good,      \
				pvn_ivshmem_why());                                                \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static void
guest_say(char c)
{
	NEED(send(chat, &c, 1, MSG_NOSIGNAL) == 1);
}

static void
guest_await(char c)
{
	char got = 0;

	NEED(recv(chat, &got, 1, 0) == 1 && got == c);
}

static void
guest_lookup(const char *spec)
{
	struct pvn_ivshmem_attached *a, *again;
	const struct rte_memzone *mz;
	struct rte_ring *r;

	NEED(rte_ring_lookup("there") == NULL);
	NEED(rte_mempool_lookup("pool") == NULL);
	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(pvn_ivshmem_attach(spec, 0, &again) == -EEXIST); /* the address is taken */
	NEED(strcmp(pvn_ivshmem_attached_name(a), "pair") == 0);
	r = rte_ring_lookup("there");
	NEED(r != NULL && r->memzone == NULL);
	NEED(rte_mempool_lookup("pool") != NULL);
	mz = pvn_ivshmem_memzone_lookup("zone");
	NEED(mz != NULL && mz->len == 64 && strcmp(mz->addr, "from the host") == 0);
	NEED(pvn_ivshmem_memzone_lookup("nothing") == NULL && rte_errno == ENOENT);
	NEED(pvn_ivshmem_attached_left_out(a) == 0);
	rte_ring_free(r); /* refused, and no crash */
	NEED(rte_ring_lookup("there") == r);
	NEED(rte_memzone_free(mz) < 0);
	guest_say('a');

	guest_await('r'); /* removed a ring, added another */
	NEED(pvn_ivshmem_attached_poll(a) == 1);
	NEED(rte_ring_lookup("there") == NULL);
	NEED(rte_ring_lookup("late") != NULL);
	NEED(pvn_ivshmem_attached_poll(a) == 0);
	guest_say('b');

	guest_await('d');
	pvn_ivshmem_detach(a);
	NEED(rte_ring_lookup("late") == NULL);
	NEED(rte_mempool_lookup("pool") == NULL);
	NEED(pvn_ivshmem_memzone_lookup("zone") == NULL);
	/* Nothing of it is mapped any more. */
	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(rte_ring_lookup("late") != NULL);
	pvn_ivshmem_detach(a);
}

static void
guest_pingpong(const char *spec)
{
	struct pvn_ivshmem_attached *a;
	struct rte_ring *there, *back;
	unsigned int n = 0;

	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	there = rte_ring_lookup("there");
	back = rte_ring_lookup("back");
	guest_say('a');
	while (n < 100) {
		struct rte_mbuf *m = NULL;

		if (rte_ring_dequeue(there, (void **)&m) < 0)
			continue;
		*rte_pktmbuf_mtod(m, uint32_t *) ^= UINT32_MAX;
		NEED(rte_ring_enqueue(back, m) == 0);
		n++;
	}
	guest_say('b');
	guest_await('d');
	pvn_ivshmem_detach(a);
}

static void
guest_link(const char *spec)
{
	struct pvn_ivshmem_guest_link l;
	struct pvn_ivshmem_attached *a;
	void *got[128];
	uint32_t n = 0;

	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(pvn_ivshmem_guest_link_open(&l, pvn_ivshmem_attached_guest(a), "nolink") == -ENOENT);
	NEED(pvn_ivshmem_guest_link_open(&l, pvn_ivshmem_attached_guest(a), "link") == 0);
	NEED(pvn_ivshmem_guest_link_take(&l, got, 128) == 0);
	guest_say('a');
	guest_await('l');
	while (n < 100)
		n += pvn_ivshmem_guest_link_take(&l, got + n, 100 - n);
	for (uint32_t i = 0; i < n; i++)
		*rte_pktmbuf_mtod((struct rte_mbuf *)got[i], uint32_t *) ^= UINT32_MAX;
	NEED(pvn_ivshmem_guest_link_give(&l, got, 60) == 60);
	guest_say('g'); /* 40 are kept */
	guest_await('d');
	pvn_ivshmem_detach(a);
}

/* Taken for dead while it lives: it sees that, and begins anew. */
static void
guest_given_up(const char *spec)
{
	struct pvn_ivshmem_guest_link l;
	struct pvn_ivshmem_attached *a;
	void *got[2];

	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(pvn_ivshmem_guest_link_open(&l, pvn_ivshmem_attached_guest(a), "link") == 0);
	guest_say('a');
	guest_await('l');
	NEED(pvn_ivshmem_guest_link_take(&l, got, 2) == 2);
	guest_say('t');
	guest_await('g');
	NEED(pvn_ivshmem_guest_link_give(&l, got, 2) == 0);
	NEED(pvn_ivshmem_attached_poll(a) == -ESTALE);
	pvn_ivshmem_detach(a);
	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(pvn_ivshmem_guest_link_open(&l, pvn_ivshmem_attached_guest(a), "link") == 0);
	guest_say('b');
	guest_await('l');
	NEED(pvn_ivshmem_guest_link_take(&l, got, 2) == 1);
	NEED(pvn_ivshmem_guest_link_give(&l, got, 1) == 1);
	guest_say('t');
	guest_await('d');
	NEED(pvn_ivshmem_attached_poll(a) == 0);
	pvn_ivshmem_detach(a);
}

static void
guest_refused(const char *spec, int want)
{
	struct pvn_ivshmem_attached *a;
	int ret = pvn_ivshmem_attach(spec, 0, &a);

	NEED(ret == want);
}

static void
guest_occupied(const char *spec)
{
	void *want = (void *)(uintptr_t)IVSHMEM_BASE_DEFAULT;
	struct pvn_ivshmem_attached *a;
	uint8_t *mine = mmap(want, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	NEED(mine == want);
	*mine = 42;
	guest_refused(spec, -EEXIST);
	NEED(strstr(pvn_ivshmem_why(), "0x200000000000") != NULL);
	NEED(*mine == 42);
	munmap(mine, 4096);
	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	pvn_ivshmem_detach(a);
}

/* A process where the operations have other numbers: one more comes first. */
static void
guest_ops(const char *spec)
{
	struct pvn_ivshmem_attached *a;
	struct rte_mempool_ops moved[RTE_MEMPOOL_MAX_OPS_IDX];
	uint32_t n = rte_mempool_ops_table.num_ops;
	FILE *f;
	char *text;
	size_t len;

	memcpy(moved, rte_mempool_ops_table.ops, sizeof(moved));
	for (uint32_t i = 0; i < n; i++)
		rte_mempool_ops_table.ops[(i + 1) % n] = moved[i];
	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(rte_mempool_lookup("pool") == NULL);
	NEED(rte_ring_lookup("there") != NULL);
	NEED(pvn_ivshmem_attached_left_out(a) == 1);
	f = open_memstream(&text, &len);
	pvn_ivshmem_attached_dump(f, a);
	fclose(f);
	NEED(strstr(text, "ring_mp_mc") != NULL);
	free(text);
	pvn_ivshmem_detach(a);
}

/* Follows a host that ends and one that begins anew, as told by polling alone. */
static void
guest_restart(const char *spec)
{
	struct pvn_ivshmem_attached *a;
	int ret;

	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	guest_say('a');
	do
		ret = pvn_ivshmem_attached_poll(a);
	while (ret >= 0);
	NEED(ret == -ENOTCONN || ret == -ESTALE);
	pvn_ivshmem_detach(a);
	NEED(rte_ring_lookup("there") == NULL);
	do
		ret = pvn_ivshmem_attach(spec, 0, &a);
	while (ret == -EAGAIN || ret == -ENODEV);
	NEED(ret == 0);
	guest_say('b');
	guest_await('d');
	NEED(pvn_ivshmem_attached_poll(a) >= 0);
	NEED(rte_ring_lookup("anew") != NULL);
	pvn_ivshmem_detach(a);
}

static void
guest_reader(const char *spec)
{
	struct pvn_ivshmem_attached *a;
	const struct rte_memzone *mz;

	NEED(pvn_ivshmem_attach(spec, PVN_IVSHMEM_ATTACH_READ_ONLY, &a) == 0);
	mz = pvn_ivshmem_memzone_lookup("zone");
	NEED(mz != NULL && strcmp(mz->addr, "from the host") == 0);
	NEED(rte_ring_lookup("there") == NULL);
	NEED(pvn_ivshmem_attached_poll(a) == 0);
	guest_say('a');
	guest_await('d');
	pvn_ivshmem_detach(a);
}

static void
guest_two(const char *spec)
{
	struct pvn_ivshmem_attached *a, *b;
	char first[128];
	const char *second = strchr(spec, '+') + 1;

	snprintf(first, sizeof(first), "%.*s", (int)(second - spec - 1), spec);
	NEED(pvn_ivshmem_attach(first, 0, &a) == 0);
	NEED(pvn_ivshmem_attach(second, 0, &b) == 0);
	NEED(rte_ring_lookup("there") != NULL && rte_ring_lookup("other") != NULL);
	pvn_ivshmem_detach(a);
	NEED(rte_ring_lookup("there") == NULL && rte_ring_lookup("other") != NULL);
	pvn_ivshmem_detach(b);
}

static int
run_guest(char **argv)
{
	const char *name = argv[2], *spec = argv[3];

	chat = 3;
	kit_eal(argv[0]);
	if (strcmp(name, "lookup") == 0)
		guest_lookup(spec);
	else if (strcmp(name, "pingpong") == 0)
		guest_pingpong(spec);
	else if (strcmp(name, "link") == 0)
		guest_link(spec);
	else if (strcmp(name, "given up") == 0)
		guest_given_up(spec);
	else if (strcmp(name, "foreign") == 0)
		guest_refused(spec, -ENODEV);
	else if (strcmp(name, "broken") == 0)
		guest_refused(spec, -EPROTO);
	else if (strcmp(name, "occupied") == 0)
		guest_occupied(spec);
	else if (strcmp(name, "ops") == 0)
		guest_ops(spec);
	else if (strcmp(name, "restart") == 0)
		guest_restart(spec);
	else if (strcmp(name, "reader") == 0)
		guest_reader(spec);
	else if (strcmp(name, "two") == 0)
		guest_two(spec);
	else
		return 2;
	return 0;
}

/* ---- the host's ---- */

static void
start_guest(const char *name, const char *spec)
{
	char *argv[] = {"/proc/self/exe", "--guest", (char *)(uintptr_t)name,
			(char *)(uintptr_t)spec, NULL};
	posix_spawn_file_actions_t files;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	posix_spawn_file_actions_init(&files);
	if (pair[1] == 3)
		pair[1] = dup(3);
	posix_spawn_file_actions_adddup2(&files, pair[1], 3);
	assert_int_equal(posix_spawn(&guest_pid, argv[0], &files, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&files);
	close(pair[1]);
	chat = pair[0];
}

static void
end_guest(void)
{
	int status;

	assert_int_equal(waitpid(guest_pid, &status, 0), guest_pid);
	assert_int_equal(status, 0);
	close(chat);
}

static struct rte_ring *there, *back;
static struct rte_mempool *pool;
static const struct rte_memzone *zone;

static int
setup(void **state)
{
	(void)state;
	kit_create("pair");
	there = kit_ring("there", 256, "pair");
	back = kit_ring("back", 256, "pair");
	pool = kit_pool("pool", 127, 0, "pair");
	zone = rte_memzone_reserve("zone", 64, pvn_ivshmem_socket("pair"), 0);
	strcpy(zone->addr, "from the host");
	assert_ok(pvn_ivshmem_add_ring(there, "pair"));
	assert_ok(pvn_ivshmem_add_ring(back, "pair"));
	assert_ok(pvn_ivshmem_add_mempool(pool, "pair"));
	assert_ok(pvn_ivshmem_add_memzone(zone, "pair"));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pvn_ivshmem_remove_ring(there, "pair");
	pvn_ivshmem_remove_ring(back, "pair");
	pvn_ivshmem_remove_mempool(pool, "pair");
	pvn_ivshmem_remove_memzone(zone, "pair");
	rte_ring_free(there);
	rte_ring_free(back);
	rte_mempool_free(pool);
	rte_memzone_free(zone);
	assert_ok(pvn_ivshmem_destroy("pair"));
	return 0;
}

static void
h48_found_by_name(void **state)
{
	struct rte_ring *late = kit_ring("late", 8, "pair");

	(void)state;
	start_guest("lookup", kit_where("pair"));
	await('a');
	assert_ok(pvn_ivshmem_remove_ring(there, "pair"));
	assert_ok(pvn_ivshmem_add_ring(late, "pair"));
	say('r');
	await('b');
	say('d');
	end_guest();
	assert_ok(pvn_ivshmem_remove_ring(late, "pair"));
	rte_ring_free(late);
}

static void
h49_h57_hundred_packets_by_pointer(void **state)
{
	struct rte_mbuf *sent[100];

	(void)state;
	start_guest("pingpong", kit_where("pair"));
	await('a');
	assert_int_equal(pvn_ivshmem_poll("pair"), 1);
	for (uint32_t i = 0; i < 100; i++) {
		sent[i] = rte_pktmbuf_alloc(pool);
		assert_non_null(sent[i]);
		*(uint32_t *)rte_pktmbuf_append(sent[i], 60) = i;
		assert_int_equal(rte_ring_enqueue(there, sent[i]), 0);
	}
	await('b');
	for (uint32_t i = 0; i < 100; i++) {
		struct rte_mbuf *m;

		assert_int_equal(rte_ring_dequeue(back, (void **)&m), 0);
		assert_ptr_equal(m, sent[i]);
		assert_int_equal(*rte_pktmbuf_mtod(m, uint32_t *), ~i);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(rte_mempool_avail_count(pool), 127);
	say('d');
	end_guest();
	assert_int_equal(pvn_ivshmem_poll("pair"), 1);
}

static void
h51_link_gives_everything_back(void **state)
{
	struct pvn_ivshmem_link_stats stats;
	struct pvn_ivshmem_info info;
	struct pvn_ivshmem_link *l;
	void *m[128];
	uint32_t n = 0;

	(void)state;
	assert_ok(pvn_ivshmem_link_create("pair", "link", pool, 128, true, &l));
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, (struct rte_mbuf **)m, 100), 0);
	assert_int_equal(pvn_ivshmem_link_lend(l, m, 100), 0); /* nobody is there */
	start_guest("link", kit_where("pair"));
	await('a');
	assert_int_equal(pvn_ivshmem_poll("pair"), 1);
	assert_int_equal(pvn_ivshmem_link_lend(l, m, 100), 100);
	assert_int_equal(pvn_ivshmem_link_lend(l, m, 1), 0); /* lent already */
	say('l');
	await('g');
	while (n < 60)
		n += pvn_ivshmem_link_take(l, m + n, 128 - n);
	assert_int_equal(pvn_ivshmem_link_out(l), 40);
	assert_ok(pvn_ivshmem_info("pair", &info));
	assert_int_equal(info.lent, 40);
	assert_int_equal(pvn_ivshmem_link_destroy(l), -EBUSY);
	for (uint32_t i = 0; i < n; i++)
		rte_pktmbuf_free(m[i]);
	assert_int_equal(rte_mempool_avail_count(pool), 87);
	say('d');
	end_guest();
	assert_int_equal(pvn_ivshmem_poll("pair"), 1);
	assert_int_equal(pvn_ivshmem_link_reclaim(l), 40);
	pvn_ivshmem_link_stats(l, &stats);
	assert_int_equal(stats.lent, 100);
	assert_int_equal(stats.taken, 60);
	assert_int_equal(stats.reclaimed, 40);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(rte_mempool_avail_count(pool), 127);
	assert_ok(pvn_ivshmem_link_destroy(l));
}

static void
h51_given_up_alive(void **state)
{
	struct pvn_ivshmem_link *l;
	void *m[2];

	(void)state;
	assert_ok(pvn_ivshmem_link_create("pair", "link", pool, 8, true, &l));
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, (struct rte_mbuf **)m, 2), 0);
	start_guest("given up", kit_where("pair"));
	await('a');
	assert_int_equal(pvn_ivshmem_poll("pair"), 1);
	assert_int_equal(pvn_ivshmem_link_lend(l, m, 2), 2);
	say('l');
	await('t');
	assert_ok(pvn_ivshmem_gone("pair"));
	assert_int_equal(pvn_ivshmem_link_reclaim(l), 2);
	/* Its page still says that it is there. */
	assert_int_equal(pvn_ivshmem_poll("pair"), 0);
	assert_int_equal(pvn_ivshmem_link_lend(l, m, 1), 0);
	say('g');
	await('b');
	assert_int_equal(pvn_ivshmem_poll("pair"), 1);
	m[0] = rte_pktmbuf_alloc(pool);
	assert_int_equal(pvn_ivshmem_link_lend(l, m, 1), 1);
	say('l');
	await('t');
	assert_int_equal(pvn_ivshmem_link_take(l, m, 2), 1);
	rte_pktmbuf_free(m[0]);
	assert_int_equal(rte_mempool_avail_count(pool), 127);
	say('d');
	end_guest();
	assert_int_equal(pvn_ivshmem_poll("pair"), 1);
	assert_ok(pvn_ivshmem_link_destroy(l));
}

static void
h43_foreign_device(void **state)
{
	int fd = memfd_create("foreign", 0);
	char spec[64];

	(void)state;
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	snprintf(spec, sizeof(spec), "file:/proc/%d/fd/%d", (int)getpid(), fd);
	start_guest("foreign", spec);
	end_guest();
	close(fd);
}

static void
h44_two_devices(void **state)
{
	struct rte_ring *other;
	char specs[160];

	(void)state;
	kit_create("second");
	other = kit_ring("other", 8, "second");
	assert_ok(pvn_ivshmem_add_ring(other, "second"));
	snprintf(specs, sizeof(specs), "%s", kit_where("pair"));
	snprintf(specs + strlen(specs), sizeof(specs) - strlen(specs), "+%s", kit_where("second"));
	start_guest("two", specs);
	end_guest();
	assert_ok(pvn_ivshmem_remove_ring(other, "second"));
	rte_ring_free(other);
	assert_ok(pvn_ivshmem_destroy("second"));
}

static void
h45_occupied_address(void **state)
{
	(void)state;
	start_guest("occupied", kit_where("pair"));
	end_guest();
}

/* The header as another build of DPDK would have written it. */
static void
h46_other_layout(void **state)
{
	struct ivshmem_header *header;
	struct pvn_ivshmem_info info;

	(void)state;
	assert_ok(pvn_ivshmem_info("pair", &info));
	header = (struct ivshmem_header *)(uintptr_t)info.base;
	header->stamp.mbuf_size = pvn_cpu_to_le16(256);
	header->checksum =
		pvn_cpu_to_le32(pvn_ivshmem_crc(header, offsetof(struct ivshmem_header, checksum)));
	start_guest("broken", kit_where("pair"));
	end_guest();
}

static void
h47_corrupt_header(void **state)
{
	struct pvn_ivshmem_info info;

	(void)state;
	assert_ok(pvn_ivshmem_info("pair", &info));
	((uint8_t *)(uintptr_t)info.base)[50] ^= 1;
	start_guest("broken", kit_where("pair"));
	end_guest();
}

static void
h50_other_order_of_operations(void **state)
{
	(void)state;
	start_guest("ops", kit_where("pair"));
	end_guest();
}

static void
h53_guest_that_only_reads(void **state)
{
	(void)state;
	start_guest("reader", kit_where("pair"));
	await('a');
	assert_int_equal(pvn_ivshmem_poll("pair"), 0); /* not even seen */
	say('d');
	end_guest();
}

/* In a file that outlives the hosts, as a keeper's. */
static void
h52_host_restarts(void **state)
{
	int fd = memfd_create("kept", 0);
	char spec[64];
	struct pvn_ivshmem_conf conf = {.where = spec};
	struct rte_ring *r;

	(void)state;
	teardown(NULL); /* its address is the one that a guest wants */
	assert_int_equal(ftruncate(fd, KIT_SIZE), 0);
	snprintf(spec, sizeof(spec), "file:/proc/%d/fd/%d", (int)getpid(), fd);
	assert_ok(pvn_ivshmem_create("kept", &conf));
	start_guest("restart", spec);
	await('a');
	assert_int_equal(pvn_ivshmem_poll("kept"), 1);
	assert_ok(pvn_ivshmem_destroy("kept"));
	assert_ok(pvn_ivshmem_create("kept", &conf)); /* waits until it has let go */
	await('b');
	assert_int_equal(pvn_ivshmem_poll("kept"), 1);
	r = kit_ring("anew", 8, "kept");
	assert_ok(pvn_ivshmem_add_ring(r, "kept"));
	say('d');
	end_guest();
	assert_ok(pvn_ivshmem_remove_ring(r, "kept"));
	rte_ring_free(r);
	assert_ok(pvn_ivshmem_destroy("kept"));
	close(fd);
	setup(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(h43_foreign_device),
		TEST(h44_two_devices),
		TEST(h45_occupied_address),
		TEST(h46_other_layout),
		TEST(h47_corrupt_header),
		TEST(h48_found_by_name),
		TEST(h49_h57_hundred_packets_by_pointer),
		TEST(h50_other_order_of_operations),
		TEST(h51_link_gives_everything_back),
		TEST(h51_given_up_alive),
		TEST(h52_host_restarts),
		TEST(h53_guest_that_only_reads),
	};

	if (argc == 4 && strcmp(argv[1], "--guest") == 0)
		return run_guest(argv);
	kit_eal(argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
