/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "port_liar.h"

#include <string.h>
#include <time.h>

#define PLACES 64u /* where frames begin, a KiB apart */

uint32_t
liar_draw(struct liar *l, uint32_t below)
{
	l->random = l->random * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)l->random * below >> 32);
}

double
liar_cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

double
liar_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

bool
liar_go_on(const struct liar *l)
{
	return !__atomic_load_n(&l->stop, __ATOMIC_RELAXED);
}

void
liar_start(struct liar *l, void *(*run)(void *))
{
	*l = (struct liar){.random = 4711};
	assert_int_equal(pthread_create(&l->thread, NULL, run, l), 0);
}

void
liar_stop(struct liar *l)
{
	__atomic_store_n(&l->stop, true, __ATOMIC_RELAXED);
	pthread_join(l->thread, NULL);
}

static uint64_t
any_addr(struct liar *l, int pool)
{
	if (liar_draw(l, 20000) == 0)
		return (uint64_t)liar_draw(l, UINT32_MAX) << 20;
	return AT(pool, 4096 + liar_draw(l, PLACES) * 1024);
}

static uint32_t
any_len(struct liar *l)
{
	switch (liar_draw(l, 8)) {
	case 0:
		return 14 + liar_draw(l, 4);
	case 1:
		return liar_draw(l, 8192);
	case 2:
		return liar_draw(l, 5000) == 0 ? liar_draw(l, UINT32_MAX) : 1;
	default:
		return 60 + liar_draw(l, 1000);
	}
}

/* What a frame says of itself: its sender, its protocols, its lengths, its net header. */
static void
spoil_frame(struct liar *l)
{
	uint8_t *frame = hostile_page(TX, 4096 + liar_draw(l, PLACES) * 1024);
	struct raw_hdr hdr = {
		.flags = liar_draw(l, 3),
		.gso_type = liar_draw(l, 3) == 0 ? RAW_GSO_TCPV4 : 0,
		.gso_size = liar_draw(l, 2) * 1000,
		.csum_start = liar_draw(l, 9) == 0 ? liar_draw(l, 65536) : 34,
		.csum_offset = liar_draw(l, 9) == 0 ? liar_draw(l, 65536) : 16,
	};

	frame[11] ^= liar_draw(l, 2);
	frame[12 + liar_draw(l, 40)] = (uint8_t)liar_draw(l, 256);
	frame[46] = (uint8_t)liar_draw(l, 256);
	frame[14] = liar_draw(l, 4) == 0 ? (uint8_t)liar_draw(l, 256) : 0x45;
	raw_hdr_put(frame, &hdr);
}

static void
heal_frame(struct liar *l)
{
	static const struct packet_kind kind = {.tcp = true, .payload = 900};
	static struct packet pk;

	if (pk.len == 0)
		packet_make(&pk, &kind);
	memcpy(hostile_page(TX, 4096 + liar_draw(l, PLACES) * 1024), pk.data, pk.len);
}

static uint16_t
any_flags(struct liar *l)
{
	if (liar_draw(l, 20000) == 0)
		return (uint16_t)liar_draw(l, 65536);
	return (liar_draw(l, 4) == 0 ? RAW_NEXT : 0) | (liar_draw(l, 2) == 0 ? RAW_HDR : 0);
}

void *
liar_as_guest(void *arg)
{
	struct liar *l = arg;

	while (liar_go_on(l)) {
		uint32_t i = liar_draw(l, RING);

		raw_desc(&to_host, i, any_addr(l, TX), any_len(l), any_flags(l));
		raw_desc(&to_guest, liar_draw(l, RING), any_addr(l, RX), any_len(l),
			 liar_draw(l, 20000) == 0 ? 0 : RAW_WRITE);
		spoil_frame(l);
		heal_frame(l);
		heal_frame(l);
		raw_avail_set(&to_host, raw_used(&to_host) + liar_draw(l, RING + 1) +
						(liar_draw(l, 3000) == 0 ? 0x4000 : 0));
		raw_avail_set(&to_guest, raw_used(&to_guest) + liar_draw(l, RING + 1));
	}
	return NULL;
}
