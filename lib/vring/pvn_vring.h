/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The two ends of a virtio split ring, in-order. [RING n] is docs/design/ring.md, section n;
 * layouts and words are those of proto/virtio_ring.h.
 *
 * Pure code: no EAL, no I/O, no allocation; whoever uses it maps the memory and moves the frames.
 * The peer may be hostile and may rewrite shared memory at any time: every word it wrote is loaded
 * once, checked, and then used from our copy. What cannot be right makes the ring broken: it says
 * why, and hands out nothing any more until it is reset. Each end of a ring belongs to one thread.
 *
 * The hot calls are inline; ring.c has set-up and names.
 */
#ifndef PVN_VRING_H
#define PVN_VRING_H

#include <stdbool.h>

#include "virtio_ring.h"

/* What a peer can do wrong: name, what the administrator reads. */
#define PVN_VRING_FAULTS(X)                                                                        \
	X(NONE, "no fault")                                                                        \
	X(AVAIL_IDX, "available index went back, or ahead of the ring")                            \
	X(USED_IDX, "used index went back, or ahead of what was made available")                   \
	X(USED_LEN, "used length exceeds the buffer")                                              \
	X(DESC_FLAGS, "descriptor flags not allowed here")                                         \
	X(DESC_NEXT, "descriptor chain out of order")                                              \
	X(DESC_CHAIN, "descriptor chain too long")                                                 \
	X(DESC_LEN, "descriptor length not allowed")                                               \
	X(DESC_ADDR, "descriptor address outside the pool")                                        \
	X(HDR, "net header not possible")

#define PVN_VRING_FAULT_ENUM(name, text) PVN_VRING_FAULT_##name,
enum pvn_vring_fault { PVN_VRING_FAULTS(PVN_VRING_FAULT_ENUM) PVN_VRING_FAULT_COUNT };
#undef PVN_VRING_FAULT_ENUM

/* "descriptor address outside the pool"; never NULL. */
const char *pvn_vring_fault_text(enum pvn_vring_fault fault);

/* Shared pages as one end maps them. The table of them is private; a wire address is looked up in
 * it. [RING 3]
 */
struct pvn_vring_pool {
	uint8_t *base;
	uint64_t size; /* bytes, below 2^48 */
	bool writable; /* for the device */
};

#define PVN_VRING_POOLS_MAX 8

/* Room that every buffer keeps free in front of it: a net header may go there. [RING 4] */
#define PVN_VRING_HDR_ROOM sizeof(struct virtio_net_hdr)

/* Longest frame, in descriptors, that the device takes: 64 KiB and its headers, 2 KiB at a time.
 * [RING 2]
 */
#define PVN_VRING_CHAIN_MAX 34u

/* A descriptor after the checks: memory that is ours to read, or to write. */
struct pvn_vring_buf {
	uint8_t *addr;
	uint32_t len;
	uint16_t flags; /* VRING_DESC_F_* */
};

/* Whether a number of descriptors can be a ring. */
static inline bool
pvn_vring_size_ok(uint32_t size)
{
	return size >= VRING_SIZE_MIN && size <= VRING_SIZE_MAX && (size & (size - 1)) == 0;
}

/* One load, whatever the compiler would like. */
#define PVN_LOAD_ONCE(x) (*(const volatile __typeof__(x) *)&(x))

/* ---- the driver's end ---- */

struct pvn_vring_drv {
	struct vring_desc *desc;
	struct vring_avail *avail;
	const struct vring_used *used;
	uint16_t mask;	    /* size - 1 */
	uint16_t pos;	    /* next descriptor to fill; free-running, like all that follow */
	uint16_t avail_idx; /* frames made available, as last published */
	uint16_t used_idx;  /* frames the device has given back and we have seen */
	uint16_t used_seen; /* used.idx when it was loaded last and could be true */
	uint16_t fault;	    /* enum pvn_vring_fault */
};

/* Begins a ring in VRING_BYTES(size) bytes of shared memory at `mem`, aligned to VRING_ALIGN, and
 * clears them. Size: pvn_vring_size_ok().
 */
void pvn_vring_drv_reset(struct pvn_vring_drv *r, void *mem, uint32_t size);

/* How many frames the device has used that we have not taken yet; at most what is outstanding.
 * Loads the index only when fewer than `want` are known. 0 when broken.
 */
