/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * How far two processors are from each other: TSC cycles for a cache line there and back, the
 * median of several turns. A virtual machine's processors move about on their host, from two
 * threads of one core to two sockets, and whatever goes from one to the other costs ten times more
 * then.
 *
 *	distance CPU CPU
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#define TURNS 9
#define ROUND_TRIPS 500u /* of a turn; as many before it, to warm up */

static struct {
	uint32_t ball;
} court __attribute__((aligned(128)));

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		perror("sched_setaffinity");
		exit(EXIT_FAILURE);
	}
}

/* Waits for `wanted`, then stores the next number. */
static void
hit(uint32_t wanted)
{
	while (__atomic_load_n(&court.ball, __ATOMIC_ACQUIRE) != wanted)
		_mm_pause();
	__atomic_store_n(&court.ball, wanted + 1, __ATOMIC_RELEASE);
}

static void *
play(void *cpu)
{
	pin(*(int *)cpu);
	for (uint32_t i = 0; i < TURNS * 2 * ROUND_TRIPS; i++)
		hit(2 * i + 1);
	return NULL;
}

static int
by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	uint64_t turn[TURNS], begin = 0;
	uint32_t next = 0;
	pthread_t other;
	int cpu;

	if (argc != 3) {
		fprintf(stderr, "usage: distance CPU CPU\n");
		return EXIT_FAILURE;
	}
	cpu = atoi(argv[2]);
	if (pthread_create(&other, NULL, play, &cpu) != 0)
		return EXIT_FAILURE;
	pin(atoi(argv[1]));
	for (uint32_t t = 0; t < TURNS; t++) {
		for (uint32_t i = 0; i < 2 * ROUND_TRIPS; i++, next += 2) {
			if (i == ROUND_TRIPS)
				begin = __rdtsc();
			hit(next);
		}
		turn[t] = (__rdtsc() - begin) / ROUND_TRIPS;
	}
	pthread_join(other, NULL);
	qsort(turn, TURNS, sizeof(turn[0]), by_value);
	printf("%lu\n", (unsigned long)turn[TURNS / 2]);
	return EXIT_SUCCESS;
}
