/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Registers and commands, for the files of the dialogue: vmxnet3_dev.c and vmxnet3_dev_set.c.
 */
#ifndef VMXNET3_DEV_H
#define VMXNET3_DEV_H

#include <errno.h>

#include <rte_io.h>

#include "vmxnet3_pmd.h"

static inline uint32_t
bar1_read(const struct vmxnet3_hw *hw, uint32_t reg)
{
	return rte_read32(hw->bar1 + reg);
}

static inline void
bar1_write(const struct vmxnet3_hw *hw, uint32_t reg, uint32_t value)
{
	rte_write32(value, hw->bar1 + reg);
}

/* Another process may have died with it: what it was at is done in one store, or will be told to
 * the device again by the next change. */
static inline void
lock(struct vmxnet3_hw *hw)
{
	if (pthread_mutex_lock(&hw->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&hw->lock);
}

static inline void
unlock(struct vmxnet3_hw *hw)
{
	pthread_mutex_unlock(&hw->lock);
}

/* A command without a result. With the lock. */
static inline void
tell_locked(struct vmxnet3_hw *hw, enum vmxnet3_command cmd)
{
	bar1_write(hw, VMXNET3_BAR1_CMD, (uint32_t)cmd);
}

static inline void
tell(struct vmxnet3_hw *hw, enum vmxnet3_command cmd)
{
	lock(hw);
	tell_locked(hw, cmd);
	unlock(hw);
}

/* A command and its result: one register, so no other command may come between. [VMX3 4] */
static inline uint32_t
ask_locked(struct vmxnet3_hw *hw, enum vmxnet3_command cmd)
{
	bar1_write(hw, VMXNET3_BAR1_CMD, (uint32_t)cmd);
	return bar1_read(hw, VMXNET3_BAR1_CMD);
}

static inline uint32_t
ask(struct vmxnet3_hw *hw, enum vmxnet3_command cmd)
{
	uint32_t result;

	lock(hw);
	result = ask_locked(hw, cmd);
	unlock(hw);
	return result;
}

static inline rte_iova_t
dma_iova(const struct vmxnet3_hw *hw, const void *in_zone)
{
	return hw->zone->iova + RTE_PTR_DIFF(in_zone, hw->zone->addr);
}

#endif
