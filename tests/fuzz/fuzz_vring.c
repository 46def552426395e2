/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * lib/vring with a hostile peer, who is the input: it writes the ring between our calls and, by
 * hostile.h, before each of our loads. What our end hands out is checked against what the test
 * itself knows: pools, indices, what was lent. The first byte says which end is ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pvn_vring.h>

#include "hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const uint16_t sizes[] = {2, 4, 8, 16, 32, 64, 128, 1024};
static const uint16_t pool_sizes[] = {0, 11, 12, 13, 64, 200, 2048, 4096};

static uint32_t size; /* of the ring, and where its parts are, by docs/design/ring.md */
static size_t avail_at, used_at, ring_bytes;
static uint8_t *ring;

/* What was seen of our end so far. */
static uint16_t known; /* frames it said it can take, and has not */
static uint16_t fault;

static size_t
lines(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

static void
begin_ring(void)
{
	size = sizes[hostile_u8() % 8];
	avail_at = lines(16 * size);
	used_at = avail_at + lines(4 + 2 * size);
	ring_bytes = used_at + lines(4 + 8 * size);
	ring = aligned_alloc(64, ring_bytes);
	memset(ring, 0xA5, ring_bytes);
	known = 0;
	fault = PVN_VRING_FAULT_NONE;
}

static void
end_ring(void)
{
	hostile_unshare();
	free(ring);
}

/* The first fault stays; a broken ring gives nothing. `now`: the ring's fault after a call. */
static void
check_fault(uint16_t now, bool gave)
{
	HOSTILE_RULE(now < PVN_VRING_FAULT_COUNT);
	HOSTILE_RULE(fault == PVN_VRING_FAULT_NONE || now == fault);
	HOSTILE_RULE(now == PVN_VRING_FAULT_NONE || !gave);
	fault = now;
}

/* ---- the device is ours ---- */

static struct pvn_vring_dev dev;
static struct pvn_vring_pool pools[PVN_VRING_POOLS_MAX];
static struct pvn_vring_buf *bufs; /* exactly PVN_VRING_CHAIN_MAX */
static uint16_t descs;		   /* taken since the last publish */

static void
begin_device(void)
{
	const struct hostile_part parts[] = {
		{0, 16 * size, .load = true},
		{avail_at + 2, avail_at + 4, .load = true},
		{used_at + 2, used_at + 4 + 8 * size, .store = true},
	};
	uint16_t count = hostile_u8() % (PVN_VRING_POOLS_MAX + 1);

	for (uint16_t i = 0; i < count; i++) {
		uint8_t kind = hostile_u8();

		pools[i].size = pool_sizes[kind % 8];
		pools[i].base = malloc(pools[i].size);
		pools[i].writable = kind >= 0x80;
		memset(pools[i].base, 0, pools[i].size);
	}
	memset(ring, 0, ring_bytes);
	bufs = malloc(PVN_VRING_CHAIN_MAX * sizeof(*bufs));
	descs = 0;
	pvn_vring_dev_reset(&dev, ring, size, pools, count);
	hostile_share(ring, ring_bytes, parts, 3);
	/* As if some frames had gone through: indices may be about to wrap. */
	dev.pos = dev.used_idx = dev.avail_seen = hostile_u16();
	hostile_write(avail_at + 2, 2, dev.used_idx);
}

static void
end_device(uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		free(pools[i].base);
	memset(pools, 0, sizeof(pools));
	free(bufs);
}

/* The buffer lies in a pool, with its header room, and may be written if it is to be. It is touched
 * at both ends, so that the sanitizer agrees.
 */
static void
check_buf(const struct pvn_vring_buf *buf, uint16_t count, bool write)
{
	bool inside = false;

	HOSTILE_RULE(buf->len > 0);
	for (uint16_t i = 0; i < count && !inside; i++) {
		const uintptr_t base = (uintptr_t)pools[i].base, at = (uintptr_t)buf->addr;

		inside = at >= base + 12 && at - base <= pools[i].size &&
			 buf->len <= pools[i].size - (at - base) && (!write || pools[i].writable);
	}
	HOSTILE_RULE(inside);
	if (write) {
		HOSTILE_RULE(buf->flags == VRING_DESC_F_WRITE);
		memset(buf->addr - 12, 1, 13);
		buf->addr[buf->len - 1] = 1;
	} else {
		HOSTILE_RULE((buf->flags & ~(VRING_DESC_F_NEXT | VRING_DESC_F_HDR)) == 0);
		HOSTILE_RULE(buf->addr[buf->len - 1] <= 1);
	}
}

/* A descriptor that is nearly right; every field of it may be anything. */
static void
peer_desc(uint16_t count)
{
	static const uint16_t flags[] = {0, 2, 1, 0x8000, 0x8001, 3, 4, 0x4000};
	uint16_t i = (uint16_t)(dev.pos + descs + hostile_u8() % 4) % size;
	uint8_t kind = hostile_u8();
	uint64_t pool = hostile_u8() % (count + 1u), offset = hostile_near(12);
	uint32_t len = hostile_u8();

	if (kind & 0x10)
		pool = hostile_u16();
	if (kind & 0x20)
		offset = hostile_u32() | (uint64_t)hostile_u16() << 32;
	if (kind & 0x40)
		len = hostile_u32();
	hostile_write(16 * i, 8, pool << 48 | offset);
	hostile_write(16 * i + 8, 4, len);
	hostile_write(16 * i + 12, 2, kind & 0x08 ? hostile_u16() : flags[kind & 7]);
	hostile_write(16 * i + 14, 2, kind & 0x80 ? hostile_u16() : (i + 1) % size);
}

/* All right descriptors, chained as `flags` says: so that a short input gets far. */
static void
peer_table(uint16_t flags)
{
	uint64_t pool = hostile_u8() % PVN_VRING_POOLS_MAX;

	for (uint32_t i = 0; i < size; i++) {
		hostile_write(16 * i, 8, pool << 48 | 12);
		hostile_write(16 * i + 8, 4, 1);
		hostile_write(16 * i + 12, 2, flags);
		hostile_write(16 * i + 14, 2, (i + 1) % size);
	}
}

static uint16_t
our_avail(uint16_t want)
{
	uint16_t n;

	hostile_enter();
	n = pvn_vring_dev_avail(&dev, want);
	hostile_leave();
	check_fault(dev.fault, n > 0);
	HOSTILE_RULE(n <= size);
	HOSTILE_RULE(fault != PVN_VRING_FAULT_NONE || n >= known);
	if (fault == PVN_VRING_FAULT_NONE)
		known = n;
	return n;
}

/* One frame at our place; its descriptors, 0 if there is none. */
static uint16_t
our_frame(uint16_t count, bool write)
{
	const uint16_t pos = dev.pos + descs;
	struct virtio_net_hdr hdr;
	uint16_t n = 1;
	bool got;

	hostile_enter();
	got = pvn_vring_dev_buf(&dev, pos, write, &bufs[0]);
	hostile_leave();
	check_fault(dev.fault, got);
	HOSTILE_RULE(got || fault != PVN_VRING_FAULT_NONE);
	if (!got)
		return 0;
	check_buf(&bufs[0], count, write);
	if (write)
		return 1;
	hostile_enter();
	n = pvn_vring_dev_chain(&dev, pos, bufs);
	hostile_leave();
	check_fault(dev.fault, n > 0);
	HOSTILE_RULE(n > 0 || fault != PVN_VRING_FAULT_NONE);
	HOSTILE_RULE(n <= size && n <= 34);
	for (uint16_t i = 0; i < n; i++) {
		check_buf(&bufs[i], count, false);
		HOSTILE_RULE(((bufs[i].flags & VRING_DESC_F_NEXT) != 0) == (i + 1 < n));
		HOSTILE_RULE(i == 0 || (bufs[i].flags & VRING_DESC_F_HDR) == 0);
	}
	if (n > 0)
		pvn_vring_dev_read_hdr(&bufs[0], &hdr);
	return n;
}

/* A burst as the data path makes it: index, frames, used elements, index. */
static void
our_burst(uint16_t count, bool write)
{
	uint16_t frames = 0, n = our_avail(1 + hostile_u8() % 64), taken;

	while (frames < n && frames < 64) {
		taken = our_frame(count, write);
		if (taken == 0) {
			/* The data path may ask once more: in vain. */
			HOSTILE_RULE(our_frame(count, write) == 0);
			break;
		}
		hostile_enter();
		pvn_vring_dev_fill_used(&dev, frames, dev.pos + descs, 1);
		hostile_leave();
		frames++;
		descs += taken;
		if (hostile_u8() == 0xFF) /* the data path may look again within a burst */
			n = our_avail(UINT16_MAX);
	}
	hostile_enter();
	pvn_vring_dev_publish(&dev, frames, descs);
	hostile_leave();
	HOSTILE_RULE(hostile_read(used_at + 2, 2) == dev.used_idx);
	known -= frames;
	descs = 0;
}

static void
device_step(uint16_t count)
{
	uint8_t what = hostile_u8();

	switch (what % 8) {
	case 0:
		hostile_write(avail_at + 2, 2, hostile_near(dev.used_idx + known));
		break;
	case 1:
	case 2:
		peer_desc(count);
		break;
	case 3:
		peer_table(what & 0x80 ? VRING_DESC_F_WRITE : what & 0x40 ? VRING_DESC_F_NEXT : 0);
		break;
	case 4:
		hostile_poke();
		break;
	default:
		our_burst(count, what & 0x80);
	}
}

static void
fuzz_device(void)
{
	uint16_t count;

	begin_ring();
	begin_device();
	count = dev.pool_count;
	for (int steps = 0; hostile_more() && steps < 256; steps++)
		device_step(count);
	end_device(count);
	end_ring();
}

/* ---- the driver is ours ---- */

static struct pvn_vring_drv drv;
static uint16_t lent; /* frames published and not taken back */

static void
begin_driver(void)
{
	const struct hostile_part parts[] = {
		{0, 16 * size, .store = true},
		{avail_at + 2, avail_at + 4, .store = true},
		{used_at + 2, used_at + 4 + 8 * size, .load = true},
	};

	lent = 0;
	pvn_vring_drv_reset(&drv, ring, size);
	hostile_share(ring, ring_bytes, parts, 3);
	drv.pos = drv.avail_idx = drv.used_idx = drv.used_seen = hostile_u16();
	hostile_write(used_at + 2, 2, drv.used_idx);
}

static void
our_publish(void)
{
	uint16_t n = hostile_u8();

	if (n > size - lent)
		n = size - lent;
	hostile_enter();
	for (uint16_t i = 0; i < n; i++, drv.pos++)
		pvn_vring_drv_fill(&drv, drv.pos, VRING_ADDR(1, 64), 100, VRING_DESC_F_WRITE);
	pvn_vring_drv_publish(&drv, n);
	hostile_leave();
	HOSTILE_RULE(hostile_read(avail_at + 2, 2) == drv.avail_idx);
	lent += n;
}

static void
our_take(void)
{
	uint16_t want = hostile_u8(), n;

	hostile_enter();
	n = pvn_vring_drv_used(&drv, want);
	hostile_leave();
	check_fault(drv.fault, n > 0);
	HOSTILE_RULE(n <= lent);
	HOSTILE_RULE(fault != PVN_VRING_FAULT_NONE || n >= known);
	if (fault == PVN_VRING_FAULT_NONE)
		known = n;
	if (n > want)
		n = want;
	hostile_enter();
	for (uint16_t i = 0; i < n; i++)
		pvn_vring_drv_used_len(&drv, i);
	hostile_leave();
	drv.used_idx += n;
	lent -= n;
	known -= n;
	/* What a queue counts as lost when it stops is no number that the device made up. */
	HOSTILE_RULE((uint16_t)(drv.avail_idx - drv.used_seen) <= size);
}

static void
driver_step(void)
{
	switch (hostile_u8() % 8) {
	case 0:
	case 1:
		hostile_write(used_at + 2, 2, hostile_near(drv.used_idx + known));
		break;
	case 2:
		hostile_poke();
		break;
	case 3:
	case 4:
		our_publish();
		break;
	default:
		our_take();
	}
}

static void
fuzz_driver(void)
{
	begin_ring();
	begin_driver();
	for (int steps = 0; hostile_more() && steps < 256; steps++)
		driver_step();
	end_ring();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	hostile_input(data, bytes);
	if (hostile_u8() & 1)
		fuzz_driver();
	else
		fuzz_device();
	return 0;
}
