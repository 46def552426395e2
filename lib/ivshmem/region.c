/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Names, sizes, checksums and stamps, and the checks of what was copied out of a region.
 */
#include "region.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "fail.h"

int
pvn_ivshmem_check_name(const char *name)
{
	size_t len = name != NULL ? strlen(name) : 0;

	for (size_t i = 0; i < len && len < IVSHMEM_NAME_MAX; i++) {
		if (isalnum((unsigned char)name[i]) || (i > 0 && strchr("._-", name[i]) != NULL))
			continue;
		return ivs_fail(EINVAL,
				"'%s': a name has letters, digits, '.', '_' and '-', and begins "
				"with a letter or a digit",
				name);
	}
	if (len > 0 && len < IVSHMEM_NAME_MAX)
		return 0;
	return ivs_fail(EINVAL, "'%.64s': a name has 1..%u characters", name != NULL ? name : "",
			IVSHMEM_NAME_MAX - 1);
}

int
pvn_ivshmem_check_size(uint64_t size)
{
	if (size >= IVSHMEM_SIZE_MIN && size <= IVSHMEM_SIZE_MAX && (size & (size - 1)) == 0)
		return 0;
	return ivs_fail(EINVAL,
			"size %" PRIu64 ": expected a power of two, 1 MiB..1 TiB, or QEMU aborts",
			size);
}

int
region_cfg_check(const char *name, uint64_t size, uint32_t vectors)
{
	int ret = pvn_ivshmem_check_name(name);

	if (ret == 0)
		ret = pvn_ivshmem_check_size(size);
	if (ret == 0 && vectors > IVSHMEM_VECTORS_MAX)
		ret = ivs_fail(EINVAL, "%u vectors: expected 1..%u", vectors, IVSHMEM_VECTORS_MAX);
	return ret;
}

int
pvn_ivshmem_check_object_name(const char *name)
{
	size_t len;

	if (name == NULL)
		return ivs_fail(EINVAL, "a name is needed");
	len = strnlen(name, IVSHMEM_NAME_MAX);
	if (len == 0 || len == IVSHMEM_NAME_MAX)
		return ivs_fail(EINVAL, "the name '%.40s': expected 1 to %u characters", name,
				IVSHMEM_NAME_MAX - 1);
	for (size_t i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~')
			return ivs_fail(EINVAL, "a name with byte 0x%02x: expected printable ASCII",
					(unsigned char)name[i]);
	if (name[0] == ' ' || name[len - 1] == ' ')
		return ivs_fail(EINVAL, "the name '%s' begins or ends with a blank", name);
	if (strchr(name, '/') != NULL || strstr(name, "..") != NULL || strcmp(name, ".") == 0)
		return ivs_fail(EINVAL, "the name '%s': '/', '..' and '.' are not accepted", name);
	return 0;
}

/* By half bytes: headers and table entries are short, and written seldom. */
static uint32_t
crc_more(uint32_t crc, const void *data, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		crc = (crc >> 4) ^ table[(crc ^ p[i]) & 15];
		crc = (crc >> 4) ^ table[(crc ^ (p[i] >> 4)) & 15];
	}
	return crc;
}

uint32_t
pvn_ivshmem_crc(const void *data, size_t len)
{
	return ~crc_more(UINT32_MAX, data, len);
}

uint32_t
region_header_sum(const struct ivshmem_header *header)
{
	struct ivshmem_header h = *header;

	h.magic = pvn_cpu_to_le64(IVSHMEM_MAGIC);
	return pvn_ivshmem_crc(&h, offsetof(struct ivshmem_header, checksum));
}

uint32_t
region_object_sum(const struct ivshmem_object *object)
{
	return pvn_ivshmem_crc(object, offsetof(struct ivshmem_object, checksum));
}

/* Whether it ends, with zeros to the end, as every name is stored. */
static bool
name_ends(const char name[IVSHMEM_NAME_MAX])
{
	size_t len = strnlen(name, IVSHMEM_NAME_MAX);

	for (size_t i = len; i < IVSHMEM_NAME_MAX; i++)
		if (name[i] != '\0')
			return false;
	return len < IVSHMEM_NAME_MAX;
}

