/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * lib/vring/pvn_gate.h: first in one thread, where every order is chosen, then with two.
 */
#include "pvn_test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include <pvn_gate.h>

static struct pvn_gate gate;
static unsigned int yields;

static void
never(void)
{
	assert_true(!"shut waited, and no burst was under way");
}

/* The burst leaves while shut waits for it the third time. */
static void
leave_at_third(void)
{
	if (++yields == 3)
		pvn_gate_leave(&gate);
}

static void
test_one_thread(void **state)
{
	(void)state;
	gate = (struct pvn_gate){0};
	assert_false(pvn_gate_is_open(&gate)); /* born shut */
	assert_false(pvn_gate_enter(&gate));
	pvn_gate_shut(&gate, never); /* a burst that was refused is not waited for */
	for (int round = 0; round < 2; round++) {
		pvn_gate_open(&gate);
		assert_true(pvn_gate_is_open(&gate));
		assert_true(pvn_gate_enter(&gate));
		yields = 0;
		pvn_gate_shut(&gate, leave_at_third);
		assert_int_equal(yields, 3);
		assert_false(pvn_gate_is_open(&gate));
		assert_false(pvn_gate_enter(&gate));
		pvn_gate_shut(&gate, never);
	}
	pvn_gate_open(&gate);
	assert_true(pvn_gate_enter(&gate));
	pvn_gate_leave(&gate);
	pvn_gate_shut(&gate, never);
}

/* A burst that is still under way when shut looks is seen inside, however far shut has got. */
static void
look_refused(void)
{
	if (++yields == 1) {
		assert_false(pvn_gate_is_open(&gate));
		assert_int_equal(gate.inside, 1);
	}
	pvn_gate_leave(&gate);
	assert_false(pvn_gate_enter(&gate));
}

static void
test_refused_while_shutting(void **state)
{
	(void)state;
	gate = (struct pvn_gate){0};
	pvn_gate_open(&gate);
	assert_true(pvn_gate_enter(&gate));
	yields = 0;
	pvn_gate_shut(&gate, look_refused);
	assert_int_equal(yields, 1);
}

/* ---- two threads ---- */

#define ROUNDS_MIN 128 /* turns of open and shut, and for at least: */
/* On a machine that has little time for us, fewer rounds have to do. */
#define BUSY_MS 10000
#define TIME_MS (getenv("PVN_LONG") != NULL && getenv("PVN_LONG")[0] != '\0' ? 5000 : 300)
#define PART 16

/* What is behind the gate. The control thread takes it away when the gate is shut, and destroys it;
 * so a burst that is inside too long sees it.
 */
static struct {
	uint32_t *parts;
	uint32_t bursts;   /* [data path] */
	uint32_t broken;   /* [data path] */
	uint32_t finished; /* [control] */
} behind;

static void
burst(void)
{
	for (int i = 0; i < PART; i++)
		if (__atomic_load_n(&behind.parts[i], __ATOMIC_RELAXED) != 7)
			__atomic_store_n(&behind.broken, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&behind.bursts, behind.bursts + 1, __ATOMIC_RELAXED);
}

static void *
data_path(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&behind.finished, __ATOMIC_RELAXED)) {
		if (!pvn_gate_enter(&gate))
			continue;
		burst();
		pvn_gate_leave(&gate);
	}
	return NULL;
}

static void
yield(void)
{
	sched_yield();
}

static void
set_parts(uint32_t value)
{
	for (int i = 0; i < PART; i++)
		__atomic_store_n(&behind.parts[i], value, __ATOMIC_RELAXED);
}

/* One turn of open and shut; how long it stays open and shut differs from turn to turn. */
static void
turn(uint32_t round)
{
	uint32_t bursts;

	set_parts(7);
	pvn_gate_open(&gate);
	if (round % 64 == 0) {
		bursts = __atomic_load_n(&behind.bursts, __ATOMIC_RELAXED);
		while (__atomic_load_n(&behind.bursts, __ATOMIC_RELAXED) == bursts)
			sched_yield();
	}
	for (volatile uint32_t i = 0; i < round % 97; i++)
		;
	pvn_gate_shut(&gate, yield);
	bursts = __atomic_load_n(&behind.bursts, __ATOMIC_RELAXED);
	set_parts(0);
	if (round % 64 == 32)
		sched_yield();
	for (volatile uint32_t i = 0; i < round % 89; i++)
		;
	assert_int_equal(__atomic_load_n(&behind.bursts, __ATOMIC_RELAXED), bursts);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
test_two_threads(void **state)
{
	const int64_t end = now_ms() + TIME_MS;
	pthread_t thread;
	uint32_t round;

	(void)state;
	gate = (struct pvn_gate){0};
	behind.parts = calloc(PART, sizeof(*behind.parts));
	assert_int_equal(pthread_create(&thread, NULL, data_path, NULL), 0);
	for (round = 0; now_ms() < end || (round < ROUNDS_MIN && now_ms() < end + BUSY_MS); round++)
		turn(round);
	__atomic_store_n(&behind.finished, 1, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(behind.broken, 0);
	assert_true(behind.bursts >= round / 64);
	free(behind.parts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_thread),
		cmocka_unit_test(test_refused_while_shutting),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
