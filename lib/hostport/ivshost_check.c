/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The guest's answer: every rule of IVSHMEM_NET_REASONS, on a copy that nobody else can write to.
 * Offsets and lengths are the guest's, of 64 bits: they are compared by subtraction from what is
 * known to be larger, so that nothing wraps.
 */
#include "pvn_ivshost.h"

#define REASON_TEXT(name, text) text,

const char *
ivshost_reason_text(enum ivshmem_net_reason reason)
{
	static const char *const texts[] = {IVSHMEM_NET_REASONS(REASON_TEXT)};

	return (unsigned int)reason < RTE_DIM(texts) ? texts[reason] : "?";
}

/* A part of the room. */
struct part {
	uint64_t off, len;
};

struct parts {
	struct part part[2 * IVSHMEM_NET_QUEUES_MAX + IVSHMEM_NET_POOLS_MAX];
	uint32_t count;
};

/* Whether the part is aligned and all of it in the room; kept for overlaps(). */
static bool
in_room(struct parts *parts, uint64_t off, uint64_t len, uint64_t room_end)
{
	if (off % IVSHMEM_PAGE != 0 || off < IVSHMEM_NET_ROOM || off > room_end || len == 0 ||
	    len > room_end - off)
		return false;
	parts->part[parts->count++] = (struct part){off, len};
	return true;
}

static bool
overlap(const struct parts *parts)
{
	for (uint32_t i = 0; i < parts->count; i++)
		for (uint32_t k = 0; k < i; k++) {
			const struct part *a = &parts->part[i], *b = &parts->part[k];

			if (a->off < b->off + b->len && b->off < a->off + a->len)
				return true;
		}
	return false;
}

static enum ivshmem_net_reason
check_ring(struct parts *parts, const struct ivshmem_net_ring *ring, uint64_t room_end,
	   uint8_t *mem, uint32_t *size, void **at)
{
	const uint64_t off = pvn_le64_to_cpu(ring->off);

	*size = pvn_le32_to_cpu(ring->size);
	if (*size > PVN_HOSTEND_RING_MAX || !pvn_vring_size_ok(*size))
		return IVSHMEM_NET_REASON_RING_SIZE;
	if (!in_room(parts, off, VRING_BYTES(*size), room_end))
		return IVSHMEM_NET_REASON_RING_PLACE;
	*at = mem + off;
	return IVSHMEM_NET_REASON_NONE;
}

static enum ivshmem_net_reason
check_pools(struct pvn_hostend *end, uint8_t *mem, const struct ivshmem_net_guest *half,
	    const struct ivshost_answer *a, struct parts *parts)
{
	const uint32_t count = pvn_le32_to_cpu(half->pools);

	if (count == 0 || count > IVSHMEM_NET_POOLS_MAX)
		return IVSHMEM_NET_REASON_POOLS;
	for (uint32_t k = 0; k < count; k++) {
		const uint64_t off = pvn_le64_to_cpu(half->pool[k].off);
		const uint64_t len = pvn_le64_to_cpu(half->pool[k].len);
		const uint32_t flags = pvn_le32_to_cpu(half->pool[k].flags);

		if (!in_room(parts, off, len, a->len))
			return IVSHMEM_NET_REASON_POOL_PLACE;
		end->pools[k] = (struct pvn_vring_pool){
			.base = mem + off,
			.size = len,
			.writable = (flags & IVSHMEM_NET_POOL_WRITABLE) != 0,
		};
	}
	end->pool_count = count;
	return IVSHMEM_NET_REASON_NONE;
}

static enum ivshmem_net_reason
check_rings(struct pvn_hostend *end, uint8_t *mem, const struct ivshmem_net_guest *half,
	    struct ivshost_answer *a, struct parts *parts)
{
	enum ivshmem_net_reason reason = IVSHMEM_NET_REASON_NONE;

	for (uint32_t i = 0; i < end->queues && reason == IVSHMEM_NET_REASON_NONE; i++) {
		reason = check_ring(parts, &half->rx[i], a->len, mem, &end->rx_sizes[i],
				    &a->rx_rings[i]);
		if (reason == IVSHMEM_NET_REASON_NONE)
			reason = check_ring(parts, &half->tx[i], a->len, mem, &end->tx_sizes[i],
					    &a->tx_rings[i]);
	}
	return reason;
}

static enum ivshmem_net_reason
check_words(struct pvn_hostend *end, const struct ivshmem_net_guest *half,
	    const struct ivshost_answer *a)
{
	const uint32_t mtu = pvn_le32_to_cpu(half->mtu);

	end->agreed = pvn_le64_to_cpu(half->features);
	end->queues = pvn_le32_to_cpu(half->queues);
	if (pvn_le32_to_cpu(half->version) != IVSHMEM_NET_VERSION)
		return IVSHMEM_NET_REASON_VERSION;
	if ((end->agreed & ~a->features) != 0)
		return IVSHMEM_NET_REASON_FEATURES;
	if (end->queues == 0 || end->queues > RTE_MIN(end->rx_queues, IVSHMEM_NET_QUEUES_MAX))
		return IVSHMEM_NET_REASON_QUEUES;
	if (mtu < IVSHMEM_NET_MTU_MIN || mtu > end->mtu)
		return IVSHMEM_NET_REASON_MTU;
	return IVSHMEM_NET_REASON_NONE;
}

enum ivshmem_net_reason
ivshost_check(struct pvn_hostend *end, uint8_t *mem, const struct ivshmem_net_guest *half,
	      struct ivshost_answer *a)
{
	struct parts parts = {.count = 0};
	enum ivshmem_net_reason reason = check_words(end, half, a);

	if (reason == IVSHMEM_NET_REASON_NONE)
		reason = check_rings(end, mem, half, a, &parts);
	if (reason == IVSHMEM_NET_REASON_NONE)
		reason = check_pools(end, mem, half, a, &parts);
	if (reason == IVSHMEM_NET_REASON_NONE && overlap(&parts))
		reason = IVSHMEM_NET_REASON_OVERLAP;
	return reason;
}