static inline uint16_t
pvn_vring_drv_used(struct pvn_vring_drv *r, uint16_t want)
{
	const uint16_t before = r->used_seen - r->used_idx;
	uint16_t known, seen;

	if (__builtin_expect(r->fault != PVN_VRING_FAULT_NONE, 0))
		return 0;
	if (before >= want)
		return before;
	/* ACQ-USED: the index before elements and buffers. Pairs with REL-USED in
	 * pvn_vring_dev_publish().
	 */
	seen = pvn_le16_to_cpu(__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE));
	known = seen - r->used_idx;
	if (__builtin_expect(known > (uint16_t)(r->avail_idx - r->used_idx) || known < before, 0)) {
		r->fault = PVN_VRING_FAULT_USED_IDX;
		return 0;
	}
	r->used_seen = seen;
	return known;
}

/* The length word of the n-th used frame from used_idx on; the caller checks it. */
static inline uint32_t
pvn_vring_drv_used_len(const struct pvn_vring_drv *r, uint16_t n)
{
	return pvn_le32_to_cpu(
		PVN_LOAD_ONCE(r->used->ring[(uint16_t)(r->used_idx + n) & r->mask].len));
}

/* Fills the descriptor at `pos` (free-running); pvn_vring_drv_publish() hands it over. */
static inline void
pvn_vring_drv_fill(struct pvn_vring_drv *r, uint16_t pos, uint64_t addr, uint32_t len,
		   uint16_t flags)
{
	struct vring_desc *d = &r->desc[pos & r->mask];

	d->addr = pvn_cpu_to_le64(addr);
	d->len = pvn_cpu_to_le32(len);
	d->flags = pvn_cpu_to_le16(flags);
	d->next = pvn_cpu_to_le16((pos + 1) & r->mask);
}

/* As fill, where the descriptor's address is the one it had. */
static inline void
pvn_vring_drv_fill_len(struct pvn_vring_drv *r, uint16_t pos, uint32_t len, uint16_t flags)
{
	struct vring_desc *d = &r->desc[pos & r->mask];

	d->len = pvn_cpu_to_le32(len);
	d->flags = pvn_cpu_to_le16(flags);
}

/* Makes `frames` more frames available, whose descriptors are filled. */
static inline void
pvn_vring_drv_publish(struct pvn_vring_drv *r, uint16_t frames)
{
	r->avail_idx += frames;
	/* REL-AVAIL: descriptors and buffers before the index. Pairs with ACQ-AVAIL in
	 * pvn_vring_dev_avail().
	 */
	__atomic_store_n(&r->avail->idx, pvn_cpu_to_le16(r->avail_idx), __ATOMIC_RELEASE);
}

/* ---- the device's end ---- */

struct pvn_vring_dev {
	const struct vring_desc *desc;
	const struct vring_avail *avail;
	struct vring_used *used;
	const struct pvn_vring_pool *pools;
	uint16_t pool_count; /* 0 after a fault */
	uint16_t mask;
	uint16_t pos;	     /* next descriptor to read; free-running, like all that follow */
	uint16_t used_idx;   /* frames given back, as last published */
	uint16_t avail_seen; /* avail.idx when it was loaded last and could be true */
	uint16_t fault;	     /* enum pvn_vring_fault */
};

/* Takes part in a ring that a driver has just reset. `pools` must stay. Nothing is written. */
void pvn_vring_dev_reset(struct pvn_vring_dev *r, void *mem, uint32_t size,
			 const struct pvn_vring_pool *pools, uint16_t pool_count);

/* Notes the first fault; false, so that a check can return it. From now on there is no pool, so no
 * address is good: nothing is handed out, and the hot checks need not look at `fault`.
 */
static inline bool
pvn_vring_dev_fault(struct pvn_vring_dev *r, enum pvn_vring_fault fault)
{
	if (r->fault == PVN_VRING_FAULT_NONE)
		r->fault = fault;
	r->pool_count = 0;
	return false;
}

/* How many frames the driver offers, at most the ring's size. Loads the index only when fewer than
 * `want` are known. 0 when broken.
 */
static inline uint16_t
pvn_vring_dev_avail(struct pvn_vring_dev *r, uint16_t want)
{
	const uint16_t before = r->avail_seen - r->used_idx;
	uint16_t known, seen;

	if (__builtin_expect(r->fault != PVN_VRING_FAULT_NONE, 0))
		return 0;
	if (before >= want)
		return before;
	/* ACQ-AVAIL: the index before descriptors and buffers. Pairs with REL-AVAIL in
	 * pvn_vring_drv_publish().
	 */
	seen = pvn_le16_to_cpu(__atomic_load_n(&r->avail->idx, __ATOMIC_ACQUIRE));
	known = seen - r->used_idx;
	if (__builtin_expect(known > r->mask + 1 || known < before, 0)) {
		pvn_vring_dev_fault(r, PVN_VRING_FAULT_AVAIL_IDX);
		return 0;
	}
	r->avail_seen = seen;
	return known;
}

