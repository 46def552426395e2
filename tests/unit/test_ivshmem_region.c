/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A region in plain memory: what a host writes, what a guest accepts, and who waits for whom.
 */
#include "pvn_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "pvn_ivshmem_peer.h"
#include "region.h"

#define SIZE (1u << 20)

static uint8_t *mem;
static struct pvn_ivshmem_host host;
static const struct pvn_ivshmem_layout layout = {
	.name = "r0", .size = SIZE, .base = UINT64_C(0x200000000000), .objects_max = 8};

static int
setup(void **state)
{
	(void)state;
	mem = aligned_alloc(IVSHMEM_PAGE, SIZE);
	memset(mem, 0xa5, SIZE);
	assert_int_equal(pvn_ivshmem_host_begin(&host, mem, &layout), 0);
	pvn_ivshmem_host_present(&host);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pvn_ivshmem_host_leave(&host);
	free(mem);
	return 0;
}

static struct ivshmem_object
object(const char *name, enum ivshmem_type type, uint64_t off, uint64_t len)
{
	struct ivshmem_object o = {.type = pvn_cpu_to_le32(type),
				   .off = pvn_cpu_to_le64(off),
				   .len = pvn_cpu_to_le64(len)};

	strncpy(o.name, name, sizeof(o.name) - 1);
	return o;
}

static int
add(const char *name, enum ivshmem_type type)
{
	struct ivshmem_object o = object(name, type, 65536, 64);

	return pvn_ivshmem_host_add(&host, &o);
}

/* ---- values ---- */

static void
test_crc(void **state)
{
	(void)state;
	assert_int_equal(pvn_ivshmem_crc("123456789", 9), 0xe3069283);
	assert_int_equal(pvn_ivshmem_crc("", 0), 0);
}

/* Golden bytes: the layout that another program would read. */
static void
test_header_bytes(void **state)
{
	static const uint8_t begin[] = {'P', 'V', 'N', 'V', 'S', 'M', 'E', 'M',	 1, 0, 0,
					0,   0,	  0,   0,   0,	 0,   0,   0x10, 0, 0, 0,
					0,   0,	  0,   0,   0,	 0,   0,   0x20, 0, 0};

	(void)state;
	assert_memory_equal(mem, begin, sizeof(begin));
	assert_memory_equal(mem + 40, "r0\0", 4);
	assert_int_equal(offsetof(struct ivshmem_header, checksum), 124);
	assert_int_equal(mem[4096], IVSHMEM_PRESENT);
	assert_int_equal(offsetof(struct ivshmem_object, checksum), 124);
}

