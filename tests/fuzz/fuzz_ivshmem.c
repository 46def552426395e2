/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A guest of a region whose memory is the input's: header and table are changed before we look and,
 * by hostile.h, before each of our loads, with checksums that are right as often as not. What is
 * accepted must lie in the data and have a name; each word is loaded once.
 */
#include <stdlib.h>
#include <string.h>

#include "hostile.h"
#include "region.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define SIZE (1u << 20)
#define OBJECTS 8u
#define WATCHED 16384u /* all that is read */

static uint8_t *mem;
static struct pvn_ivshmem_host host;

static void
add(const char *name, enum ivshmem_type type)
{
	struct ivshmem_object o = {.type = pvn_cpu_to_le32(type),
				   .off = pvn_cpu_to_le64(65536),
				   .len = pvn_cpu_to_le64(4096)};

	strncpy(o.name, name, sizeof(o.name) - 1);
	HOSTILE_RULE(pvn_ivshmem_host_add(&host, &o) >= 0);
}

static void
begin(void)
{
	static const struct pvn_ivshmem_layout layout = {.name = "fuzz",
							 .size = SIZE,
							 .base = UINT64_C(0x200000000000),
							 .objects_max = OBJECTS};

	if (mem == NULL)
		mem = aligned_alloc(IVSHMEM_PAGE, SIZE);
	HOSTILE_RULE(pvn_ivshmem_host_begin(&host, mem, &layout) == 0);
	pvn_ivshmem_host_present(&host);
	add("ring", IVSHMEM_RING);
	add("pool", IVSHMEM_MEMPOOL);
	add("zone", IVSHMEM_MEMZONE);
}

/* Changes that the input asks for; then, if it likes, checksums that fit. */
static void
spoil(void)
{
	uint8_t how = hostile_u8();

	for (uint8_t n = hostile_u8() % 16; n > 0; n--) {
		size_t at = how & 1 ? hostile_u8() : IVSHMEM_OBJECTS_OFF + hostile_u8() * 4u;
		uint8_t shape = hostile_u8();
		uint64_t value = shape & 8 ? hostile_u32() : -(uint64_t)hostile_u16();

		hostile_write(at, 1u << (shape & 3), value);
	}
	if (how & 2) {
		struct ivshmem_header *h = (struct ivshmem_header *)mem;

		h->checksum = pvn_cpu_to_le32(region_header_sum(h));
	}
	if (how & 4)
		for (uint32_t i = 0; i < OBJECTS; i++) {
			struct ivshmem_object *o = &region_objects(mem)[i];

			o->checksum = pvn_cpu_to_le32(region_object_sum(o));
		}
}

static void
check_name(const char *name)
{
	HOSTILE_RULE(memchr(name, '\0', IVSHMEM_NAME_MAX) != NULL);
	HOSTILE_RULE(name[0] != '\0' && strchr(name, '/') == NULL);
}

static void
check_object(const struct pvn_ivshmem_guest *g, const struct ivshmem_object *o)
{
	uint64_t off = pvn_le64_to_cpu(o->off), len = pvn_le64_to_cpu(o->len);
	uint32_t in_heap = pvn_le32_to_cpu(o->flags) & IVSHMEM_OBJECT_IN_HEAP;

	check_name(o->name);
	HOSTILE_RULE(len > 0);
	HOSTILE_RULE(off <= IVSHMEM_SIZE_MAX && len <= IVSHMEM_SIZE_MAX - off);
	HOSTILE_RULE(in_heap || (off >= g->data_off && off + len <= SIZE));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const struct hostile_part parts[] = {
		{0, sizeof(struct ivshmem_header), .load = true},
		{IVSHMEM_OBJECTS_OFF, WATCHED, .load = true},
	};
	struct pvn_ivshmem_guest g = {0};
	struct ivshmem_object o;
	int ret;

	hostile_input(data, bytes);
	begin();
	hostile_share(mem, WATCHED, parts, 2);
	spoil();
	hostile_enter();
	ret = pvn_ivshmem_header_check(mem, SIZE, &g.header);
	hostile_leave();
	if (ret == 0) {
		check_name(g.header.name);
		HOSTILE_RULE(pvn_le64_to_cpu(g.header.data_off) < SIZE);
		HOSTILE_RULE(pvn_le32_to_cpu(g.header.objects_max) <= SIZE / sizeof(o));
	}
	if (pvn_ivshmem_guest_attach(&g, mem, SIZE, true, 1) == 0) {
		for (uint32_t i = 0; i < OBJECTS; i++) {
			hostile_enter();
			ret = pvn_ivshmem_guest_object(&g, i, &o);
			hostile_leave();
			if (ret == 0)
				check_object(&g, &o);
		}
		pvn_ivshmem_guest_look(&g);
		pvn_ivshmem_guest_leave(&g);
	}
	hostile_unshare();
	pvn_ivshmem_host_leave(&host);
	return 0;
}
