/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the ring itself costs: frames of one size copied into shared slots by one thread and out of
 * them by another, no mbufs, no ports. Three ways, the same slots and bursts:
 *
 *   bare    two indices and nothing else: the floor
 *   split   lib/vring, as our ports use it: in order, one used element for each burst
 *   packed  the packed ring of virtio 1.2, in order, likewise one used descriptor for each burst
 *
 *   ring [SIZE [SLOTS [SECONDS]]]
 *
 * Prints "bare split packed" in millions of frames per second.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pvn_vring.h"

#define BURST 32
#define STRIDE 2112
#define HEADROOM 64
#define LINE __attribute__((aligned(64)))

static uint32_t frame_size = 64, slots = 256;
static double seconds = 1;
static uint8_t *pool;
static volatile bool stop;
static uint64_t received;

static inline uint8_t *
slot(uint32_t i)
{
	return pool + HEADROOM + (size_t)(i & (slots - 1)) * STRIDE;
}

/* What a sender and a receiver do with a frame. */
static inline void
put(uint32_t i, const uint8_t *frame)
{
	memcpy(slot(i), frame, frame_size);
}

static inline void
get(const uint8_t *data, uint8_t *frame, uint32_t len)
{
	memcpy(frame, data, len);
}

static uint8_t out[BURST][2048], in[BURST][2048];

/* ---- bare ---- */

static struct {
	uint32_t head LINE;
	uint32_t tail LINE;
} bare;

static void *
bare_send(void *arg)
{
	uint32_t head = 0, tail = 0;

	while (!stop) {
		if (slots - (head - tail) < BURST) {
			tail = __atomic_load_n(&bare.tail, __ATOMIC_ACQUIRE);
			continue;
		}
		for (uint32_t i = 0; i < BURST; i++)
			put(head + i, out[i]);
		head += BURST;
		__atomic_store_n(&bare.head, head, __ATOMIC_RELEASE);
	}
	return arg;
}

static void
bare_receive(void)
{
	uint32_t head = 0, tail = 0;

	while (!stop) {
		uint32_t n = head - tail;

		if (n == 0) {
			head = __atomic_load_n(&bare.head, __ATOMIC_ACQUIRE);
			continue;
		}
		n = n < BURST ? n : BURST;
		for (uint32_t i = 0; i < n; i++)
			__builtin_prefetch(slot(tail + i));
		for (uint32_t i = 0; i < n; i++)
			get(slot(tail + i), in[i], frame_size);
		tail += n;
		received += n;
		__atomic_store_n(&bare.tail, tail, __ATOMIC_RELEASE);
	}
}

/* ---- split ---- */

static struct pvn_vring_drv drv LINE;
static struct pvn_vring_dev dev LINE;
static struct pvn_vring_pool map;

static void
split_begin(void)
{
	size_t bytes = (VRING_BYTES(slots) + 4095) & ~(size_t)4095;
	void *mem = aligned_alloc(4096, bytes);

	map = (struct pvn_vring_pool){.base = pool, .size = (uint64_t)slots * STRIDE};
	pvn_vring_drv_reset(&drv, mem, slots);
	for (uint32_t i = 0; i < slots; i++)
		pvn_vring_drv_fill(&drv, i, VRING_ADDR(0, slot(i) - pool), 0, 0);
	pvn_vring_dev_reset(&dev, mem, slots, &map, 1);
}

static void *
split_send(void *arg)
{
	while (!stop) {
		uint16_t room = slots - (uint16_t)(drv.pos - drv.used_idx);

		if (room < BURST) {
			drv.used_idx += pvn_vring_drv_used(&drv, UINT16_MAX);
			continue;
		}
		for (uint16_t i = 0; i < BURST; i++) {
			put(drv.pos + i, out[i]);
		}
		for (uint16_t i = 0; i < BURST; i++)
			pvn_vring_drv_fill_len(&drv, drv.pos + i, frame_size, 0);
		drv.pos += BURST;
		pvn_vring_drv_publish(&drv, BURST);
	}
	return arg;
}

static void
split_receive(void)
{
	struct pvn_vring_buf bufs[BURST];

	while (!stop) {
		uint16_t n = pvn_vring_dev_avail(&dev, 1), k = 0;

		n = n < BURST ? n : BURST;
		while (k < n && pvn_vring_dev_buf(&dev, dev.pos + k, false, &bufs[k]))
			__builtin_prefetch(bufs[k++].addr);
		for (uint16_t i = 0; i < k; i++)
			get(bufs[i].addr, in[i], bufs[i].len <= frame_size ? bufs[i].len : 0);
		if (k == 0)
			continue;
		received += k;
		pvn_vring_dev_fill_used(&dev, 0, dev.pos + k - 1, 0);
		pvn_vring_dev_publish(&dev, k, k);
	}
}

/* ---- packed: virtio 2.8 ---- */

#define PACKED_AVAIL 0x0080u
#define PACKED_USED 0x8000u

struct packed_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

static struct packed_desc *packed;

/* Flags of a descriptor in the round that `pos` is in: first round 1. */
static inline uint16_t
packed_avail(uint32_t pos)
{
	return (pos / slots) % 2 == 0 ? PACKED_AVAIL : PACKED_USED;
}

