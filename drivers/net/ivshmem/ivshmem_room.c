/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The guest's room: rings from its beginning on, then, copying, a slot for each descriptor; a
 * zero-copy pool at its end, since that stays while queues change.
 */
#include <errno.h>

#include "ivshmem_pmd.h"

struct builder {
	uint64_t at;
};

static uint64_t
round_up(uint64_t value)
{
	return (value + IVSHMEM_PAGE - 1) & ~(uint64_t)(IVSHMEM_PAGE - 1);
}

static uint64_t
take(struct builder *b, uint64_t len)
{
	uint64_t at = b->at;

	b->at += round_up(len);
	return at;
}

static void
take_slots(struct ivshmem_guestdev *dev, struct builder *b)
{
	uint64_t *len = dev->room.pool_len;

	pvn_guestdev_slot_bytes(&dev->g, &len[IVSHMEM_POOL_RX], &len[IVSHMEM_POOL_TX]);
	for (uint32_t k = 0; k < IVSHMEM_NET_POOLS_MAX; k++) {
		dev->room.pool[k] = take(b, len[k]);
		dev->pools[k] = (struct pvn_vring_pool){
			.base = dev->mem + dev->room.pool[k],
			.size = len[k],
			.writable = k == IVSHMEM_POOL_RX,
		};
	}
}

/* The host may have put the port elsewhere; the mbufs' data has an address for good. */
static bool
pool_is_there(const struct ivshmem_guestdev *dev)
{
	const uint64_t begin = dev->mem - pvn_ivshmem_hub_mem(dev->hub);

	return dev->zc_off >= begin + IVSHMEM_NET_ROOM &&
	       dev->zc_off + dev->zc_len <= begin + dev->len;
}

static int
too_small(struct ivshmem_guestdev *dev, uint64_t needed)
{
	if (!dev->told)
		IVSHMEM_LOG(ERR, dev->g.data->name,
			    "the port has %llu bytes of shared memory, %llu are needed: take fewer "
			    "queues, descriptors or mbufs (pool_size), or have the host give more",
			    (unsigned long long)dev->len, (unsigned long long)needed);
	dev->told = true;
	return -ENOSPC;
}

int
ivshmem_room_lay(struct ivshmem_guestdev *dev)
{
	struct builder b = {.at = IVSHMEM_NET_ROOM};
	uint64_t end = dev->len;

	for (uint16_t i = 0; i < dev->g.data->nb_rx_queues; i++) {
		dev->room.rx_ring[i] = take(&b, VRING_BYTES(pvn_guestdev_rxq(&dev->g, i)->size));
		dev->room.tx_ring[i] = take(&b, VRING_BYTES(pvn_guestdev_txq(&dev->g, i)->size));
	}
	if (!dev->g.zero_copy) {
		take_slots(dev, &b);
	} else if (!pool_is_there(dev)) {
		if (!dev->told)
			IVSHMEM_LOG(ERR, dev->g.data->name,
				    "the host has moved the port, the zero-copy pool stays where "
				    "it is: remove the port and add it again");
		dev->told = true;
		return -ENOSPC;
	} else {
		dev->room.pool[0] = dev->zc_off - (dev->mem - pvn_ivshmem_hub_mem(dev->hub));
		dev->room.pool_len[0] = dev->zc_len;
		end = dev->room.pool[0];
	}
	return b.at > end ? too_small(dev, b.at + dev->len - end) : 0;
}

/* ---- zero-copy ---- */

int
ivshmem_room_zero_copy(struct ivshmem_guestdev *dev, uint32_t bufs)
{
	const uint64_t bytes = round_up((uint64_t)bufs * PVN_GUESTDEV_BUF_STRIDE);
	char name[RTE_MEMPOOL_NAMESIZE];
	uint64_t off;

	if (bytes > dev->len - IVSHMEM_NET_ROOM)
		return too_small(dev, bytes + IVSHMEM_NET_ROOM);
	off = (dev->len - bytes) & ~(uint64_t)(IVSHMEM_PAGE - 1);
	dev->zc_off = dev->mem + off - pvn_ivshmem_hub_mem(dev->hub);
	dev->zc_len = bytes;
	dev->zc_pool = (struct pvn_vring_pool){
		.base = dev->mem + off,
		.size = bytes,
		.writable = true,
	};
	snprintf(name, sizeof(name), "ivshmem_%u", dev->g.data->port_id);
	dev->zc_mempool = pvn_guestdev_mempool(
		&dev->g, name, dev->zc_pool.base,
		dev->iova == RTE_BAD_IOVA ? RTE_BAD_IOVA : dev->iova + dev->zc_off, bufs);
	if (dev->zc_mempool == NULL)
		return -ENOMEM;
	pvn_ivshmem_hub_keep(dev->hub, dev->zc_off, dev->zc_len);
	return 0;
}

bool
ivshmem_room_zero_copy_end(struct ivshmem_guestdev *dev)
{
	unsigned int out;

	if (dev->zc_mempool == NULL)
		return true;
	out = rte_mempool_in_use_count(dev->zc_mempool);
	if (out > 0) {
		/* Their data is in the region. Better lost than read after it is gone. */
		IVSHMEM_LOG(WARNING, dev->g.data->name,
			    "%u mbufs of the shared pool are still in use: its memory stays", out);
		return false;
	}
	pvn_ivshmem_hub_forget(dev->hub, dev->zc_off);
	rte_mempool_free(dev->zc_mempool);
	dev->zc_mempool = NULL;
	return true;
}
