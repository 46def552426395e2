/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The other end of a ring, by hand: single bytes at offsets counted from virtio 1.2, sections 2.7.5
 * (descriptor), 2.7.6 (available) and 2.7.8 (used), and from docs/design/ring.md. It shares nothing
 * with proto/ and lib/vring on purpose: when both have the same error, no test shows it.
 */
#ifndef VRING_PEER_H
#define VRING_PEER_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PEER_NEXT 1
#define PEER_WRITE 2
#define PEER_INDIRECT 4
#define PEER_HDR 0x8000
#define PEER_USED_HDR 0x80000000

struct peer {
	uint8_t *mem; /* exactly as long as the ring, so that a sanitizer sees a step outside */
	uint32_t size;
	uint16_t idx; /* the index we write: avail.idx as the driver, used.idx as the device */
};

static inline void
peer_put(uint8_t *at, unsigned int bytes, uint64_t value)
{
	for (unsigned int i = 0; i < bytes; i++)
		at[i] = value >> (8 * i);
}

static inline uint64_t
peer_get(const uint8_t *at, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static inline size_t
peer_lines(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

static inline size_t
peer_avail_at(uint32_t size)
{
	return peer_lines(16 * (size_t)size);
}

static inline size_t
peer_used_at(uint32_t size)
{
	return peer_avail_at(size) + peer_lines(2 + 2 + 2 * (size_t)size);
}

static inline size_t
peer_ring_bytes(uint32_t size)
{
	return peer_used_at(size) + peer_lines(2 + 2 + 8 * (size_t)size);
}

/* Memory full of rubbish. */
static inline struct peer
peer_new(uint32_t size)
{
	struct peer p = {.mem = aligned_alloc(64, peer_ring_bytes(size)), .size = size};

	memset(p.mem, 0xA5, peer_ring_bytes(size));
	return p;
}

static inline uint8_t *
peer_desc(const struct peer *p, uint32_t i)
{
	return p->mem + 16 * (size_t)(i % p->size);
}

/* ---- as the driver ---- */

static inline uint64_t
peer_addr(uint32_t pool, uint64_t offset)
{
	return (uint64_t)pool << 48 | offset;
}

static inline void
peer_set_desc(const struct peer *p, uint32_t i, uint64_t addr, uint32_t len, uint16_t flags,
	      uint16_t next)
{
	peer_put(peer_desc(p, i) + 0, 8, addr);
	peer_put(peer_desc(p, i) + 8, 4, len);
	peer_put(peer_desc(p, i) + 12, 2, flags);
	peer_put(peer_desc(p, i) + 14, 2, next);
}

static inline void
peer_set_avail(struct peer *p, uint16_t idx)
{
	p->idx = idx;
	peer_put(p->mem + peer_avail_at(p->size) + 2, 2, idx);
}

static inline uint16_t
peer_used_idx(const struct peer *p)
{
	return peer_get(p->mem + peer_used_at(p->size) + 2, 2);
}

/* What a driver does before it tells the device of the ring. */
static inline void
peer_driver_reset(struct peer *p)
{
	memset(p->mem, 0, peer_ring_bytes(p->size));
	p->idx = 0;
}

/* ---- as the device ---- */

static inline uint8_t *
peer_used_elem(const struct peer *p, uint32_t i)
{
	return p->mem + peer_used_at(p->size) + 4 + 8 * (size_t)(i % p->size);
}

static inline void
peer_set_used(struct peer *p, uint16_t idx)
{
	p->idx = idx;
	peer_put(p->mem + peer_used_at(p->size) + 2, 2, idx);
}

static inline uint16_t
peer_avail_idx(const struct peer *p)
{
	return peer_get(p->mem + peer_avail_at(p->size) + 2, 2);
}

#endif /* VRING_PEER_H */