static void
test_h41_names(void **state)
{
	static const struct {
		const char *name;
		int want; /* of an object's */
		int want_region;
	} cases[] = {
		{"a", 0, 0},
		{"metadata_of_31.characters-yes.x", 0, 0},
		{"metadata of 31 characters, yes!", 0, -EINVAL},
		{"thirty-two characters are to many", -EINVAL, -EINVAL},
		{"", -EINVAL, -EINVAL},
		{NULL, -EINVAL, -EINVAL},
		{"a/b", -EINVAL, -EINVAL},
		{"..", -EINVAL, -EINVAL},
		{"a..b", -EINVAL, 0}, /* no folder of that name */
		{".", -EINVAL, -EINVAL},
		{".a", 0, -EINVAL},
		{"-a", 0, -EINVAL},
		{"a-", 0, 0},
		{"a\nb", -EINVAL, -EINVAL},
		{"\x7f", -EINVAL, -EINVAL},
		{"\xc3\xa4", -EINVAL, -EINVAL},
		{" a", -EINVAL, -EINVAL},
		{"a ", -EINVAL, -EINVAL},
		{"a b", 0, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		print_message("case: %s\n", cases[i].name != NULL ? cases[i].name : "NULL");
		assert_int_equal(pvn_ivshmem_check_object_name(cases[i].name), cases[i].want);
		assert_int_equal(pvn_ivshmem_check_name(cases[i].name), cases[i].want_region);
	}
}

static void
test_h37_sizes(void **state)
{
	static const struct {
		uint64_t size;
		int want;
	} cases[] = {
		{0, -EINVAL},
		{1, -EINVAL},
		{IVSHMEM_SIZE_MIN / 2, -EINVAL},
		{IVSHMEM_SIZE_MIN, 0},
		{IVSHMEM_SIZE_MIN + 4096, -EINVAL},
		{3 * IVSHMEM_SIZE_MIN, -EINVAL},
		{IVSHMEM_SIZE_MAX, 0},
		{2 * IVSHMEM_SIZE_MAX, -EINVAL},
		{UINT64_MAX, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++)
		assert_int_equal(pvn_ivshmem_check_size(cases[i].size), cases[i].want);
}

static void
test_layout_refused(void **state)
{
	struct pvn_ivshmem_host h;
	struct pvn_ivshmem_layout l;
	uint64_t before = host.generation;

	(void)state;
#define REFUSED(field, value)                                                                      \
	l = layout;                                                                                \
	l.field = value;                                                                           \
	assert_int_equal(pvn_ivshmem_host_begin(&h, mem, &l), -EINVAL)
	REFUSED(name, "a/b");
	REFUSED(size, SIZE - 4096);
	REFUSED(base, 4097);
	REFUSED(base, UINT64_MAX - 4095);
	REFUSED(objects_max, IVSHMEM_OBJECTS_MAX + 1);
	REFUSED(objects_max, SIZE / 128);
	REFUSED(data_align, 4097);
	REFUSED(data_align, 3 * 4096);
	REFUSED(data_align, SIZE);
#undef REFUSED
	/* It was not touched. */
	assert_int_equal(pvn_le64_to_cpu(region_host_page(mem)->generation), before);
}

static void
test_stamps(void **state)
{
	struct ivshmem_stamp a, b;

	(void)state;
	memset(&a, 7, sizeof(a));
	b = a;
	assert_int_equal(pvn_ivshmem_stamp_compare(&a, &b), 0);
	b.dpdk_version++;
	assert_int_equal(pvn_ivshmem_stamp_compare(&a, &b), 1);
	/* Any other byte is a layout. */
	for (size_t i = sizeof(a.dpdk_version); i < sizeof(a); i++) {
		b = a;
		((uint8_t *)&b)[i]++;
		assert_int_equal(pvn_ivshmem_stamp_compare(&a, &b), -EPROTO);
	}
	b = a;
	b.dpdk_version = pvn_cpu_to_le32(0x19070063);
	b.ring_size = pvn_cpu_to_le16(640);
	assert_int_equal(pvn_ivshmem_stamp_compare(&a, &b), -EPROTO);
	assert_non_null(strstr(pvn_ivshmem_why(), "DPDK 7.07.7 and this one, 25.07.0, have"));
}

/* ---- what a guest accepts ---- */

static void
test_h47_every_byte_of_the_header(void **state)
{
	struct ivshmem_header copy;

	(void)state;
	assert_int_equal(pvn_ivshmem_header_check(mem, SIZE, &copy), 0);
	for (size_t i = 0; i < offsetof(struct ivshmem_header, checksum) + 4; i++) {
		for (int bit = 0; bit < 8; bit++) {
			mem[i] ^= 1 << bit;
			assert_int_equal(pvn_ivshmem_header_check(mem, SIZE, &copy),
					 i < 8 ? -ENODEV : -EPROTO);
			mem[i] ^= 1 << bit;
		}
	}
}

/* With a checksum that is right: each field is refused for itself. */
static void
test_h47_header_fields(void **state)
{
	static const struct {
		const char *field;
		size_t off;
		unsigned int bytes;
		uint64_t value;
		int want;
	} cases[] = {
#define FIELD(field, value, want)                                                                  \
	{#field, offsetof(struct ivshmem_header, field),                                           \
	 sizeof(((struct ivshmem_header *)0)->field), value, want}
		FIELD(version, 0, -EPROTO),
		FIELD(version, 2, -EPROTO),
		FIELD(flags, 4, -EPROTO),
		FIELD(flags, 0x80000000, -EPROTO),
		FIELD(size, 0, -ERANGE),
		FIELD(size, 2 * SIZE, -ERANGE),
		FIELD(base, 1, -EPROTO),
		FIELD(base, UINT64_MAX - 4095, -EPROTO),
		FIELD(generation, 0, -EPROTO),
		FIELD(objects_max, 0, -EPROTO),
		FIELD(objects_max, IVSHMEM_OBJECTS_MAX + 1, -EPROTO),
		FIELD(objects_max, UINT32_MAX, -EPROTO),
		FIELD(objects_max, 33, -EPROTO), /* runs into the data */
		FIELD(reserved, 1, -EPROTO),
		FIELD(data_off, 0, -EPROTO),
		FIELD(data_off, 12289, -EPROTO),
		FIELD(data_off, SIZE, -EPROTO),
		FIELD(data_off, UINT64_MAX - 4095, -EPROTO),
		{"name empty", offsetof(struct ivshmem_header, name), 8, 0, -EPROTO},
		{"name a/b", offsetof(struct ivshmem_header, name), 8, 0x622f61, -EPROTO},
		{"name with a tail", offsetof(struct ivshmem_header, name) + 24, 8, 0x61, -EPROTO},
#undef FIELD
	};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		struct ivshmem_header saved, copy, *there = (struct ivshmem_header *)mem;
		uint64_t value = pvn_cpu_to_le64(cases[i].value);

		print_message("case: %s\n", cases[i].field);
		memcpy(&saved, mem, sizeof(saved));
		memcpy(mem + cases[i].off, &value, cases[i].bytes);
		there->checksum = pvn_cpu_to_le32(region_header_sum(there));
		assert_int_equal(pvn_ivshmem_header_check(mem, SIZE, &copy), cases[i].want);
		memcpy(mem, &saved, sizeof(saved));
	}
}

static void
test_h43_foreign_memory(void **state)
{
	struct ivshmem_header copy;

	(void)state;
	memset(mem, 0, 4096);
	assert_int_equal(pvn_ivshmem_header_check(mem, SIZE, &copy), -ENODEV);
	memset(mem, 0xff, 4096);
	assert_int_equal(pvn_ivshmem_header_check(mem, SIZE, &copy), -ENODEV);
	assert_int_equal(pvn_ivshmem_header_check(mem, SIZE - 4096, &copy), -ERANGE);
	assert_int_equal(pvn_ivshmem_header_check(mem, 4096, &copy), -ERANGE);
}

/* ---- life ---- */

static void
test_attach_and_leave(void **state)
{
	struct pvn_ivshmem_guest g;
	struct pvn_ivshmem_guest_seen seen;

	(void)state;
	pvn_ivshmem_host_look(&host, &seen);
	assert_false(seen.present);
	assert_int_equal(pvn_ivshmem_guest_attach(&g, mem, SIZE, true, 7), 0);
	pvn_ivshmem_host_look(&host, &seen);
	assert_true(seen.present);
	assert_int_equal(seen.peer, 7);
	assert_int_equal(seen.attachment, g.attachment);
	assert_int_equal(pvn_ivshmem_guest_look(&g), 0);
	pvn_ivshmem_guest_beat(&g);
	pvn_ivshmem_host_beat(&host);
	assert_int_equal(pvn_ivshmem_guest_host_beat(&g), 1);
	pvn_ivshmem_host_look(&host, &seen);
	assert_int_equal(seen.heartbeat, 1);
	pvn_ivshmem_guest_leave(&g);
	pvn_ivshmem_host_look(&host, &seen);
	assert_false(seen.present);
	assert_int_equal(seen.attachment, 0);
}

static void
test_second_guest_takes_the_place(void **state)
{
	struct pvn_ivshmem_guest a, b;
	struct pvn_ivshmem_guest_seen seen;

	(void)state;
	assert_int_equal(pvn_ivshmem_guest_attach(&a, mem, SIZE, true, 1), 0);
	assert_int_equal(pvn_ivshmem_guest_attach(&b, mem, SIZE, true, 2), 0);
	assert_int_equal(pvn_ivshmem_guest_look(&a), -EOWNERDEAD);
	assert_int_equal(pvn_ivshmem_guest_look(&b), 0);
	pvn_ivshmem_guest_leave(&a); /* not his any more */
	pvn_ivshmem_host_look(&host, &seen);
	assert_int_equal(seen.attachment, b.attachment);
	pvn_ivshmem_guest_leave(&b);
}

/* One that attaches at the same time clears the state, and dies, or only stores it late: the guest
 * that was there seems to go, and to come back to what has been set back meanwhile.
 */
static void
test_gone_is_gone_for_ever(void **state)
{
	struct ivshmem_guest_page *page = region_guest_page(mem);
	struct pvn_ivshmem_guest_seen seen;
	struct pvn_ivshmem_guest g;
	uint64_t first;

	(void)state;
	assert_int_equal(pvn_ivshmem_guest_attach(&g, mem, SIZE, true, 1), 0);
	first = g.attachment;
	page->state = pvn_cpu_to_le32(IVSHMEM_ABSENT);
	page->state = pvn_cpu_to_le32(IVSHMEM_PRESENT);
	pvn_ivshmem_host_look(&host, &seen); /* nobody has seen it */
	assert_int_equal(seen.attachment, first);
	page->state = pvn_cpu_to_le32(IVSHMEM_ABSENT);
	pvn_ivshmem_host_look(&host, &seen);
	assert_false(seen.present);
	page->state = pvn_cpu_to_le32(IVSHMEM_PRESENT);
	for (int i = 0; i < 3; i++) {
		pvn_ivshmem_host_look(&host, &seen);
		assert_false(seen.present);
		assert_int_equal(seen.attachment, 0);
	}
	assert_int_equal(pvn_ivshmem_guest_look(&g), -ESTALE);
	assert_non_null(strstr(pvn_ivshmem_why(), "attach anew"));
	pvn_ivshmem_guest_leave(&g);
	assert_int_equal(pvn_ivshmem_guest_attach(&g, mem, SIZE, true, 1), 0);
	assert_int_not_equal(g.attachment, first);
	pvn_ivshmem_host_look(&host, &seen);
	assert_int_equal(seen.attachment, g.attachment);
	assert_int_equal(pvn_ivshmem_guest_look(&g), 0);
	pvn_ivshmem_guest_leave(&g);
}

/* So is one that somebody else knows to be dead, or takes to be. */
static void
test_given_up(void **state)
{
	struct pvn_ivshmem_guest_seen seen;
	struct pvn_ivshmem_guest g;

	(void)state;
	pvn_ivshmem_host_gone(&host); /* nobody is there */
	assert_int_equal(pvn_ivshmem_guest_attach(&g, mem, SIZE, true, 1), 0);
	pvn_ivshmem_host_look(&host, &seen);
	assert_true(seen.present);
	pvn_ivshmem_host_gone(&host);
	pvn_ivshmem_host_look(&host, &seen);
	assert_false(seen.present);
	assert_int_equal(pvn_ivshmem_guest_look(&g), -ESTALE);
	pvn_ivshmem_guest_leave(&g);
}

static void
test_h52_host_begins_anew(void **state)
{
	struct pvn_ivshmem_host next;
	struct pvn_ivshmem_guest g, late;
	uint32_t peer;

	(void)state;
	assert_int_equal(pvn_ivshmem_guest_attach(&g, mem, SIZE, true, 3), 0);
	/* The older host is killed: nothing is said. */
	assert_int_equal(pvn_ivshmem_host_begin(&next, mem, &layout), 0);
	assert_int_not_equal(next.generation, host.generation);
	assert_true(pvn_ivshmem_host_held(&next, &peer));
	assert_int_equal(peer, 3);
	assert_int_equal(pvn_ivshmem_guest_look(&g), -ESTALE);
	assert_int_equal(pvn_ivshmem_guest_attach(&late, mem, SIZE, true, 4), -EAGAIN);
	assert_true(pvn_ivshmem_host_held(&next, &peer));
	pvn_ivshmem_guest_leave(&g);
	assert_false(pvn_ivshmem_host_held(&next, &peer));
	pvn_ivshmem_host_present(&next);
	assert_int_equal(pvn_ivshmem_guest_attach(&g, mem, SIZE, true, 3), 0);
	assert_false(pvn_ivshmem_host_held(&next, &peer));
	pvn_ivshmem_host_leave(&next);
	assert_int_equal(pvn_ivshmem_guest_look(&g), -ENOTCONN);
	pvn_ivshmem_guest_leave(&g);
}

static void
test_h53_read_only_guest_writes_nothing(void **state)
{
	struct pvn_ivshmem_guest g;
	uint8_t *before = malloc(SIZE);

	(void)state;
	memcpy(before, mem, SIZE);
	assert_int_equal(pvn_ivshmem_guest_attach(&g, mem, SIZE, false, 1), 0);
	assert_int_equal(pvn_ivshmem_guest_look(&g), 0);
	pvn_ivshmem_guest_beat(&g);
	pvn_ivshmem_guest_leave(&g);
	assert_memory_equal(before, mem, SIZE);
	free(before);
}

/* Neither host nor guest ever has the memory while the other believes that it is alone. */
#define ROUNDS 20000
static volatile int turns;
static uint32_t guest_inside, collisions;

static void *
attach_again_and_again(void *arg)
{
	while (__atomic_load_n(&turns, __ATOMIC_ACQUIRE) < ROUNDS) {
		struct pvn_ivshmem_guest g;

		if (pvn_ivshmem_guest_attach(&g, mem, SIZE, true, 1) < 0)
			continue;
		__atomic_store_n(&guest_inside, 1, __ATOMIC_SEQ_CST);
		while (pvn_ivshmem_guest_look(&g) == 0)
			;
		__atomic_store_n(&guest_inside, 0, __ATOMIC_SEQ_CST);
		pvn_ivshmem_guest_leave(&g);
	}
	return arg;
}

static void
test_begin_against_attach(void **state)
{
	struct pvn_ivshmem_layout l = layout;
	pthread_t thread;
	uint32_t peer;

	(void)state;
	l.objects_max = 1;
	assert_int_equal(pthread_create(&thread, NULL, attach_again_and_again, NULL), 0);
	for (turns = 0; turns < ROUNDS; turns++) {
		pvn_ivshmem_host_leave(&host);
		assert_int_equal(pvn_ivshmem_host_begin(&host, mem, &l), 0);
		while (pvn_ivshmem_host_held(&host, &peer))
			;
		collisions += __atomic_load_n(&guest_inside, __ATOMIC_SEQ_CST);
		pvn_ivshmem_host_present(&host);
	}
	pvn_ivshmem_host_leave(&host);
	pthread_join(thread, NULL);
	assert_int_equal(collisions, 0);
	assert_int_equal(pvn_ivshmem_host_begin(&host, mem, &layout), 0);
}

/* ---- objects ---- */

static void
test_objects(void **state)
{
	struct pvn_ivshmem_guest g;
	struct ivshmem_object o;

	(void)state;
	assert_int_equal(pvn_ivshmem_guest_attach(&g, mem, SIZE, true, 1), 0);
	assert_int_equal(pvn_ivshmem_guest_find(&g, IVSHMEM_RING, "r", &o), -ENOENT);
	assert_int_equal(add("r", IVSHMEM_RING), 0);
	assert_int_equal(pvn_ivshmem_guest_changes(&g), 1);
	assert_int_equal(add("r", IVSHMEM_RING), -EEXIST);
	assert_int_equal(add("r", IVSHMEM_MEMZONE), 1); /* another type */
	assert_int_equal(pvn_ivshmem_guest_find(&g, IVSHMEM_RING, "r", &o), 0);
	assert_int_equal(pvn_le64_to_cpu(o.off), 65536);
	assert_int_equal(pvn_ivshmem_host_remove(&host, IVSHMEM_RING, "r"), 0);
	assert_int_equal(pvn_ivshmem_host_remove(&host, IVSHMEM_RING, "r"), -ENOENT);
	assert_int_equal(pvn_ivshmem_guest_find(&g, IVSHMEM_RING, "r", &o), -ENOENT);
	assert_int_equal(pvn_ivshmem_guest_find(&g, IVSHMEM_MEMZONE, "r", &o), 0);
	assert_int_equal(pvn_ivshmem_guest_changes(&g), 3);
	pvn_ivshmem_guest_leave(&g);
}

static void
test_h42_refused_objects_leave_no_trace(void **state)
{
	static const struct {
		const char *name;
		uint32_t type;
		uint64_t off, len;
		int want;
	} cases[] = {
		{"x", IVSHMEM_FREE, 65536, 64, -EINVAL},
		{"x", IVSHMEM_TYPE_LAST + 1, 65536, 64, -EINVAL},
		{"", IVSHMEM_RING, 65536, 64, -EINVAL},
		{"a/b", IVSHMEM_RING, 65536, 64, -EINVAL},
		{"x", IVSHMEM_RING, 0, 64, -ERANGE},
		{"x", IVSHMEM_RING, 12288, 64, -ERANGE},
		{"x", IVSHMEM_RING, SIZE, 1, -ERANGE},
		{"x", IVSHMEM_RING, 65536, 0, -ERANGE},
		{"x", IVSHMEM_RING, 65536, SIZE - 65535, -ERANGE},
		{"x", IVSHMEM_RING, 65536, UINT64_MAX - 65535, -ERANGE},
		{"x", IVSHMEM_RING, UINT64_MAX - 63, 64, -ERANGE},
	};
	uint8_t *before = malloc(SIZE);

	(void)state;
	memcpy(before, mem, SIZE);
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		struct ivshmem_object o =
			object(cases[i].name, cases[i].type, cases[i].off, cases[i].len);

		assert_int_equal(pvn_ivshmem_host_add(&host, &o), cases[i].want);
		assert_memory_equal(before, mem, SIZE);
	}
	free(before);
	for (int i = 0; i < 8; i++) {
		char name[] = {'a' + i, '\0'};

		assert_int_equal(add(name, IVSHMEM_RING), i);
	}
	assert_int_equal(add("one more", IVSHMEM_RING), -ENOSPC);
	assert_int_equal(pvn_ivshmem_host_remove(&host, IVSHMEM_RING, "c"), 0);
	assert_int_equal(add("one more", IVSHMEM_RING), 2);
}

