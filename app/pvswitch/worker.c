/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The loop of a worker: a burst from each of its sources in turn, so none waits for more than one
 * burst of each other. It sees one view at a time, and says after each round that it keeps nothing
 * of it (quiescent state), which is what the main thread waits for before it frees anything.
 */
#include <time.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "view.h"

/* Empty rounds before a worker sleeps, and for how long: at first a little, then twice as long each
 * time until a frame comes. The longest is what a frame may be late by.
 */
#define IDLE_ROUNDS 2000u
#define SLEEP_MIN_NS 50000
#define SLEEP_MAX_NS 2000000

/* Tells the time in seconds without a division in each round. */
static inline void
look_at_clock(struct pvs_worker *w, uint64_t now)
{
	if (likely(now < w->next_s))
		return;
	w->now_s = now / rte_get_tsc_hz();
	w->next_s = (now / rte_get_tsc_hz() + 1) * rte_get_tsc_hz();
}

/* One round. The frames received. */
static inline uint32_t
poll_sources(struct pvs_worker *w, struct pvs_worker_counts *counts)
{
	const struct pvs_view *view = w->view;
	uint64_t begin = rte_rdtsc(), end;
	uint32_t all = 0;

	look_at_clock(w, begin);
	for (uint32_t i = 0; i < view->sources[w->id]; i++) {
		struct pvs_source *source = view->source[w->id][i];
		uint32_t n = pvs_forward(w, source, begin);

		if (n == 0)
			continue;
		end = rte_rdtsc();
		source->cycles += end - begin;
		counts->busy += end - begin;
		counts->bursts++;
		counts->frames += n;
		begin = end;
		all += n;
	}
	return all;
}

static void
rest(struct pvs *sw, uint32_t id, long *ns)
{
	const struct timespec pause = {.tv_nsec = *ns};

	*ns = RTE_MIN(*ns * 2, SLEEP_MAX_NS);
	rte_rcu_qsbr_thread_offline(sw->rcu, id);
	nanosleep(&pause, NULL);
	rte_rcu_qsbr_thread_online(sw->rcu, id);
}

int
pvs_worker_run(void *arg)
{
	struct pvs_worker *w = arg;
	struct pvs *sw = w->sw;
	struct pvs_worker_counts *counts = &sw->worker_counts[w->id];
	uint64_t begin = rte_rdtsc(), busy;
	uint32_t idle = 0;
	long sleep_ns = SLEEP_MIN_NS;

	rte_rcu_qsbr_thread_register(sw->rcu, w->id);
	rte_rcu_qsbr_thread_online(sw->rcu, w->id);
	while (!__atomic_load_n(&sw->quit, __ATOMIC_RELAXED)) {
		busy = counts->busy;
		/* ACQ-VIEW: all of a view after its address. Pairs with REL-VIEW in
		 * pvs_view_publish().
		 */
		w->view = __atomic_load_n(&sw->view, __ATOMIC_ACQUIRE);
		idle = poll_sources(w, counts) > 0 ? 0 : idle + 1;
		rte_rcu_qsbr_quiescent(sw->rcu, w->id);
		if (idle == 0)
			sleep_ns = SLEEP_MIN_NS;
		else if (unlikely(idle > IDLE_ROUNDS) && sw->options.sleep)
			rest(sw, w->id, &sleep_ns);
		counts->idle += rte_rdtsc() - begin - (counts->busy - busy);
		begin = rte_rdtsc();
	}
	rte_rcu_qsbr_thread_offline(sw->rcu, w->id);
	rte_rcu_qsbr_thread_unregister(sw->rcu, w->id);
	return 0;
}
