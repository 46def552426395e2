/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The other end of a ring, byte by byte: what a peer that is not built from our library can do to
 * the shared pages, be it right or wrong. Written from the description in proto/virtio_ring.h, with
 * offsets and numbers of its own.
 */
#ifndef PORT_RAW_H
#define PORT_RAW_H

#include <stddef.h>
#include <stdint.h>

/* What stands in descriptors, used elements and headers. */
#define RAW_NEXT 0x0001
#define RAW_WRITE 0x0002
#define RAW_HDR 0x8000
#define RAW_USED_HDR 0x80000000u
#define RAW_HDR_BYTES 12
#define RAW_NEEDS_CSUM 1
#define RAW_DATA_VALID 2
#define RAW_GSO_TCPV4 1
#define RAW_GSO_UDP 3
#define RAW_GSO_TCPV6 4
#define RAW_GSO_ECN 0x80

struct raw_ring {
	uint8_t *mem;
	uint32_t size;
};

struct raw_hdr {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

/* A wire address. */
uint64_t raw_addr(uint16_t pool, uint64_t offset);

void raw_put16(uint8_t *at, uint16_t value);
uint16_t raw_get16(const uint8_t *at);
uint32_t raw_get32(const uint8_t *at);

/* Zeros everywhere. */
void raw_clear(struct raw_ring *r);

/* The driver's words. Descriptor numbers are taken modulo the ring. `next` of raw_desc() is the
 * descriptor that follows in the table, as it should be.
 */
void raw_desc(struct raw_ring *r, uint32_t i, uint64_t addr, uint32_t len, uint16_t flags);
void raw_desc_next(struct raw_ring *r, uint32_t i, uint16_t next);
void raw_avail_set(struct raw_ring *r, uint16_t idx);
uint16_t raw_used(const struct raw_ring *r);
uint32_t raw_used_id(const struct raw_ring *r, uint32_t i);
uint32_t raw_used_len(const struct raw_ring *r, uint32_t i);

/* The device's words. */
uint16_t raw_avail(const struct raw_ring *r);
uint64_t raw_desc_addr(const struct raw_ring *r, uint32_t i);
uint32_t raw_desc_len(const struct raw_ring *r, uint32_t i);
uint16_t raw_desc_flags(const struct raw_ring *r, uint32_t i);
void raw_used_put(struct raw_ring *r, uint32_t i, uint32_t id, uint32_t len);
void raw_used_set(struct raw_ring *r, uint16_t idx);

/* The header before a buffer. */
void raw_hdr_put(uint8_t *data, const struct raw_hdr *hdr);
void raw_hdr_get(const uint8_t *data, struct raw_hdr *hdr);

/* Where the parts of a ring begin, for those who scribble. */
size_t raw_avail_at(uint32_t size);
size_t raw_used_at(uint32_t size);
size_t raw_bytes(uint32_t size);

#endif /* PORT_RAW_H */
