/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Every field of a completion at its bounds [VMX3 14]: the last value that can be meant is taken,
 * the first that cannot is counted, exactly once, under its cause; the neighbours of a bad
 * completion come through; afterwards no mbuf is missing and the port works. Completions are
 * written by the test, one by one, into a ring at various places, in front of and behind good ones,
 * so that they are met by each way of receiving.
 */
#include <stdio.h>
#include <string.h>

#include <rte_vect.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

#define RING 64u
#define QUEUES 2u
#define ROOM 256u
#define FULL 0x4000u /* as a length: the buffer's, and what it says beyond */

static const uint16_t widths[] = {RTE_VECT_SIMD_DISABLED, RTE_VECT_SIMD_256, RTE_VECT_SIMD_512};

static uint64_t
counter(const struct vmx_test *t, uint16_t q, const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "rx_q%u_%s", q, what);
	return vmx_xstat(t, name);
}

/* Rings begin at 0 again afterwards. */
static void
recover(struct vmx_test *t, bool by_reset)
{
	vmx_assert_recovers(t, by_reset);
	vmx_stop(t);
	vmx_start(t);
}

enum ring { HEADS, BODIES, OTHER_HEADS, OTHER_BODIES, DATA, OTHER_DATA, NO_RING };

/* A buffer of the ring: the next one, counted from there, or by its number. */
enum place { NEXT, LAST_POSTED, BEHIND_POSTED, RING_SIZE, ALL_ONES };

struct piece {
	enum ring ring;
	enum place place;
	uint16_t len;
	uint32_t flags; /* VMXNET3_RXC0_SOP, _EOP */
	bool error;
	bool wrong_gen;
};

struct seen {
	unsigned int frames, bad_piece, bad_completion, bad_frame;
};

#define SOP VMXNET3_RXC0_SOP
#define EOP VMXNET3_RXC0_EOP

struct rx_state {
	struct vmx_test *t;
	uint16_t q;
	unsigned int next[2], posted[2]; /* of ring 1 and ring 2, as they are to the driver */
};

static uint32_t
ring_id(uint16_t q, enum ring ring)
{
	const uint32_t ids[] = {
		q, QUEUES + q, 1 - q, QUEUES + 1 - q, 2 * QUEUES + q, 2 * QUEUES + 1 - q, 1023};

	return ids[ring];
}

static uint32_t
index_of(const struct rx_state *s, const struct piece *p)
{
	const unsigned int r = p->ring == BODIES || p->ring == OTHER_BODIES;
	const uint32_t indexes[] = {s->next[r], (s->next[r] + s->posted[r] - 1) % RING,
				    (s->next[r] + s->posted[r]) % RING, RING, VMXNET3_RXC0_INDEX};

	return indexes[p->place];
}

static void
forge(struct rx_state *s, const struct piece *p)
{
	const uint32_t len = p->len < FULL ? p->len : p->len - FULL + s->t->setup.room;
	const uint32_t words[4] = {
		index_of(s, p) | pvn_field_put(VMXNET3_RXC0_RQID, ring_id(s->q, p->ring)) |
			p->flags | VMXNET3_RXC0_CNC,
		0,
		len | (p->error ? VMXNET3_RXC2_ERR : 0),
		pvn_field_put(VMXNET3_RXC3_TYPE, VMXNET3_RXC_TYPE_NORMAL),
	};
	const bool own = p->ring == HEADS || p->ring == BODIES;
	const unsigned int r = p->ring == BODIES;

	vmx_device_forge(s->t->dev, false, s->q, words, p->wrong_gen);
	if (!own || p->wrong_gen || p->place > LAST_POSTED)
		return;
	/* A buffer that is named is gone from its ring, and so are those passed over. */
	s->posted[r] = p->place == NEXT ? s->posted[r] - 1 : 0;
	s->next[r] = (index_of(s, p) + (p->place == NEXT)) % RING;
}

static void
forge_good(struct rx_state *s, unsigned int n)
{
	const struct piece good = {.len = 100, .flags = SOP | EOP};

	while (n-- > 0)
		forge(s, &good);
}

static struct seen
look(const struct vmx_test *t, uint16_t q)
{
	return (struct seen){
		.frames = (unsigned int)counter(t, q, "packets"),
		.bad_piece = (unsigned int)counter(t, q, "bad_piece_errors"),
		.bad_completion = (unsigned int)counter(t, q, "bad_completion_errors"),
		.bad_frame = (unsigned int)counter(t, q, "error_bit_packets"),
	};
}