static bool
object_name_stored(const char name[IVSHMEM_NAME_MAX])
{
	return name_ends(name) && pvn_ivshmem_check_object_name(name) == 0;
}

#define STAMP_WORDS(X)                                                                             \
	X(16, byte_order)                                                                          \
	X(16, pointer_size)                                                                        \
	X(16, cache_line)                                                                          \
	X(16, guard_lines)                                                                         \
	X(16, max_lcore)                                                                           \
	X(16, headroom)                                                                            \
	X(16, ring_size)                                                                           \
	X(16, mempool_size)                                                                        \
	X(32, mempool_cache_size)                                                                  \
	X(16, mempool_objhdr_size)                                                                 \
	X(16, mbuf_size)                                                                           \
	X(32, flags)                                                                               \
	X(32, offsets)

const char *
pvn_ivshmem_stamp_version(const struct ivshmem_stamp *stamp, char text[PVN_IVSHMEM_VERSION_LEN])
{
	uint32_t v = pvn_le32_to_cpu(stamp->dpdk_version);

	snprintf(text, PVN_IVSHMEM_VERSION_LEN, "%u.%02u.%u", v >> 24, v >> 16 & 0xff,
		 v >> 8 & 0xff);
	return text;
}

static int
other_layout(const struct ivshmem_stamp *theirs, const struct ivshmem_stamp *ours, const char *word,
	     uint32_t there, uint32_t here)
{
	char theirs_text[PVN_IVSHMEM_VERSION_LEN], ours_text[PVN_IVSHMEM_VERSION_LEN];

	return ivs_fail(EPROTO,
			"the host's DPDK %s and this one, %s, have other layouts: %s is 0x%x "
			"there, 0x%x here. Build both ends with the same DPDK, or use net ports, "
			"which share nothing of DPDK's",
			pvn_ivshmem_stamp_version(theirs, theirs_text),
			pvn_ivshmem_stamp_version(ours, ours_text), word, there, here);
}