static inline uint16_t
packed_used(uint32_t pos)
{
	return (pos / slots) % 2 == 0 ? PACKED_AVAIL | PACKED_USED : 0;
}

static void
packed_begin(void)
{
	packed = aligned_alloc(4096, ((size_t)slots * sizeof(*packed) + 4095) & ~(size_t)4095);
	memset(packed, 0, (size_t)slots * sizeof(*packed));
	for (uint32_t i = 0; i < slots; i++)
		packed[i].addr = VRING_ADDR(0, slot(i) - pool);
}

/* In order, the used descriptor of a batch stands at its first; its id is that of its last. */
static void *
packed_send(void *arg)
{
	uint32_t pos = 0, done = 0;

	while (!stop) {
		if (slots - (pos - done) < BURST) {
			struct packed_desc *d = &packed[done & (slots - 1)];
			uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);

			if ((flags & (PACKED_AVAIL | PACKED_USED)) == packed_used(done))
				done += ((d->id - done) & (slots - 1)) + 1;
			continue;
		}
		for (uint32_t i = 0; i < BURST; i++)
			put(pos + i, out[i]);
		for (uint32_t i = 1; i <= BURST; i++) { /* the first is handed over last */
			uint32_t at = pos + i % BURST;
			struct packed_desc *d = &packed[at & (slots - 1)];

			d->len = frame_size;
			d->id = at & (slots - 1);
			__atomic_store_n(&d->flags, packed_avail(at), __ATOMIC_RELEASE);
		}
		pos += BURST;
	}
	return arg;
}

static bool
packed_buf(uint32_t pos, struct pvn_vring_buf *buf)
{
	const struct packed_desc *d = &packed[pos & (slots - 1)];
	uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);
	uint64_t addr;

	if ((flags & (PACKED_AVAIL | PACKED_USED)) != packed_avail(pos))
		return false;
	addr = PVN_LOAD_ONCE(d->addr);
	buf->len = PVN_LOAD_ONCE(d->len);
	buf->addr = pvn_vring_dev_translate(&dev, addr, buf->len, false);
	return buf->addr != NULL && buf->len != 0;
}

static void
packed_receive(void)
{
	struct pvn_vring_buf bufs[BURST];
	uint32_t pos = 0;

	while (!stop) {
		struct packed_desc *first = &packed[pos & (slots - 1)];
		uint32_t n = 0;

		while (n < BURST && packed_buf(pos + n, &bufs[n]))
			__builtin_prefetch(bufs[n++].addr);
		for (uint32_t i = 0; i < n; i++)
			get(bufs[i].addr, in[i], bufs[i].len <= frame_size ? bufs[i].len : 0);
		if (n == 0)
			continue;
		received += n;
		first->id = (pos + n - 1) & (slots - 1);
		__atomic_store_n(&first->flags, packed_used(pos), __ATOMIC_RELEASE);
		pos += n;
	}
}

/* ---- running one of them ---- */

static void
pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(thread, sizeof(set), &set);
}

static void *
end_after(void *arg)
{
	struct timespec ts = {.tv_sec = (time_t)seconds,
			      .tv_nsec = (long)((seconds - (time_t)seconds) * 1e9)};

	nanosleep(&ts, NULL);
	stop = true;
	return arg;
}

static double
run(void *(*send)(void *), void (*receive)(void))
{
	struct timespec a, b;
	pthread_t sender, clock;

	stop = false;
	received = 0;
	clock_gettime(CLOCK_MONOTONIC, &a);
	pthread_create(&clock, NULL, end_after, NULL);
	pthread_create(&sender, NULL, send, NULL);
	pin(sender, 1);
	pin(pthread_self(), 0);
	receive();
	clock_gettime(CLOCK_MONOTONIC, &b);
	pthread_join(sender, NULL);
	pthread_join(clock, NULL);
	return received / ((b.tv_sec - a.tv_sec) + (b.tv_nsec - a.tv_nsec) / 1e9) / 1e6;
}

int
main(int argc, char **argv)
{
	double rates[3];

	frame_size = argc > 1 ? (uint32_t)atoi(argv[1]) : frame_size;
	slots = argc > 2 ? (uint32_t)atoi(argv[2]) : slots;
	seconds = argc > 3 ? atof(argv[3]) : seconds;
	if (frame_size == 0 || frame_size > 2048 || !pvn_vring_size_ok(slots) ||
	    slots < 2 * BURST) {
		fprintf(stderr, "ring: SIZE is 1..2048, SLOTS a power of two from %d on\n",
			2 * BURST);
		return 2;
	}
	pool = aligned_alloc(4096, ((size_t)slots * STRIDE + 4095) & ~(size_t)4095);
	memset(pool, 0, (size_t)slots * STRIDE);
	split_begin();
	packed_begin();
	rates[0] = run(bare_send, bare_receive);
	rates[1] = run(split_send, split_receive);
	rates[2] = run(packed_send, packed_receive);
	printf("%.2f %.2f %.2f\n", rates[0], rates[1], rates[2]);
	return 0;
}
