/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Waking an end of a ring that sleeps. It has set its wake word and then looked at the ring once
 * more; we have published and then look at the word. With a full barrier on both sides one of us
 * sees the other. [IVS 7]
 */
#ifndef PVN_WAKE_H
#define PVN_WAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "pvn_field.h"

struct pvn_wake {
	pvn_le32 *word; /* the sleeper's, in shared memory */
	void (*ring)(void *arg, uint32_t peer, uint32_t vector);
	void *arg;
	uint32_t peer;
	uint32_t vector;
};

/* WAKE-LOOK: what was published before the word. Pairs with WAKE-SLEEP. Whoever takes the word
 * rings, so a sleeper is rung once.
 */
static inline void
pvn_wake_other(const struct pvn_wake *wake)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__builtin_expect(__atomic_load_n(wake->word, __ATOMIC_RELAXED) == 0, 1))
		return;
	if (__atomic_exchange_n(wake->word, 0, __ATOMIC_RELAXED) != 0)
		wake->ring(wake->arg, wake->peer, wake->vector);
}

/* WAKE-SLEEP: our word before our last look at the ring, which the caller takes next. */
static inline void
pvn_wake_sleep(pvn_le32 *word)
{
	__atomic_store_n(word, pvn_cpu_to_le32(1), __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void
pvn_wake_awake(pvn_le32 *word)
{
	__atomic_store_n(word, 0, __ATOMIC_RELAXED);
}

#endif /* PVN_WAKE_H */
