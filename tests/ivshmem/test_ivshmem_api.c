/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The calls of the sharing library in one process, by the conformance list: the original's
 * autotests, and the defects that they did not see.
 */
#include "share_kit.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include <rte_malloc.h>

static const struct rte_memzone *zone;
static struct rte_ring *ring;
static struct rte_mempool *pool;

static int
setup(void **state)
{
	(void)state;
	kit_create("metadata");
	zone = rte_memzone_reserve("zone", 64, pvn_ivshmem_socket("metadata"), 0);
	assert_non_null(zone);
	ring = kit_ring("ring", 1, "metadata");
	pool = rte_mempool_create("pool", 1, 64, 0, 0, NULL, NULL, NULL, NULL,
				  pvn_ivshmem_socket("metadata"), 0);
	assert_non_null(pool);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pvn_ivshmem_remove_memzone(zone, "metadata");
	pvn_ivshmem_remove_ring(ring, "metadata");
	pvn_ivshmem_remove_mempool(pool, "metadata");
	assert_ok(pvn_ivshmem_memzone_free(zone));
	assert_ok(pvn_ivshmem_ring_free(ring));
	assert_ok(pvn_ivshmem_mempool_free(pool));
	assert_ok(pvn_ivshmem_destroy("metadata"));
	return 0;
}

/* ---- arguments ---- */

static void
h1_create_without_a_name(void **state)
{
	(void)state;
	assert_int_equal(pvn_ivshmem_create(NULL, NULL), -EINVAL);
	assert_non_null(strstr(pvn_ivshmem_why(), "name"));
}

static void
h2_create(void **state)
{
	struct pvn_ivshmem_info info;

	(void)state;
	assert_ok(pvn_ivshmem_create("plain-metadata", NULL));
	assert_ok(pvn_ivshmem_info("plain-metadata", &info));
	assert_int_equal(info.size, PVN_IVSHMEM_SIZE_DEFAULT);
	assert_ok(pvn_ivshmem_destroy("plain-metadata"));
	assert_int_equal(pvn_ivshmem_destroy("plain-metadata"), -ENOENT);
}

static void
h3_to_6_add_memzone_arguments(void **state)
{
	(void)state;
	assert_int_equal(pvn_ivshmem_add_memzone(NULL, NULL), -EINVAL);
	assert_int_equal(pvn_ivshmem_add_memzone(NULL, "metadata"), -EINVAL);
	assert_int_equal(pvn_ivshmem_add_memzone(zone, NULL), -EINVAL);
	assert_int_equal(pvn_ivshmem_add_memzone(zone, "unknown"), -ENOENT);
}

static void
h7_to_10_add_ring_arguments(void **state)
{
	(void)state;
	assert_int_equal(pvn_ivshmem_add_ring(NULL, NULL), -EINVAL);
	assert_int_equal(pvn_ivshmem_add_ring(NULL, "metadata"), -EINVAL);
	assert_int_equal(pvn_ivshmem_add_ring(ring, NULL), -EINVAL);
	assert_int_equal(pvn_ivshmem_add_ring(ring, "unknown"), -ENOENT);
}

static void
h11_to_14_add_mempool_arguments(void **state)
{
	(void)state;
	assert_int_equal(pvn_ivshmem_add_mempool(NULL, NULL), -EINVAL);
	assert_int_equal(pvn_ivshmem_add_mempool(NULL, "metadata"), -EINVAL);
	assert_int_equal(pvn_ivshmem_add_mempool(pool, NULL), -EINVAL);
	assert_int_equal(pvn_ivshmem_add_mempool(pool, "unknown"), -ENOENT);
}

static void
h15_to_18_cmdline_arguments(void **state)
{
	char line[512] = "";

	(void)state;
	assert_int_equal(pvn_ivshmem_cmdline_generate(NULL, sizeof(line), "metadata"), -EINVAL);
	assert_int_equal(pvn_ivshmem_cmdline_generate(line, 0, "metadata"), -EINVAL);
	assert_string_equal(line, "");
	assert_int_equal(pvn_ivshmem_cmdline_generate(line, sizeof(line), NULL), -EINVAL);
	assert_string_equal(line, "");
	assert_int_equal(pvn_ivshmem_cmdline_generate(line, sizeof(line), "unknown"), -ENOENT);
	assert_string_equal(line, "");
}

