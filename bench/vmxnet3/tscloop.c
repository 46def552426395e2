/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Prints what the TSC says of a loop of a known number of instructions, and that number: they agree
 * in a guest whose clock counts instructions.
 */
#include <inttypes.h>
#include <stdio.h>
#include <x86intrin.h>

#define TURNS 50000000ull

int
main(void)
{
	uint64_t turns = TURNS;
	const uint64_t begin = __rdtsc();

	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(turns) : : "cc");
	printf("%" PRIu64 " %llu\n", (uint64_t)__rdtsc() - begin, 2 * TURNS);
	return 0;
}
