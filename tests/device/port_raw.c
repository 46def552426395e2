/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "port_raw.h"

#include <string.h>

#define LINE 64
#define DESC_BYTES 16
#define ELEM_BYTES 8
#define IDX_AT 2   /* of the index, in both other parts */
#define SLOTS_AT 4 /* of what follows it */

static size_t
lines(size_t bytes)
{
	return (bytes + LINE - 1) / LINE * LINE;
}

size_t
raw_avail_at(uint32_t size)
{
	return lines((size_t)DESC_BYTES * size);
}

size_t
raw_used_at(uint32_t size)
{
	return raw_avail_at(size) + lines(SLOTS_AT + (size_t)2 * size);
}

size_t
raw_bytes(uint32_t size)
{
	return raw_used_at(size) + lines(SLOTS_AT + (size_t)ELEM_BYTES * size);
}

static void
put(uint8_t *at, unsigned int bytes, uint64_t value)
{
	for (unsigned int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t
get(const uint8_t *at, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = bytes; i > 0; i--)
		value = value << 8 | at[i - 1];
	return value;
}

uint64_t
raw_addr(uint16_t pool, uint64_t offset)
{
	return (uint64_t)pool * 0x1000000000000u + offset;
}

void
raw_put16(uint8_t *at, uint16_t value)
{
	put(at, 2, value);
}

uint16_t
raw_get16(const uint8_t *at)
{
	return (uint16_t)get(at, 2);
}

uint32_t
raw_get32(const uint8_t *at)
{
	return (uint32_t)get(at, 4);
}

void
raw_clear(struct raw_ring *r)
{
	memset(r->mem, 0, raw_bytes(r->size));
}

static uint8_t *
desc(const struct raw_ring *r, uint32_t i)
{
	return r->mem + (size_t)(i % r->size) * DESC_BYTES;
}

static uint8_t *
elem(const struct raw_ring *r, uint32_t i)
{
	return r->mem + raw_used_at(r->size) + SLOTS_AT + (size_t)(i % r->size) * ELEM_BYTES;
}

void
raw_desc(struct raw_ring *r, uint32_t i, uint64_t addr, uint32_t len, uint16_t flags)
{
	put(desc(r, i), 8, addr);
	put(desc(r, i) + 8, 4, len);
	put(desc(r, i) + 12, 2, flags);
	put(desc(r, i) + 14, 2, (i + 1) % r->size);
}

void
raw_desc_next(struct raw_ring *r, uint32_t i, uint16_t next)
{
	put(desc(r, i) + 14, 2, next);
}

/* An index is seen after everything that was put before it. */
static void
put_idx(uint8_t *at, uint16_t idx)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	put(at, 2, idx);
}

void
raw_avail_set(struct raw_ring *r, uint16_t idx)
{
	put_idx(r->mem + raw_avail_at(r->size) + IDX_AT, idx);
}

uint16_t
raw_avail(const struct raw_ring *r)
{
	return raw_get16(r->mem + raw_avail_at(r->size) + IDX_AT);
}

void
raw_used_set(struct raw_ring *r, uint16_t idx)
{
	put_idx(r->mem + raw_used_at(r->size) + IDX_AT, idx);
}

uint16_t
raw_used(const struct raw_ring *r)
{
	return raw_get16(r->mem + raw_used_at(r->size) + IDX_AT);
}

uint32_t
raw_used_id(const struct raw_ring *r, uint32_t i)
{
	return raw_get32(elem(r, i));
}

uint32_t
raw_used_len(const struct raw_ring *r, uint32_t i)
{
	return raw_get32(elem(r, i) + 4);
}

void
raw_used_put(struct raw_ring *r, uint32_t i, uint32_t id, uint32_t len)
{
	put(elem(r, i), 4, id);
	put(elem(r, i) + 4, 4, len);
}

uint64_t
raw_desc_addr(const struct raw_ring *r, uint32_t i)
{
	return get(desc(r, i), 8);
}

uint32_t
raw_desc_len(const struct raw_ring *r, uint32_t i)
{
	return raw_get32(desc(r, i) + 8);
}

uint16_t
raw_desc_flags(const struct raw_ring *r, uint32_t i)
{
	return raw_get16(desc(r, i) + 12);
}

void
raw_hdr_put(uint8_t *data, const struct raw_hdr *hdr)
{
	uint8_t *at = data - RAW_HDR_BYTES;

	at[0] = hdr->flags;
	at[1] = hdr->gso_type;
	put(at + 2, 2, hdr->hdr_len);
	put(at + 4, 2, hdr->gso_size);
	put(at + 6, 2, hdr->csum_start);
	put(at + 8, 2, hdr->csum_offset);
	put(at + 10, 2, hdr->num_buffers);
}

void
raw_hdr_get(const uint8_t *data, struct raw_hdr *hdr)
{
	const uint8_t *at = data - RAW_HDR_BYTES;

	hdr->flags = at[0];
	hdr->gso_type = at[1];
	hdr->hdr_len = raw_get16(at + 2);
	hdr->gso_size = raw_get16(at + 4);
	hdr->csum_start = raw_get16(at + 6);
	hdr->csum_offset = raw_get16(at + 8);
	hdr->num_buffers = raw_get16(at + 10);
}