/* The guest sees every flipped bit of an entry; the host does not even look. */
static void
test_h47_every_byte_of_an_object(void **state)
{
	struct pvn_ivshmem_guest g;
	struct ivshmem_object o;
	uint8_t *entry = mem + IVSHMEM_OBJECTS_OFF;

	(void)state;
	assert_int_equal(pvn_ivshmem_guest_attach(&g, mem, SIZE, true, 1), 0);
	assert_int_equal(add("r", IVSHMEM_RING), 0);
	for (size_t i = 0; i < sizeof(o); i++) {
		for (int bit = 0; bit < 8; bit++) {
			entry[i] ^= 1 << bit;
			assert_int_equal(pvn_ivshmem_guest_object(&g, 0, &o),
					 i == 0 && bit == 1 ? -ENOENT : -EPROTO);
			assert_int_equal(add("r", IVSHMEM_RING), -EEXIST);
			entry[i] ^= 1 << bit;
		}
	}
	assert_int_equal(pvn_ivshmem_guest_object(&g, 0, &o), 0);
	assert_int_equal(pvn_ivshmem_guest_object(&g, 8, &o), -ENOENT);
	memset(entry, 0xff, sizeof(o));
	assert_int_equal(pvn_ivshmem_host_remove(&host, IVSHMEM_RING, "r"), 0);
	assert_int_equal(pvn_ivshmem_guest_object(&g, 0, &o), -ENOENT);
	pvn_ivshmem_guest_leave(&g);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_crc),
		TEST(test_header_bytes),
		TEST(test_h41_names),
		TEST(test_h37_sizes),
		TEST(test_layout_refused),
		TEST(test_stamps),
		TEST(test_h47_every_byte_of_the_header),
		TEST(test_h47_header_fields),
		TEST(test_h43_foreign_memory),
		TEST(test_attach_and_leave),
		TEST(test_second_guest_takes_the_place),
		TEST(test_gone_is_gone_for_ever),
		TEST(test_given_up),
		TEST(test_h52_host_begins_anew),
		TEST(test_h53_read_only_guest_writes_nothing),
		TEST(test_begin_against_attach),
		TEST(test_objects),
		TEST(test_h42_refused_objects_leave_no_trace),
		TEST(test_h47_every_byte_of_an_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
