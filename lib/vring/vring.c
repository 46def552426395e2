/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Set-up of both ends of a ring, and what is not hot.
 */
#include <string.h>

#include "pvn_vring.h"

const char *
pvn_vring_fault_text(enum pvn_vring_fault fault)
{
#define FAULT_TEXT(name, text) [PVN_VRING_FAULT_##name] = text,
	static const char *const texts[] = {PVN_VRING_FAULTS(FAULT_TEXT)};
#undef FAULT_TEXT

	return fault < PVN_VRING_FAULT_COUNT ? texts[fault] : "unknown fault";
}

void
pvn_vring_drv_reset(struct pvn_vring_drv *r, void *mem, uint32_t size)
{
	uint8_t *base = mem;

	memset(mem, 0, VRING_BYTES(size));
	*r = (struct pvn_vring_drv){
		.desc = (struct vring_desc *)base,
		.avail = (struct vring_avail *)(base + VRING_AVAIL_OFFSET(size)),
		.used = (const struct vring_used *)(base + VRING_USED_OFFSET(size)),
		.mask = size - 1,
	};
	/* In order, so what a device that reads the ring would find never changes. [RING 2] */
	for (uint32_t i = 0; i < size; i++)
		r->avail->ring[i] = pvn_cpu_to_le16(i);
}

void
pvn_vring_dev_reset(struct pvn_vring_dev *r, void *mem, uint32_t size,
		    const struct pvn_vring_pool *pools, uint16_t pool_count)
{
	uint8_t *base = mem;

	*r = (struct pvn_vring_dev){
		.desc = (const struct vring_desc *)base,
		.avail = (const struct vring_avail *)(base + VRING_AVAIL_OFFSET(size)),
		.used = (struct vring_used *)(base + VRING_USED_OFFSET(size)),
		.pools = pools,
		.pool_count = pool_count,
		.mask = size - 1,
	};
}

uint16_t
pvn_vring_dev_chain(struct pvn_vring_dev *r, uint16_t pos, struct pvn_vring_buf *bufs)
{
	uint16_t count = 1;

	while ((bufs[count - 1].flags & VRING_DESC_F_NEXT) != 0) {
		if (count == PVN_VRING_CHAIN_MAX || count > r->mask) {
			pvn_vring_dev_fault(r, PVN_VRING_FAULT_DESC_CHAIN);
			return 0;
		}
		if (!pvn_vring_dev_buf(r, pos + count, false, &bufs[count]))
			return 0;
		if ((bufs[count].flags & VRING_DESC_F_HDR) != 0) {
			pvn_vring_dev_fault(r, PVN_VRING_FAULT_DESC_FLAGS);
			return 0;
		}
		count++;
	}
	return count;
}