static void
h19_to_25_add_and_show(void **state)
{
	char line[512] = "", *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_ok(pvn_ivshmem_add_memzone(zone, "metadata"));
	assert_ok(pvn_ivshmem_add_ring(ring, "metadata"));
	assert_ok(pvn_ivshmem_add_mempool(pool, "metadata"));
	assert_ok(pvn_ivshmem_cmdline_generate(line, sizeof(line), "metadata"));
	assert_string_not_equal(line, "");
	pvn_ivshmem_dump(f, NULL);
	pvn_ivshmem_dump(NULL, "metadata");
	pvn_ivshmem_dump(f, "unknown");
	pvn_ivshmem_dump(f, "metadata");
	fclose(f);
	assert_non_null(strstr(text, "memzone  zone"));
	assert_non_null(strstr(text, "ring     ring"));
	assert_non_null(strstr(text, "mempool  pool"));
	free(text);
}

/* ---- content ---- */

static void
h26_to_28_content_after_create(void **state)
{
	static const struct ivshmem_object none;
	int fd = pvn_ivshmem_peer_fd(pvn_ivshmem_peer_of("metadata"));
	uint8_t *mem = mmap(NULL, KIT_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	struct ivshmem_header header;

	(void)state;
	assert_ptr_not_equal(mem, MAP_FAILED);
	assert_ok(pvn_ivshmem_header_check(mem, KIT_SIZE, &header));
	assert_int_equal(pvn_le64_to_cpu(header.magic), IVSHMEM_MAGIC);
	assert_string_equal(header.name, "metadata");
	assert_memory_equal(mem + IVSHMEM_OBJECTS_OFF, &none, sizeof(none));
	munmap(mem, KIT_SIZE);
}

/* ---- how many ---- */

static unsigned int
create_up_to(unsigned int n)
{
	struct pvn_ivshmem_conf conf = {.size = IVSHMEM_SIZE_MIN};
	unsigned int i;

	for (i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "many%u", i);
		if (pvn_ivshmem_create(name, &conf) < 0)
			break;
	}
	return i;
}

static void
destroy_up_to(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "many%u", i);
		assert_ok(pvn_ivshmem_destroy(name));
	}
}

static void
h29_half_of_the_regions(void **state)
{
	(void)state;
	assert_int_equal(create_up_to(PVN_IVSHMEM_REGIONS_MAX / 2), PVN_IVSHMEM_REGIONS_MAX / 2);
	for (unsigned int i = 0; i < PVN_IVSHMEM_REGIONS_MAX / 2; i++) {
		struct ivshmem_header header;
		struct pvn_ivshmem_info info;
		char name[16];

		snprintf(name, sizeof(name), "many%u", i);
		assert_ok(pvn_ivshmem_info(name, &info));
		assert_ok(
			pvn_ivshmem_header_check((void *)(uintptr_t)info.base, info.size, &header));
		assert_string_equal(header.name, name);
		assert_int_equal(pvn_le64_to_cpu(header.base), info.base);
	}
	destroy_up_to(PVN_IVSHMEM_REGIONS_MAX / 2);
}

static void
h30_to_31_all_regions_and_one_more(void **state)
{
	(void)state;
	assert_int_equal(create_up_to(PVN_IVSHMEM_REGIONS_MAX + 1), PVN_IVSHMEM_REGIONS_MAX);
	assert_int_equal(pvn_ivshmem_create("one-more", NULL), -ENOSPC);
	destroy_up_to(PVN_IVSHMEM_REGIONS_MAX);
}

/* DPDK's limit, which is told as such. */
static void
test_heaps(void **state)
{
	unsigned int n = create_up_to(64), heaps = 0;

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		char name[16];
		int socket;

		snprintf(name, sizeof(name), "many%u", i);
		socket = pvn_ivshmem_socket(name);
		if (socket >= 0) {
			heaps++;
			continue;
		}
		assert_int_equal(socket, -ENOSPC);
		assert_non_null(strstr(pvn_ivshmem_why(), "32"));
	}
	print_message("%u heaps\n", heaps);
	assert_true(heaps >= 20 && heaps < 32);
	destroy_up_to(n);
}

static void
h32_name_of_another_process(void **state)
{
	int ready[2], status;
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		c = pvn_ivshmem_create("duplicate", NULL) == 0;
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 1);
	assert_int_equal(pvn_ivshmem_create("duplicate", NULL), -EEXIST);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_ok(pvn_ivshmem_create("duplicate", NULL));
	assert_ok(pvn_ivshmem_destroy("duplicate"));
	close(ready[0]);
	close(ready[1]);
}