/* Looks a wire address up: `len` bytes and the header room before them, all inside one pool. NULL
 * if they are not. [RING 3]
 */
static inline uint8_t *
pvn_vring_dev_translate(const struct pvn_vring_dev *r, uint64_t addr, uint32_t len, bool write)
{
	uint32_t pool = VRING_ADDR_POOL(addr);
	uint64_t offset = VRING_ADDR_OFFSET(addr);

	if (__builtin_expect(pool >= r->pool_count, 0))
		return NULL;
	if (__builtin_expect(write && !r->pools[pool].writable, 0))
		return NULL;
	/* Neither side can wrap: offset is below 2^48, len below 2^32. */
	if (__builtin_expect(offset < PVN_VRING_HDR_ROOM || offset + len > r->pools[pool].size, 0))
		return NULL;
	return r->pools[pool].base + offset;
}

/* Copies the descriptor at `pos` once and checks it. `write`: a receive buffer, which is never
 * chained; otherwise part of a frame to be read. False and a fault if it cannot be.
 */
static inline bool
pvn_vring_dev_buf(struct pvn_vring_dev *r, uint16_t pos, bool write, struct pvn_vring_buf *buf)
{
	const struct vring_desc *d = &r->desc[pos & r->mask];
	uint64_t addr = pvn_le64_to_cpu(PVN_LOAD_ONCE(d->addr));
	const uint16_t allowed = write ? VRING_DESC_F_WRITE : VRING_DESC_F_NEXT | VRING_DESC_F_HDR;

	buf->len = pvn_le32_to_cpu(PVN_LOAD_ONCE(d->len));
	buf->flags = pvn_le16_to_cpu(PVN_LOAD_ONCE(d->flags));
	if (__builtin_expect((buf->flags & ~allowed) != 0, 0) ||
	    __builtin_expect(write && buf->flags != VRING_DESC_F_WRITE, 0))
		return pvn_vring_dev_fault(r, PVN_VRING_FAULT_DESC_FLAGS);
	if (__builtin_expect((buf->flags & VRING_DESC_F_NEXT) != 0, 0) &&
	    pvn_le16_to_cpu(PVN_LOAD_ONCE(d->next)) != ((pos + 1) & r->mask))
		return pvn_vring_dev_fault(r, PVN_VRING_FAULT_DESC_NEXT);
	if (__builtin_expect(buf->len == 0, 0))
		return pvn_vring_dev_fault(r, PVN_VRING_FAULT_DESC_LEN);
	buf->addr = pvn_vring_dev_translate(r, addr, buf->len, write);
	if (__builtin_expect(buf->addr == NULL, 0))
		return pvn_vring_dev_fault(r, PVN_VRING_FAULT_DESC_ADDR);
	return true;
}

/* The other buffers of the frame whose first is bufs[0], at `pos`: up to PVN_VRING_CHAIN_MAX in
 * all. Their number with the first, or 0 and a fault.
 */
uint16_t pvn_vring_dev_chain(struct pvn_vring_dev *r, uint16_t pos, struct pvn_vring_buf *bufs);

/* The net header before a buffer, copied once. */
static inline void
pvn_vring_dev_read_hdr(const struct pvn_vring_buf *buf, struct virtio_net_hdr *hdr)
{
	__builtin_memcpy(hdr, buf->addr - sizeof(*hdr), sizeof(*hdr));
	/* The compiler must not read it again from where the driver can still write. */
	__asm__ volatile("" : "+m"(*hdr) : : "memory");
}

/* Writes the used element `n` frames after the last published one: descriptor `pos`, length word.
 */
static inline void
pvn_vring_dev_fill_used(struct pvn_vring_dev *r, uint16_t n, uint16_t pos, uint32_t len)
{
	struct vring_used_elem *e = &r->used->ring[(uint16_t)(r->used_idx + n) & r->mask];

	e->id = pvn_cpu_to_le32(pos & r->mask);
	e->len = pvn_cpu_to_le32(len);
}

/* Gives `frames` frames back, `descs` descriptors in all. */
static inline void
pvn_vring_dev_publish(struct pvn_vring_dev *r, uint16_t frames, uint16_t descs)
{
	r->pos += descs;
	r->used_idx += frames;
	/* REL-USED: elements and buffers before the index, and our reads of buffers before it too.
	 * Pairs with ACQ-USED in pvn_vring_drv_used().
	 */
	__atomic_store_n(&r->used->idx, pvn_cpu_to_le16(r->used_idx), __ATOMIC_RELEASE);
}

#endif /* PVN_VRING_H */
