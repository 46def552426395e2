/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Keeps a data path and its control thread apart without a lock. The data path asks at each burst;
 * the control thread shuts the gate, waits until the burst that may be under way has left, and then
 * owns what is behind it. One thread uses a gate's data path side, one its control side.
 */
#ifndef PVN_GATE_H
#define PVN_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct pvn_gate {
	uint32_t inside; /* [data path] 1 during a burst */
	uint32_t open;	 /* [control] */
};

/* GATE-IN: our mark before our look at `open`; pairs with GATE-SHUT. True: go on, then leave. The
 * look before the mark keeps a data path that polls a shut gate from marking it again and again, so
 * that the control thread might never see it unmarked.
 */
static inline bool
pvn_gate_enter(struct pvn_gate *g)
{
	if (__builtin_expect(__atomic_load_n(&g->open, __ATOMIC_RELAXED) == 0, 0))
		return false;
	__atomic_store_n(&g->inside, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__builtin_expect(__atomic_load_n(&g->open, __ATOMIC_ACQUIRE) != 0, 1))
		return true;
	__atomic_store_n(&g->inside, 0, __ATOMIC_RELEASE);
	return false;
}

static inline void
pvn_gate_leave(struct pvn_gate *g)
{
	__atomic_store_n(&g->inside, 0, __ATOMIC_RELEASE);
}

/* What is behind the gate is ready. */
static inline void
pvn_gate_open(struct pvn_gate *g)
{
	__atomic_store_n(&g->open, 1, __ATOMIC_RELEASE);
}

static inline bool
pvn_gate_is_open(const struct pvn_gate *g)
{
	return __atomic_load_n(&g->open, __ATOMIC_RELAXED) != 0;
}

/* GATE-SHUT: `open` before our look at the mark; pairs with GATE-IN. Returns when no burst is under
 * way, at most the length of one burst later (of this process: no peer is waited for). `yield` is
 * called while waiting.
 */
static inline void
pvn_gate_shut(struct pvn_gate *g, void (*yield)(void))
{
	__atomic_store_n(&g->open, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (__atomic_load_n(&g->inside, __ATOMIC_ACQUIRE) != 0)
		yield();
}

#endif /* PVN_GATE_H */