/* Whatever comes out is well formed. Returns how much. */
static unsigned int
receive_all(struct vmx_test *t, uint16_t q)
{
	unsigned int frames = 0;
	struct rte_mbuf *m[32];
	const char *reason;

	for (unsigned int turn = 0; turn < 4; turn++) {
		const uint16_t n = rte_eth_rx_burst(t->id, q, m, RTE_DIM(m));

		for (uint16_t i = 0; i < n; i++) {
			if (rte_mbuf_check(m[i], 1, &reason) != 0)
				fail_msg("bad mbuf: %s", reason);
			assert_true(m[i]->data_len <= t->setup.room);
			frames++;
		}
		rte_pktmbuf_free_bulk(m, n);
	}
	return frames;
}

static void
expect(const struct vmx_test *t, uint16_t q, const struct seen *before, const struct seen *want)
{
	const struct seen now = look(t, q);

	assert_int_equal(now.frames - before->frames, want->frames);
	assert_int_equal(now.bad_piece - before->bad_piece, want->bad_piece);
	assert_int_equal(now.bad_completion - before->bad_completion, want->bad_completion);
	assert_int_equal(now.bad_frame - before->bad_frame, want->bad_frame);
}

static struct rx_state
begin(struct vmx_test *t, uint16_t q, unsigned int warm_up)
{
	struct rx_state s = {.t = t, .q = q};

	for (unsigned int i = 0; i < warm_up; i++)
		vmx_assert_receives(t, q, 100, i);
	s.next[0] = warm_up % RING;
	s.posted[0] = vmx_device_rx_posted(t->dev, q, 0);
	s.posted[1] = vmx_device_rx_posted(t->dev, q, 1);
	return s;
}

struct rx_case {
	const char *name;
	struct piece piece[6]; /* up to one without a name of anything: all zero */
	struct seen seen;
	bool no_scatter; /* only then; with bodies, with scatter only; else with both */
	bool open;	 /* what comes behind would be part of it, or finds no buffer */
};

#define BUFFER                                                                                     \
	{                                                                                          \
		.len = 100, .flags = SOP | EOP                                                     \
	}

