/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The host's end of an IVSHMEM net port against a guest that writes its half, its page and its wake
 * words as it likes. Each lie is refused for its own reason; an answer that is taken has all its
 * parts inside the room; a guest that begins again honestly is served; lines and offers are
 * bounded. What is in the rings is test_ports_hostile's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pvn_compat.h>
#include <pvn_ivshost.h>

#include "port_fixture.h"

#define SIZE (1u << 20)
#define QUEUES 4
#define MTU 1500
#define RING 64u
#define STRESS 50 /* answers that were taken, and as many that were not, before it is enough */
#define STRESS_S 20

static struct {
	char path[64];
	struct pvn_ivshmem_hub *hub;
	struct pvn_ivshost host;
	struct pvn_host_rxq rxq[QUEUES];
	struct pvn_host_txq txq[QUEUES];
	uint8_t *mem; /* the guest's mapping */
	struct pvn_ivshmem_guest guest;
	uint8_t *port;
	uint64_t len;
	unsigned int lines;
} t;

static int
spawn(pthread_t *thread, void *(*run)(void *), void *arg)
{
	return pthread_create(thread, NULL, run, arg);
}

static void
look(void)
{
	pvn_ivshmem_hub_wake(t.hub, &t.host.client);
}

static void
attach(void)
{
	struct ivshmem_object o;

	assert_int_equal(pvn_ivshmem_guest_attach(&t.guest, t.mem, SIZE, true, 0), 0);
	assert_int_equal(pvn_ivshmem_guest_find(&t.guest, IVSHMEM_NET, "net0", &o), 0);
	t.port = t.mem + pvn_le64_to_cpu(o.off);
	t.len = pvn_le64_to_cpu(o.len);
}

static int
begin(void **state __rte_unused)
{
	char spec[80];
	int fd;

	memset(&t, 0, sizeof(t));
	snprintf(t.path, sizeof(t.path), "/dev/shm/pvn-ivshost-%d", getpid());
	fd = open(t.path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && ftruncate(fd, SIZE) == 0);
	t.mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(t.mem, MAP_FAILED);
	close(fd);
	snprintf(spec, sizeof(spec), "file:%s", t.path);
	assert_int_equal(pvn_ivshmem_hub_open(spec, "test", spawn, &t.hub), 0);
	t.host.end.name = "test";
	t.host.end.logtype = rte_log_register("test.ivshost");
	rte_log_set_level(t.host.end.logtype, RTE_LOG_EMERG);
	t.host.end.mtu = MTU;
	assert_int_equal(pvn_ivshost_init(&t.host, t.hub, "net0", 0), 0);
	t.host.end.rx_queues = t.host.end.tx_queues = QUEUES;
	for (int i = 0; i < QUEUES; i++) {
		t.host.end.rxq[i] = &t.rxq[i];
		t.host.end.txq[i] = &t.txq[i];
		rte_spinlock_init(&t.txq[i].lock);
	}
	pvn_ivshost_start(&t.host);
	attach();
	return 0;
}

static int
end(void **state __rte_unused)
{
	pvn_ivshost_fini(&t.host);
	pvn_ivshmem_hub_close(t.hub);
	munmap(t.mem, SIZE);
	unlink(t.path);
	return 0;
}

/* ---- the guest ---- */

static volatile struct ivshmem_net_host *
host_half(void)
{
	return (volatile struct ivshmem_net_host *)(void *)t.port;
}

static struct ivshmem_net_guest *
guest_half(void)
{
	return (struct ivshmem_net_guest *)(void *)(t.port + IVSHMEM_NET_GUEST_HALF);
}

static void
say(enum ivshmem_net_guest_state state)
{
	__atomic_store_n(&guest_half()->state, pvn_cpu_to_le32(state), __ATOMIC_RELEASE);
}

/* A guest of a file is there as long as its heart beats, and some tests take longer than that. */
static void
next_offer(void)
{
	pvn_ivshmem_guest_beat(&t.guest);
	say(IVSHMEM_NET_AWAY);
	look();
	/* A guest that has had its share of offers waits. */
	for (int i = 0; i < 1000 && host_half()->state != IVSHMEM_NET_OFFERED; i++) {
		usleep(1000);
		look();
	}
	assert_int_equal(host_half()->state, IVSHMEM_NET_OFFERED);
}