static void
h36_same_name_twice_in_one_process(void **state)
{
	(void)state;
	assert_int_equal(pvn_ivshmem_create("metadata", NULL), -EEXIST);
}

#define ZONES IVSHMEM_OBJECTS_DEFAULT

static void
h33_to_34_full_table(void **state)
{
	static const struct rte_memzone *zones[ZONES];

	(void)state;
	for (unsigned int i = 0; i < ZONES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "zone%u", i);
		zones[i] = rte_memzone_reserve(name, 64, pvn_ivshmem_socket("metadata"), 0);
		assert_non_null(zones[i]);
		assert_ok(pvn_ivshmem_add_memzone(zones[i], "metadata"));
	}
	assert_int_equal(pvn_ivshmem_add_memzone(zone, "metadata"), -ENOSPC);
	assert_ok(pvn_ivshmem_remove_memzone(zones[500], "metadata"));
	assert_ok(pvn_ivshmem_add_memzone(zone, "metadata"));
	assert_ok(pvn_ivshmem_memzone_free(zones[500]));
	for (unsigned int i = 0; i < ZONES; i++) {
		if (i == 500)
			continue;
		assert_ok(pvn_ivshmem_remove_memzone(zones[i], "metadata"));
		assert_ok(pvn_ivshmem_memzone_free(zones[i]));
	}
}

static void
h35_duplicate_entry(void **state)
{
	(void)state;
	assert_ok(pvn_ivshmem_add_memzone(zone, "metadata"));
	assert_int_equal(pvn_ivshmem_add_memzone(zone, "metadata"), -EEXIST);
	assert_ok(pvn_ivshmem_add_ring(ring, "metadata"));
	assert_int_equal(pvn_ivshmem_add_ring(ring, "metadata"), -EEXIST);
	assert_ok(pvn_ivshmem_add_mempool(pool, "metadata"));
	assert_int_equal(pvn_ivshmem_add_mempool(pool, "metadata"), -EEXIST);
}

/* ---- the original's defects ---- */

static void
h37_sizes(void **state)
{
	static const uint64_t bad[] = {
		1,	   4096, IVSHMEM_SIZE_MIN / 2, 3 * IVSHMEM_SIZE_MIN, IVSHMEM_SIZE_MIN + 1,
		UINT64_MAX};
	char line[512], want[64];

	(void)state;
	for (size_t i = 0; i < PVN_DIM(bad); i++) {
		struct pvn_ivshmem_conf conf = {.size = bad[i]};

		assert_int_equal(pvn_ivshmem_create("odd", &conf), -EINVAL);
	}
	assert_ok(pvn_ivshmem_cmdline_generate(line, sizeof(line), "metadata"));
	snprintf(want, sizeof(want), ",size=%" PRIu64 ",", KIT_SIZE);
	assert_non_null(strstr(line, want));
}

static void
h40_buffer_one_byte_short(void **state)
{
	char line[512], again[512];
	size_t need;

	(void)state;
	assert_ok(pvn_ivshmem_cmdline_generate(line, sizeof(line), "metadata"));
	need = strlen(line) + 1;
	for (size_t size = 1; size < need; size++) {
		memset(again, 0x5a, sizeof(again));
		assert_int_equal(pvn_ivshmem_cmdline_generate(again, size, "metadata"), -ENOSPC);
		for (size_t i = 0; i < sizeof(again); i++)
			assert_int_equal(again[i], 0x5a);
	}
	assert_ok(pvn_ivshmem_cmdline_generate(again, need, "metadata"));
	assert_string_equal(line, again);
	assert_int_equal(again[need], 0x5a);
}

static void
h41_names(void **state)
{
	static const char *const bad[] = {
		"", "a/b", "..", "../x", "a b\n", "/", "a-name-of-thirty-two-characters."};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(bad); i++)
		assert_int_equal(pvn_ivshmem_create(bad[i], NULL), -EINVAL);
	assert_ok(pvn_ivshmem_create("a-name-of-thirty-one-characters", NULL));
	assert_ok(pvn_ivshmem_socket("a-name-of-thirty-one-characters"));
	assert_ok(pvn_ivshmem_destroy("a-name-of-thirty-one-characters"));
}