/* clang-format off */
static const struct rx_case rx_cases[] = {
	{.name = "as it should be",
	 .piece = {BUFFER},
	 .seen = {.frames = 1}},
	{.name = "the last buffer posted, others passed over",
	 .piece = {{.place = LAST_POSTED, .len = 100, .flags = SOP | EOP}},
	 .seen = {.frames = 1}, .open = true},
	{.name = "the buffer behind it",
	 .piece = {{.place = BEHIND_POSTED, .len = 100, .flags = SOP | EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "the ring's size as index",
	 .piece = {{.place = RING_SIZE, .len = 100, .flags = SOP | EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "all ones as index",
	 .piece = {{.place = ALL_ONES, .len = 100, .flags = SOP | EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "another queue's ring 1",
	 .piece = {{.ring = OTHER_HEADS, .len = 100, .flags = SOP | EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "another queue's ring 2",
	 .piece = {{.ring = OTHER_BODIES, .len = 100, .flags = SOP | EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "a data ring, which there is not",
	 .piece = {{.ring = DATA, .len = 100, .flags = SOP | EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "another queue's data ring",
	 .piece = {{.ring = OTHER_DATA, .len = 100, .flags = SOP | EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "no ring at all",
	 .piece = {{.ring = NO_RING, .len = 100, .flags = SOP | EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "ring 2, which is not used",
	 .piece = {{.ring = BODIES, .len = 100, .flags = SOP | EOP}},
	 .seen = {.bad_completion = 1}, .no_scatter = true},
	{.name = "as long as the buffer",
	 .piece = {{.len = FULL, .flags = SOP | EOP}},
	 .seen = {.frames = 1}},
	{.name = "a byte longer",
	 .piece = {{.len = FULL + 1, .flags = SOP | EOP}},
	 .seen = {.bad_piece = 1}},
	{.name = "as long as can be told",
	 .piece = {{.len = 0x3FFF, .flags = SOP | EOP}},
	 .seen = {.bad_piece = 1}},
	{.name = "an Ethernet header",
	 .piece = {{.len = 14, .flags = SOP | EOP}},
	 .seen = {.frames = 1}},
	{.name = "a byte less",
	 .piece = {{.len = 13, .flags = SOP | EOP}},
	 .seen = {.bad_piece = 1}},
	{.name = "a buffer given back",
	 .piece = {{.len = 0, .flags = SOP | EOP}},
	 .seen = {0}},
	{.name = "with the error bit",
	 .piece = {{.len = 100, .flags = SOP | EOP, .error = true}},
	 .seen = {.bad_frame = 1}},
	{.name = "the generation of the round before",
	 .piece = {{.len = 100, .flags = SOP | EOP, .wrong_gen = true}},
	 .seen = {0}, .open = true},
	{.name = "the generation of the round before, then right",
	 .piece = {{.len = 100, .flags = SOP | EOP, .wrong_gen = true}},
	 .seen = {0}},
	{.name = "an end without a beginning",
	 .piece = {{.len = 100, .flags = EOP}},
	 .seen = {.bad_piece = 1}},
	{.name = "neither beginning nor end",
	 .piece = {{.len = 100}},
	 .seen = {.bad_piece = 1}},
	{.name = "a beginning without an end",
	 .piece = {{.len = 100, .flags = SOP}},
	 .seen = {0}, .open = true},
	{.name = "two beginnings",
	 .piece = {{.len = 100, .flags = SOP}, BUFFER},
	 .seen = {.frames = 1, .bad_piece = 1}},
	{.name = "many beginnings, no end",
	 .piece = {{.len = 100, .flags = SOP}, {.len = 100, .flags = SOP},
		    {.len = 100, .flags = SOP}, {.len = 100, .flags = SOP},
		    {.len = 100, .flags = SOP}},
	 .seen = {.bad_piece = 4}, .open = true},
	{.name = "two pieces",
	 .piece = {{.len = 100, .flags = SOP}, {.ring = BODIES, .len = FULL, .flags = EOP}},
	 .seen = {.frames = 1}},
	{.name = "a body a byte too long",
	 .piece = {{.len = 100, .flags = SOP}, {.ring = BODIES, .len = FULL + 1, .flags = EOP}},
	 .seen = {.bad_piece = 1}},
	{.name = "a body without a byte",
	 .piece = {{.len = 100, .flags = SOP}, {.ring = BODIES, .flags = EOP}},
	 .seen = {.bad_piece = 1}},
	{.name = "a body from behind what is posted",
	 .piece = {{.len = 100, .flags = SOP},
		    {.ring = BODIES, .place = BEHIND_POSTED, .len = 9, .flags = EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "a body of the ring's size as index",
	 .piece = {{.len = 100, .flags = SOP},
		    {.ring = BODIES, .place = RING_SIZE, .len = 9, .flags = EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "another queue's body",
	 .piece = {{.len = 100, .flags = SOP}, {.ring = OTHER_BODIES, .len = 9, .flags = EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "a hole in the middle",
	 .piece = {{.len = 100, .flags = SOP}, {.ring = BODIES, .place = RING_SIZE, .len = 9},
		    {.ring = BODIES, .len = 9, .flags = EOP}},
	 .seen = {.bad_completion = 1}},
	{.name = "bodies without a head",
	 .piece = {{.ring = BODIES, .len = 9}, {.ring = BODIES, .len = 9},
		    {.ring = BODIES, .len = 9, .flags = EOP}},
	 .seen = {.bad_piece = 1}},
	{.name = "two short pieces, 13 bytes",
	 .piece = {{.len = 10, .flags = SOP}, {.ring = BODIES, .len = 3, .flags = EOP}},
	 .seen = {.bad_piece = 1}},
	{.name = "pieces with the error bit in the last",
	 .piece = {{.len = 100, .flags = SOP},
		    {.ring = BODIES, .len = 9, .flags = EOP, .error = true}},
	 .seen = {.bad_frame = 1}},
};
/* clang-format on */

static bool
is_end(const struct piece *p)
{
	const struct piece none = {0};

	return memcmp(p, &none, sizeof(none)) == 0;
}

static bool
is_for(const struct rx_case *c, bool scatter)
{
	bool bodies = false;

	for (size_t i = 0; i < RTE_DIM(c->piece); i++)
		bodies |= c->piece[i].ring == BODIES;
	return scatter ? !c->no_scatter : c->no_scatter || !bodies;
}

static void
rx_case(struct vmx_test *t, uint16_t q, const struct rx_case *c, unsigned int warm_up,
	unsigned int before, unsigned int behind)
{
	struct seen want = c->seen, start;
	struct rx_state s = begin(t, q, warm_up);

	start = look(t, q);
	forge_good(&s, before);
	for (size_t i = 0; i < RTE_DIM(c->piece) && !is_end(&c->piece[i]); i++)
		forge(&s, &c->piece[i]);
	if (!c->open)
		forge_good(&s, behind);
	want.frames += before + (c->open ? 0 : behind);
	assert_int_equal(receive_all(t, q), want.frames);
	expect(t, q, &start, &want);
}

static void
rx_cases_on(bool scatter, uint16_t width)
{
	static const unsigned int warm_ups[] = {0, 7, 60, 63};
	const struct vmx_setup setup = {
		.num_rx_queues = QUEUES,
		.room = scatter ? ROOM : 2048,
		.rx_ring = RING,
		.rx_offloads = scatter ? RTE_ETH_RX_OFFLOAD_SCATTER : 0,
	};
	struct vmx_test t;

	rte_vect_set_max_simd_bitwidth(width);
	vmx_open(&t, &setup);
	for (size_t i = 0; i < RTE_DIM(rx_cases); i++) {
		if (!is_for(&rx_cases[i], scatter))
			continue;
		print_message("case: %s, %s scatter, %u bits\n", rx_cases[i].name,
			      scatter ? "with" : "without", width);
		for (unsigned int n = 0; n < 4 * RTE_DIM(warm_ups); n++) {
			rx_case(&t, n % QUEUES, &rx_cases[i], warm_ups[n / 4], 2 * (n % 4), 5);
			recover(&t, n == 5);
		}
	}
	vmx_close_unchecked(&t);
}

static void
test_rx_bounds(void **state)
{
	(void)state;
	for (size_t w = 0; w < RTE_DIM(widths); w++) {
		rx_cases_on(true, widths[w]);
		rx_cases_on(false, widths[w]);
	}
}

/* As many pieces as the driver told the device are one frame; one more, and all of it is dropped,
 * counted once, however long it goes on. */
static void
test_too_many_pieces(void **state)
{
	const struct vmx_setup setup = {.num_rx_queues = QUEUES,
					.room = ROOM,
					.rx_ring = RING,
					.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	const struct piece head = {.len = ROOM, .flags = SOP};
	struct piece body = {.ring = BODIES, .len = ROOM};
	struct vmx_device_state seen;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_device_state(t.dev, &seen);
	for (unsigned int over = 0; over < 4; over++) {
		const struct seen want = {.frames = 3 + (over == 0), .bad_piece = over > 0};
		struct rx_state s = begin(&t, 0, 5);
		const struct seen start = look(&t, 0);

		forge(&s, &head);
		for (unsigned int i = 2; i <= seen.max_rx_frags + over; i++) {
			body.flags = i == seen.max_rx_frags + over ? EOP : 0;
			forge(&s, &body);
		}
		forge_good(&s, 3);
		assert_int_equal(receive_all(&t, 0), want.frames);
		expect(&t, 0, &start, &want);
		recover(&t, over == 3);
	}
	vmx_close_unchecked(&t);
}

/* A call ends though completions do not: here as many as the ring has, of buffers it has not. */
static void
test_endless_completions(void **state)
{
	const struct piece nothing = {.place = ALL_ONES, .len = 100, .flags = SOP | EOP};
	const struct vmx_setup setup = {.num_rx_queues = QUEUES, .rx_ring = RING};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (unsigned int n = 1; n < RING + 32; n += 13) {
		struct rx_state s = begin(&t, 1, 3);
		const struct seen start = look(&t, 1), want = {.bad_completion = n};

		for (unsigned int i = 0; i < n; i++)
			forge(&s, &nothing);
		assert_int_equal(receive_all(&t, 1), 0);
		expect(&t, 1, &start, &want);
		recover(&t, false);
	}
	vmx_close_unchecked(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VMX_TEST(test_rx_bounds),
		VMX_TEST(test_too_many_pieces),
		VMX_TEST(test_endless_completions),
	};

	return VMX_RUN(tests);
}