/* A good answer to the offer there is: two queues, two pools. */
static void
good_answer(struct ivshmem_net_guest *a)
{
	uint64_t at = IVSHMEM_NET_ROOM;

	memset(a, 0, sizeof(*a));
	a->version = IVSHMEM_NET_VERSION;
	a->connection = host_half()->connection;
	a->features = host_half()->features;
	a->queues = 2;
	a->mtu = MTU;
	a->pools = 2;
	a->attachment = t.guest.attachment;
	for (uint32_t i = 0; i < 2; i++, at += 2 * IVSHMEM_PAGE) {
		a->rx[i] = (struct ivshmem_net_ring){.off = at, .size = RING};
		a->tx[i] = (struct ivshmem_net_ring){.off = at + IVSHMEM_PAGE, .size = RING};
	}
	for (uint32_t k = 0; k < 2; k++, at += 16 * IVSHMEM_PAGE)
		a->pool[k] = (struct ivshmem_net_pool){
			.off = at,
			.len = 16 * IVSHMEM_PAGE,
			.flags = k,
		};
}

static void
answer(const struct ivshmem_net_guest *a)
{
	struct ivshmem_net_guest *half = guest_half();

	memcpy((uint8_t *)half + sizeof(half->state), (const uint8_t *)a + sizeof(a->state),
	       sizeof(*a) - sizeof(a->state));
	say(IVSHMEM_NET_ANSWERED);
	look();
}

static void
assert_connects(void)
{
	struct ivshmem_net_guest a;

	next_offer();
	good_answer(&a);
	answer(&a);
	assert_int_equal(host_half()->state, IVSHMEM_NET_CONNECTED);
	assert_true(t.host.end.up);
	assert_int_equal(host_half()->attachment, t.guest.attachment);
}

/* ---- lies ---- */

#define WORD(member, value)                                                                        \
	{                                                                                          \
#member " = " #value, offsetof(struct ivshmem_net_guest, member),                  \
			sizeof(((struct ivshmem_net_guest *)0)->member), value                     \
	}
#define REASON(name) IVSHMEM_NET_REASON_##name

static const struct {
	struct {
		const char *name;
		size_t offset, size;
		uint64_t value;
	} word;
	enum ivshmem_net_reason reason;
} lies[] = {
	{WORD(queues, 2), REASON(NONE)},
	{WORD(mtu, 68), REASON(NONE)},
	{WORD(rx[0].size, 2), REASON(NONE)},
	{WORD(peer, 77), REASON(NONE)},
	{WORD(vectors, UINT32_MAX), REASON(NONE)},
	{WORD(pools, 1), REASON(NONE)},
	{WORD(pool[0].len, 1), REASON(NONE)},
	{WORD(pool[1].flags, UINT32_MAX), REASON(NONE)},

	{WORD(version, 0), REASON(VERSION)},
	{WORD(version, UINT32_MAX), REASON(VERSION)},
	{WORD(features, UINT64_MAX), REASON(FEATURES)},
	{WORD(features, UINT64_C(1) << 63), REASON(FEATURES)},
	{WORD(queues, 0), REASON(QUEUES)},
	{WORD(queues, QUEUES + 1), REASON(QUEUES)},
	{WORD(queues, UINT32_MAX), REASON(QUEUES)},
	{WORD(mtu, 0), REASON(MTU)},
	{WORD(mtu, 67), REASON(MTU)},
	{WORD(mtu, MTU + 1), REASON(MTU)},
	{WORD(rx[0].size, 0), REASON(RING_SIZE)},
	{WORD(rx[1].size, 1), REASON(RING_SIZE)},
	{WORD(tx[0].size, 63), REASON(RING_SIZE)},
	{WORD(tx[1].size, 8192), REASON(RING_SIZE)},
	{WORD(tx[1].size, UINT32_MAX), REASON(RING_SIZE)},
	{WORD(rx[0].off, 0), REASON(RING_PLACE)},
	{WORD(rx[0].off, IVSHMEM_NET_GUEST_HALF), REASON(RING_PLACE)},
	{WORD(rx[1].off, IVSHMEM_NET_WAKE_WORDS), REASON(RING_PLACE)},
	{WORD(tx[0].off, IVSHMEM_NET_ROOM + 1), REASON(RING_PLACE)},
	{WORD(tx[0].off, IVSHMEM_NET_ROOM + 64), REASON(RING_PLACE)},
	{WORD(tx[1].off, SIZE), REASON(RING_PLACE)},
	{WORD(tx[1].off, UINT64_MAX), REASON(RING_PLACE)},
	{WORD(tx[1].off, UINT64_MAX - 4095), REASON(RING_PLACE)},
	{WORD(tx[1].off, UINT64_C(1) << 63), REASON(RING_PLACE)},
	{WORD(pools, 0), REASON(POOLS)},
	{WORD(pools, 3), REASON(POOLS)},
	{WORD(pools, UINT32_MAX), REASON(POOLS)},
	{WORD(pool[0].off, 0), REASON(POOL_PLACE)},
	{WORD(pool[0].off, IVSHMEM_NET_ROOM + 8), REASON(POOL_PLACE)},
	{WORD(pool[1].off, UINT64_MAX - 4095), REASON(POOL_PLACE)},
	{WORD(pool[1].len, 0), REASON(POOL_PLACE)},
	{WORD(pool[1].len, SIZE), REASON(POOL_PLACE)},
	{WORD(pool[1].len, UINT64_MAX), REASON(POOL_PLACE)},
	{WORD(pool[1].len, UINT64_MAX - 20 * 4096), REASON(POOL_PLACE)},
	{WORD(pool[0].len, 16 * 4096 + 1), REASON(OVERLAP)},
	{WORD(pool[0].off, IVSHMEM_NET_ROOM), REASON(OVERLAP)},
	{WORD(rx[0].off, IVSHMEM_NET_ROOM + IVSHMEM_PAGE), REASON(OVERLAP)},
	{WORD(rx[0].size, 256), REASON(OVERLAP)},
};