static void
h42_objects_elsewhere_leave_no_trace(void **state)
{
	const struct rte_memzone *mz = rte_memzone_reserve("foreign", 64, SOCKET_ID_ANY, 0);
	struct rte_ring *r = rte_ring_create("foreign", 8, SOCKET_ID_ANY, 0);
	struct rte_mempool *mp = rte_mempool_create("foreign", 8, 64, 0, 0, NULL, NULL, NULL, NULL,
						    SOCKET_ID_ANY, 0);
	const struct rte_memzone *rmz = r->memzone;
	uint8_t *before = malloc(KIT_SIZE), *mem;
	struct pvn_ivshmem_info info;

	(void)state;
	assert_ok(pvn_ivshmem_info("metadata", &info));
	mem = (uint8_t *)(uintptr_t)info.base;
	memcpy(before, mem, KIT_SIZE);
	assert_int_equal(pvn_ivshmem_add_memzone(mz, "metadata"), -ERANGE);
	assert_non_null(strstr(pvn_ivshmem_why(), "pvn_ivshmem_socket"));
	assert_int_equal(pvn_ivshmem_add_ring(r, "metadata"), -ERANGE);
	assert_int_equal(pvn_ivshmem_add_mempool(mp, "metadata"), -ERANGE);
	assert_ptr_equal(r->memzone, rmz);
	assert_memory_equal(before, mem, KIT_SIZE);
	assert_ok(pvn_ivshmem_info("metadata", &info));
	assert_int_equal(info.objects, 0);
	rte_memzone_free(mz);
	rte_ring_free(r);
	rte_mempool_free(mp);
	free(before);
}

/* Only the header is in the region: all of a pool must be. */
static void
test_pool_with_foreign_elements(void **state)
{
	struct rte_mempool *mp =
		rte_mempool_create_empty("half", 8, 64, 0, 0, pvn_ivshmem_socket("metadata"), 0);
	const struct rte_memzone *mz = rte_memzone_reserve("elements", 8192, SOCKET_ID_ANY, 0);

	(void)state;
	assert_non_null(mp);
	assert_true(rte_mempool_populate_virt(mp, mz->addr, mz->len, 4096, NULL, NULL) > 0);
	assert_int_equal(pvn_ivshmem_add_mempool(mp, "metadata"), -ERANGE);
	rte_mempool_free(mp);
	rte_memzone_free(mz);
}

static void
h45_base_taken(void **state)
{
	struct pvn_ivshmem_conf conf = {.size = KIT_SIZE};
	struct pvn_ivshmem_info info;

	(void)state;
	assert_ok(pvn_ivshmem_info("metadata", &info));
	conf.base = info.base;
	assert_int_equal(pvn_ivshmem_create("there", &conf), -EEXIST);
	assert_non_null(strstr(pvn_ivshmem_why(), "base"));
	conf.base = info.base + 1;
	assert_int_equal(pvn_ivshmem_create("there", &conf), -EINVAL);
	conf.base = UINT64_C(0x210000000000);
	assert_ok(pvn_ivshmem_create("there", &conf));
	assert_ok(pvn_ivshmem_info("there", &info));
	assert_int_equal(info.base, conf.base);
	assert_ok(pvn_ivshmem_destroy("there"));
}

static void
h53_read_only_region(void **state)
{
	struct pvn_ivshmem_conf conf = {.size = KIT_SIZE, .read_only = true};
	const struct rte_memzone *mz;
	struct rte_ring *r;
	struct pvn_ivshmem_link *l;
	char line[512];

	(void)state;
	assert_ok(pvn_ivshmem_create("tap", &conf));
	mz = rte_memzone_reserve("tap zone", 64, pvn_ivshmem_socket("tap"), 0);
	r = kit_ring("tap ring", 8, "tap");
	assert_ok(pvn_ivshmem_add_memzone(mz, "tap"));
	assert_int_equal(pvn_ivshmem_add_ring(r, "tap"), -EROFS);
	assert_int_equal(pvn_ivshmem_link_create("tap", "l", pool, 8, false, &l), -EROFS);
	assert_ok(pvn_ivshmem_cmdline_generate(line, sizeof(line), "tap"));
	assert_non_null(strstr(line, "share=on,readonly=on"));
	assert_ok(pvn_ivshmem_remove_memzone(mz, "tap"));
	rte_memzone_free(mz);
	rte_ring_free(r);
	assert_ok(pvn_ivshmem_destroy("tap"));
}

