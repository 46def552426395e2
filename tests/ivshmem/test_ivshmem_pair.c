/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Host and guest as two processes, each with an EAL of its own, over a memory file: no virtual
 * machine is needed (H57). The guest is this program, started anew as "--guest CASE SPEC"; the two
 * agree by single characters, in turns.
 */
#include "pair_guest.h"
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
	uint8_t page[IVSHMEM_PAGE];
	struct ivshmem_header *header;
	struct pvn_ivshmem_info info;

	(void)state;
	assert_ok(pvn_ivshmem_info("pair", &info));
	header = (struct ivshmem_header *)(uintptr_t)info.base;
	header->stamp.mbuf_size = pvn_cpu_to_le16(256);
	header->checksum =
		pvn_cpu_to_le32(pvn_ivshmem_crc(header, offsetof(struct ivshmem_header, checksum)));
	memcpy(page, (uint8_t *)header + IVSHMEM_GUEST_PAGE, sizeof(page));
	start_guest("broken", kit_where("pair"));
	end_guest();
	/* It has not even said that it was there. */
	assert_memory_equal(page, (uint8_t *)header + IVSHMEM_GUEST_PAGE, sizeof(page));
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
		return pair_guest(argv);
	kit_eal(argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