static void
test_lies(void **state __rte_unused)
{
	struct ivshmem_net_guest a;

	for (size_t i = 0; i < RTE_DIM(lies); i++) {
		const bool good = lies[i].reason == IVSHMEM_NET_REASON_NONE;

		print_message("%s\n", lies[i].word.name);
		next_offer();
		good_answer(&a);
		memcpy((uint8_t *)&a + lies[i].word.offset, &lies[i].word.value, lies[i].word.size);
		answer(&a);
		assert_int_equal(host_half()->state,
				 good ? IVSHMEM_NET_CONNECTED : IVSHMEM_NET_REFUSED);
		assert_int_equal(t.host.end.up, good);
		if (good)
			continue;
		assert_int_equal(host_half()->reason, lies[i].reason);
		assert_string_equal(t.host.end.why, ivshost_reason_text(lies[i].reason));
	}
	assert_connects();
}

/* The one port's last byte is a part's last byte. */
static void
test_exact_end(void **state __rte_unused)
{
	struct ivshmem_net_guest a;

	for (uint32_t over = 0; over < 2; over++) {
		next_offer();
		good_answer(&a);
		a.pool[1].len = t.len - a.pool[1].off + over;
		answer(&a);
		assert_int_equal(host_half()->state,
				 over == 0 ? IVSHMEM_NET_CONNECTED : IVSHMEM_NET_REFUSED);
	}
}

/* Answers to other offers, and by other guests, are none. */
static void
test_not_ours(void **state __rte_unused)
{
	struct ivshmem_net_guest a;

	next_offer();
	good_answer(&a);
	a.connection++;
	answer(&a);
	assert_int_equal(host_half()->state, IVSHMEM_NET_OFFERED);
	good_answer(&a);
	a.attachment++;
	answer(&a);
	assert_int_equal(host_half()->state, IVSHMEM_NET_OFFERED);
	good_answer(&a);
	answer(&a);
	assert_int_equal(host_half()->state, IVSHMEM_NET_CONNECTED);
}

/* A guest comes into the place of one that is dead: the connection ends, the old answer is none. */
static void
test_replaced(void **state __rte_unused)
{
	assert_connects();
	attach();
	look();
	assert_false(t.host.end.up);
	look();
	assert_int_equal(host_half()->state, IVSHMEM_NET_OFFERED);
	assert_connects();
}

static void
test_leaves(void **state __rte_unused)
{
	assert_connects();
	pvn_ivshmem_guest_leave(&t.guest);
	look();
	assert_false(t.host.end.up);
	attach();
	assert_connects();
}