static void
h58_pool_with_cache(void **state)
{
	struct rte_mempool *mp = kit_pool("cached", 63, 8, "metadata");

	(void)state;
	assert_int_equal(pvn_ivshmem_add_mempool(mp, "metadata"), -ENOTSUP);
	assert_non_null(strstr(pvn_ivshmem_why(), "cache"));
	rte_mempool_free(mp);
}

static void
h59_free_of_what_is_exported(void **state)
{
	(void)state;
	assert_ok(pvn_ivshmem_add_memzone(zone, "metadata"));
	assert_ok(pvn_ivshmem_add_ring(ring, "metadata"));
	assert_ok(pvn_ivshmem_add_mempool(pool, "metadata"));
	assert_int_equal(pvn_ivshmem_memzone_free(zone), -EBUSY);
	assert_int_equal(pvn_ivshmem_ring_free(ring), -EBUSY);
	assert_int_equal(pvn_ivshmem_mempool_free(pool), -EBUSY);
	/* DPDK's own call refuses a ring too. */
	rte_ring_free(ring);
	assert_ptr_equal(rte_ring_lookup("ring"), ring);
	assert_int_equal(pvn_ivshmem_destroy("metadata"), -EBUSY);
	assert_ok(pvn_ivshmem_remove_ring(ring, "metadata"));
	assert_non_null(ring->memzone);
	assert_int_equal(pvn_ivshmem_remove_ring(ring, "metadata"), -ENOENT);
	/* What DPDK cannot refuse is told when it is removed. */
	rte_memzone_free(zone);
	rte_mempool_free(pool);
	assert_int_equal(pvn_ivshmem_remove_memzone(zone, "metadata"), -ESTALE);
	assert_int_equal(pvn_ivshmem_remove_mempool(pool, "metadata"), -ESTALE);
	zone = rte_memzone_reserve("zone", 64, pvn_ivshmem_socket("metadata"), 0);
	pool = rte_mempool_create("pool", 1, 64, 0, 0, NULL, NULL, NULL, NULL,
				  pvn_ivshmem_socket("metadata"), 0);
}

static void
test_destroy_with_allocations(void **state)
{
	void *p;

	(void)state;
	kit_create("busy");
	p = rte_malloc_socket(NULL, 100, 0, pvn_ivshmem_socket("busy"));
	assert_non_null(p);
	assert_int_equal(pvn_ivshmem_destroy("busy"), -EBUSY);
	rte_free(p);
	assert_ok(pvn_ivshmem_destroy("busy"));
}

static void
test_hugetlb_without_any(void **state)
{
	struct pvn_ivshmem_conf conf = {.size = KIT_SIZE, .page_size = 3 * 4096};

	(void)state;
	assert_int_equal(pvn_ivshmem_create("odd-pages", &conf), -EINVAL);
	conf.page_size = 2 * KIT_SIZE;
	assert_int_equal(pvn_ivshmem_create("large-pages", &conf), -EINVAL);
	conf.page_size = 8192; /* no machine of ours has it */
	assert_true(pvn_ivshmem_create("unknown-pages", &conf) < 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(h1_create_without_a_name),
		TEST(h2_create),
		TEST(h3_to_6_add_memzone_arguments),
		TEST(h7_to_10_add_ring_arguments),
		TEST(h11_to_14_add_mempool_arguments),
		TEST(h15_to_18_cmdline_arguments),
		TEST(h19_to_25_add_and_show),
		TEST(h26_to_28_content_after_create),
		TEST(h33_to_34_full_table),
		TEST(h35_duplicate_entry),
		TEST(h36_same_name_twice_in_one_process),
		TEST(h37_sizes),
		TEST(h40_buffer_one_byte_short),
		TEST(h41_names),
		TEST(h42_objects_elsewhere_leave_no_trace),
		TEST(test_pool_with_foreign_elements),
		TEST(h45_base_taken),
		TEST(h53_read_only_region),
		TEST(h58_pool_with_cache),
		TEST(h59_free_of_what_is_exported),
		TEST(test_destroy_with_allocations),
		TEST(test_hugetlb_without_any),
		/* Without a region of the setup. */
		cmocka_unit_test(h29_half_of_the_regions),
		cmocka_unit_test(h30_to_31_all_regions_and_one_more),
		cmocka_unit_test(test_heaps),
		cmocka_unit_test(h32_name_of_another_process),
	};

	(void)argc;
	kit_eal(argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