int
pvn_ivshmem_stamp_compare(const struct ivshmem_stamp *theirs, const struct ivshmem_stamp *ours)
{
#define COMPARE(bits, word)                                                                        \
	if (theirs->word != ours->word)                                                            \
		return other_layout(theirs, ours, #word, pvn_le##bits##_to_cpu(theirs->word),      \
				    pvn_le##bits##_to_cpu(ours->word));
	STAMP_WORDS(COMPARE)
#undef COMPARE
	return theirs->dpdk_version != ours->dpdk_version;
}

int
region_object_check(const struct ivshmem_object *o, uint64_t data_off, uint64_t size)
{
	uint32_t type = pvn_le32_to_cpu(o->type);
	uint64_t off = pvn_le64_to_cpu(o->off), len = pvn_le64_to_cpu(o->len);

	if (type == IVSHMEM_FREE || type > IVSHMEM_TYPE_LAST)
		return ivs_fail(EPROTO, "an object of the unknown type %u", type);
	if (!object_name_stored(o->name))
		return ivs_fail(EPROTO, "an object with a name that nobody can give");
	if (o->ops[0] != '\0' && !object_name_stored(o->ops))
		return ivs_fail(EPROTO, "object '%s' with operations of no name", o->name);
	if ((pvn_le32_to_cpu(o->flags) & IVSHMEM_OBJECT_IN_HEAP) != 0) {
		data_off = 0;
		size = IVSHMEM_SIZE_MAX; /* of the heap, which the attacher knows */
	}
	/* Neither sum can wrap: size is checked, and len is compared with what is left. */
	if (off < data_off || off >= size || len == 0 || len > size - off)
		return ivs_fail(ERANGE,
				"object '%s' at 0x%" PRIx64 ", %" PRIu64
				" bytes, is not in the data, which is 0x%" PRIx64 " to 0x%" PRIx64,
				o->name, off, len, data_off, size);
	return 0;
}

static int
header_fields_check(const struct ivshmem_header *h, uint64_t size)
{
	uint64_t said = pvn_le64_to_cpu(h->size), base = pvn_le64_to_cpu(h->base);
	uint64_t data_off = pvn_le64_to_cpu(h->data_off);
	uint32_t max = pvn_le32_to_cpu(h->objects_max), flags = pvn_le32_to_cpu(h->flags);

	if ((flags & ~IVSHMEM_F_ALL) != 0)
		return ivs_fail(EPROTO, "flags 0x%x in the header, known are 0x%x", flags,
				IVSHMEM_F_ALL);
	if (said != size)
		return ivs_fail(ERANGE, "the header is of %" PRIu64 " bytes, here are %" PRIu64,
				said, size);
	if (base % IVSHMEM_PAGE != 0 || base > UINT64_MAX - size)
		return ivs_fail(EPROTO, "the header's address 0x%" PRIx64 " cannot be mapped at",
				base);
	if (h->generation == 0)
		return ivs_fail(EPROTO, "generation 0 in the header");
	if (!name_ends(h->name) || pvn_ivshmem_check_name(h->name) < 0)
		return ivs_fail(EPROTO, "a region with a name that nobody can give");
	if (max == 0 || max > IVSHMEM_OBJECTS_MAX)
		return ivs_fail(EPROTO, "a table of %u objects: expected 1 to %u", max,
				IVSHMEM_OBJECTS_MAX);
	if (data_off % IVSHMEM_PAGE != 0 || data_off >= size ||
	    data_off < IVSHMEM_OBJECTS_OFF + (uint64_t)max * sizeof(struct ivshmem_object))
		return ivs_fail(EPROTO,
				"data from 0x%" PRIx64 " on, in a region of %" PRIu64
				" bytes with %u objects",
				data_off, size, max);
	if (h->reserved != 0)
		return ivs_fail(EPROTO, "0x%x in a reserved word of the header",
				pvn_le32_to_cpu(h->reserved));
	return 0;
}

void
region_copy(void *to, const void *from, size_t bytes)
{
	for (size_t i = 0; i < bytes / 4; i++) {
		pvn_le32 word = LOAD_ONCE((const pvn_le32 *)from + i);

		memcpy((uint8_t *)to + 4 * i, &word, sizeof(word));
	}
}

int
pvn_ivshmem_header_check(const void *mem, uint64_t size, struct ivshmem_header *out)
{
	const struct ivshmem_header *there = mem;
	uint64_t magic;

	if (pvn_ivshmem_check_size(size) < 0)
		return -ERANGE;
	/* Pairs with REL-MAGIC. */
	magic = pvn_le64_to_cpu(LOAD_ACQUIRE(&there->magic));
	out->magic = pvn_cpu_to_le64(magic);
	region_copy(&out->version, &there->version,
		    sizeof(*out) - offsetof(struct ivshmem_header, version));
	if (magic != IVSHMEM_MAGIC)
		return ivs_fail(ENODEV,
				"no Paravane region: magic 0x%" PRIx64 ", expected 0x%" PRIx64,
				magic, IVSHMEM_MAGIC);
	if (pvn_le32_to_cpu(out->version) != IVSHMEM_VERSION)
		return ivs_fail(EPROTO, "a region of version %u, expected %u",
				pvn_le32_to_cpu(out->version), IVSHMEM_VERSION);
	if (pvn_le32_to_cpu(out->checksum) != region_header_sum(out))
		return ivs_fail(EPROTO, "the header's checksum is 0x%x, expected 0x%x",
				pvn_le32_to_cpu(out->checksum), region_header_sum(out));
	return header_fields_check(out, size);
}

uint64_t
region_new_number(uint64_t not_this)
{
	uint64_t n = 0;

	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n)) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		n = (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
	}
	while (n == 0 || n == not_this)
		n++;
	return n;
}