/* A broken ring ends the connection for that reason, until the guest begins again. */
static void
test_fault(void **state __rte_unused)
{
	struct rte_mbuf *mbufs[4];
	struct vring_avail *avail;

	assert_connects();
	avail = (void *)(t.port + guest_half()->tx[0].off + VRING_AVAIL_OFFSET(RING));
	memset(t.port + guest_half()->tx[0].off, 0, VRING_BYTES(RING));
	avail->idx = 1; /* a descriptor of zeros */
	assert_int_equal(pvn_host_rx(&t.rxq[0], mbufs, 4), 0);
	look();
	assert_int_equal(host_half()->state, IVSHMEM_NET_REFUSED);
	assert_int_equal(host_half()->reason, IVSHMEM_NET_REASON_FAULT);
	assert_connects();
}

/* What the host's half says is written by the host alone: scribbling there changes nothing. */
static void
test_scribbled_half(void **state __rte_unused)
{
	assert_connects();
	memset(t.port, 0xff, IVSHMEM_NET_GUEST_HALF);
	memset(t.mem + IVSHMEM_HOST_PAGE, 0xff, IVSHMEM_PAGE);
	memset(t.mem, 0xff, 2048);
	look();
	assert_true(t.host.end.up);
}

static bool
inside(const void *p, uint64_t len)
{
	const uint8_t *at = p, *room = t.host.mem + IVSHMEM_NET_ROOM;

	return at >= room && len <= t.host.len - IVSHMEM_NET_ROOM &&
	       at + len <= t.host.mem + t.host.len;
}

static void
assert_all_inside(void)
{
	const struct pvn_hostend *end = &t.host.end;

	for (uint32_t i = 0; i < end->queues; i++) {
		assert_true(inside(t.rxq[i].ring.desc, VRING_BYTES(end->tx_sizes[i])));
		assert_true(inside(t.txq[i].ring.desc, VRING_BYTES(end->rx_sizes[i])));
	}
	for (uint32_t k = 0; k < end->pool_count; k++)
		assert_true(inside(end->pools[k].base, end->pools[k].size));
}

static volatile bool scribbling;

/* Rewrites the half without end, mostly by what could be right. */
static void *
scribble(void *arg __rte_unused)
{
	volatile uint64_t *words = (volatile uint64_t *)(void *)guest_half();
	uint32_t seed = 1;

	while (scribbling) {
		uint32_t word = 3 + rand_r(&seed) % (sizeof(struct ivshmem_net_guest) / 8 - 3);

		words[word] = rand_r(&seed) % 4 != 0 ? (uint64_t)(rand_r(&seed) % 300) * 4096
						     : (uint64_t)rand_r(&seed) << 33;
	}
	return NULL;
}

/* A half that changes while it is read: what was checked is what is used. */
static void
test_rewritten(void **state __rte_unused)
{
	struct ivshmem_net_guest a;
	unsigned int connected = 0, refused = 0;
	const time_t give_up = time(NULL) + STRESS_S;
	pthread_t thread;

	scribbling = true;
	assert_int_equal(pthread_create(&thread, NULL, scribble, NULL), 0);
	while ((connected < STRESS || refused < STRESS) && time(NULL) < give_up) {
		t.host.end.offers = (struct pvn_hostend_allowance){0};
		pvn_ivshmem_guest_beat(
			&t.guest); /* it may take longer than a silent guest is there */
		say(IVSHMEM_NET_AWAY);
		look();
		good_answer(&a);
		answer(&a);
		if (t.host.end.up)
			assert_all_inside();
		connected += t.host.end.up;
		refused += !t.host.end.up;
	}
	scribbling = false;
	pthread_join(thread, NULL);
	print_message("%u connected, %u not\n", connected, refused);
	assert_true(connected > 0 && refused > 0);
	assert_connects();
}

/* A guest that begins again and again has its share of offers, and no more. */
static void
test_bounded(void **state __rte_unused)
{
	uint64_t before = 0, offers = 0;

	for (int i = 0; i < 10000; i++) {
		struct ivshmem_net_guest a;

		good_answer(&a);
		a.pools = 0;
		answer(&a);
		say(IVSHMEM_NET_AWAY);
		look();
		offers += host_half()->connection != before;
		before = host_half()->connection;
	}
	print_message("%u offers\n", (unsigned int)offers);
	assert_true(offers < 100);
	assert_true(t.host.end.untold > 0 || t.host.end.lines.left == 0 || offers < 40);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_lies),	   TEST(test_exact_end), TEST(test_not_ours),
		TEST(test_replaced),	   TEST(test_leaves),	 TEST(test_fault),
		TEST(test_scribbled_half), TEST(test_rewritten), TEST(test_bounded),
	};

	return port_run("ivshost", tests, RTE_DIM(tests));
}
