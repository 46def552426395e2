/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the switch's decision costs, without any port: bursts of 32 frames from one port are decided
 * and grouped. Prints nanoseconds per frame.
 *
 *   switch                        a table of cases
 *   switch PORTS MACS MIX ROUNDS  one case, for callgrind: --toggle-collect=measure counts the
 *                                 instructions of 32 * ROUNDS frames
 *
 * MIX: 0, all frames of a burst go from one address to one other; 1, each frame goes to another
 * address; 2, each comes from another address too; 3, as 1, and tagged, to access ports; 4, all are
 * broadcast.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pvn_switch.h"

#define BURST 32u
#define BUCKETS 8192u
#define SECOND UINT64_C(1000000000)

static struct pvn_switch_conf *conf;
static struct pvn_fdb *fdb;
static struct pvn_switch_groups groups;
static struct pvn_switch_counts counts;
static struct pvn_fdb_counts fdb_counts;
static struct pvn_switch_storm storm;
static uint8_t (*frames)[64];
static uint32_t ports, macs, mix, frame_count;
static volatile uint64_t sink;

static void *
memory(size_t size)
{
	void *mem = aligned_alloc(64, (size + 63) & ~(size_t)63);

	if (mem == NULL)
		exit(1);
	return mem;
}

/* Port 0 is where frames come from: a trunk when they are tagged. */
static void
build_conf(void)
{
	struct pvn_switch_port *set = calloc(ports, sizeof(*set));
	enum pvn_switch_fault fault;
	size_t size;
	uint32_t at;

	for (uint32_t i = 0; i < ports; i++)
		set[i] = (struct pvn_switch_port){.mode = PVN_SWITCH_ACCESS, .vid = 10};
	if (mix == 3) {
		set[0] = (struct pvn_switch_port){.mode = PVN_SWITCH_TRUNK};
		pvn_switch_vlans_add(&set[0].vlans, 1, PVN_VID_MAX);
	}
	size = pvn_switch_conf_size(set, ports);
	conf = pvn_switch_conf_build(memory(size), size, set, ports, SECOND, &fault, &at);
	free(set);
	if (conf == NULL)
		exit(1);
}

/* Address 0 is at port 0, the others are spread over the other ports. */
static void
build_fdb(void)
{
	fdb = pvn_fdb_init(memory(pvn_fdb_size(BUCKETS, ports)), BUCKETS, ports, 42);
	for (uint32_t i = 0; i < ports; i++)
		pvn_fdb_port_set(fdb, i, UINT32_MAX, false);
	for (uint32_t i = 1; i <= macs; i++) {
		const uint64_t key = pvn_fdb_key(10, UINT64_C(0x02) | (uint64_t)i << 16);

		pvn_fdb_learn(fdb, pvn_fdb_bucket_of(fdb, key), key, 1 + i % (ports - 1), 1,
			      &fdb_counts);
	}
}

static void
build_frame(uint8_t *f, uint32_t i)
{
	const uint32_t to = mix == 0 ? i / BURST : i;

	memset(f, 0, 64);
	pvn_mac_to_bytes(UINT64_C(0x02) | (uint64_t)(1 + to * 7919u % macs) << 16, f);
	pvn_mac_to_bytes(UINT64_C(0x06) | (uint64_t)(mix == 2 ? i % 1024 : 0) << 16, f + 6);
	if (mix == 4)
		memset(f, 0xFF, 6);
	if (mix == 3) {
		const uint8_t tag[] = {0x81, 0x00, 0x00, 10};

		memcpy(f + 12, tag, sizeof(tag));
	}
}

static void
build(void)
{
	build_conf();
	build_fdb();
	frame_count = (macs < 1024 ? 1024 : macs) / BURST * BURST;
	frames = memory((size_t)frame_count * 64);
	for (uint32_t i = 0; i < frame_count; i++)
		build_frame(frames[i], i);
}

/* What a worker does between receive and transmit. */
static __attribute__((noinline)) void
round_trip(const uint8_t *const *heads, const uint32_t *lens)
{
	const struct pvn_switch_in in = {
		.conf = conf,
		.fdb = fdb,
		.fdb_counts = &fdb_counts,
		.counts = &counts,
		.storm = &storm,
		.now_s = 1,
	};
	struct pvn_switch_verdict verdicts[BURST];
	uint64_t set;
	uint16_t port;

	pvn_switch_decide(&in, heads, lens, BURST, verdicts);
	pvn_switch_group(&in, verdicts, BURST, &groups);
	while (pvn_switch_next(&groups, &port, &set))
		sink ^= set + port;
}

__attribute__((noinline)) void measure(const uint8_t *const *heads, const uint32_t *lens,
				       uint32_t rounds);

void
measure(const uint8_t *const *heads, const uint32_t *lens, uint32_t rounds)
{
	for (uint32_t i = 0, at = 0; i < rounds; i++) {
		round_trip(heads + at, lens);
		at = at + 2 * BURST > frame_count ? 0 : at + BURST;
	}
}

static double
run(uint32_t rounds)
{
	const uint8_t **heads = calloc(frame_count, sizeof(*heads));
	struct timespec a, b;
	uint32_t lens[BURST];

	for (uint32_t i = 0; i < frame_count; i++)
		heads[i] = frames[i];
	for (uint32_t i = 0; i < BURST; i++)
		lens[i] = 64;
	measure(heads, lens, 2 * frame_count / BURST); /* learns, warms up */
	clock_gettime(CLOCK_MONOTONIC, &a);
	measure(heads, lens, rounds);
	clock_gettime(CLOCK_MONOTONIC, &b);
	free(heads);
	return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / rounds /
	       BURST;
}

static double
one(uint32_t p, uint32_t m, uint32_t x, uint32_t rounds)
{
	double ns;

	ports = p;
	macs = m;
	mix = x;
	build();
	ns = run(rounds);
	free(conf);
	free(fdb);
	free(frames);
	return ns;
}

int
main(int argc, char **argv)
{
	static const uint32_t port_counts[] = {2, 8, 64, 1024}, mac_counts[] = {1, 10, 1000, 10000};
	static const char *const mixes[] = {"one flow", "to many", "many to many", "tagged",
					    "broadcast"};

	if (argc == 5) {
		printf("%.1f\n", one((uint32_t)atoi(argv[1]), (uint32_t)atoi(argv[2]),
				     (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4])));
		return 0;
	}
	printf("ns per frame     MACs:      1     10   1000  10000\n");
	for (uint32_t x = 0; x < 5; x++)
		for (uint32_t p = 0; p < 4; p++) {
			printf("%-12s %5u ports", mixes[x], port_counts[p]);
			for (uint32_t m = 0; m < 4; m++)
				printf(" %6.1f", one(port_counts[p], mac_counts[m], x, 20000));
			printf("\n");
		}
	return 0;
}
