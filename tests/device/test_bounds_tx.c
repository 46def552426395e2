/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The index of a transmit completion at its bounds [VMX3 14]: what names the end of a packet in
 * flight frees it and those before, what does not is counted, exactly once, and frees nothing;
 * afterwards no mbuf is missing and the port works. Completions are written by the test, at various
 * places of the ring. (Receive: test_bounds_rx.c.)
 */
#include <stdlib.h>
#include <string.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

#define RING 64u

/* Three packets in flight, of 1, 3 and 1 descriptors; each completion names a descriptor, counted
 * from the oldest, or is one of these. */
enum { AT_SIZE = 100, AT_ONES, WRONG_GEN };

struct tx_case {
	const char *name;
	int at[4];
	unsigned int num;
	unsigned int freed; /* segments */
	unsigned int bad;
	unsigned int singles;	     /* so many packets of one descriptor each instead */
	unsigned int before, behind; /* right completions of these, in front of those and after */
};

/* clang-format off */
static const struct tx_case tx_cases[] = {
	{.name = "none",
	 .at = {0}, .num = 0, .freed = 0, .bad = 0},
	{.name = "the oldest",
	 .at = {0}, .num = 1, .freed = 1, .bad = 0},
	{.name = "each",
	 .at = {0, 3, 4}, .num = 3, .freed = 5, .bad = 0},
	{.name = "the second stands for the first as well",
	 .at = {3}, .num = 1, .freed = 4, .bad = 0},
	{.name = "the first of a packet's descriptors",
	 .at = {1}, .num = 1, .freed = 0, .bad = 1},
	{.name = "a descriptor in its middle",
	 .at = {2}, .num = 1, .freed = 0, .bad = 1},
	{.name = "the one that is filled next",
	 .at = {5}, .num = 1, .freed = 0, .bad = 1},
	{.name = "the one that was freed last",
	 .at = {-1}, .num = 1, .freed = 0, .bad = 1},
	{.name = "the ring's size",
	 .at = {AT_SIZE}, .num = 1, .freed = 0, .bad = 1},
	{.name = "all ones",
	 .at = {AT_ONES}, .num = 1, .freed = 0, .bad = 1},
	{.name = "the same twice",
	 .at = {0, 0}, .num = 2, .freed = 1, .bad = 1},
	{.name = "backwards",
	 .at = {3, 0}, .num = 2, .freed = 4, .bad = 1},
	{.name = "a bad one between good ones",
	 .at = {0, 5, 3}, .num = 3, .freed = 4, .bad = 1},
	{.name = "bad ones only",
	 .at = {1, 5, AT_SIZE, AT_ONES}, .num = 4, .freed = 0, .bad = 4},
	{.name = "the generation of the round before, nothing else",
	 .at = {WRONG_GEN}, .num = 1, .freed = 0, .bad = 0},
	{.name = "the generation of the round before",
	 .at = {WRONG_GEN, 0}, .num = 2, .freed = 1, .bad = 0},
	{.name = "five: each",
	 .at = {0, 1, 2, 3}, .num = 4, .freed = 4, .bad = 0, .singles = 5},
	{.name = "five: the third stands for all before",
	 .at = {2}, .num = 1, .freed = 3, .bad = 0, .singles = 5},
	{.name = "five: the one that is filled next",
	 .at = {5}, .num = 1, .freed = 0, .bad = 1, .singles = 5},
	{.name = "five: the one that was freed last",
	 .at = {-1}, .num = 1, .freed = 0, .bad = 1, .singles = 5},
	{.name = "five: the ring's size",
	 .at = {AT_SIZE}, .num = 1, .freed = 0, .bad = 1, .singles = 5},
	{.name = "five: all ones",
	 .at = {AT_ONES}, .num = 1, .freed = 0, .bad = 1, .singles = 5},
	{.name = "five: the same twice",
	 .at = {0, 0}, .num = 2, .freed = 1, .bad = 1, .singles = 5},
	{.name = "five: a bad one between good ones",
	 .at = {0, AT_SIZE, 1}, .num = 3, .freed = 2, .bad = 1, .singles = 5},
	{.name = "five: the generation of the round before",
	 .at = {WRONG_GEN, 0}, .num = 2, .freed = 1, .bad = 0, .singles = 5},
	{.name = "twenty: each",
	 .before = 20, .freed = 20, .singles = 20},
	{.name = "twenty: all but one",
	 .before = 19, .freed = 19, .singles = 20},
	{.name = "twenty: a bad one in front",
	 .at = {AT_SIZE}, .num = 1, .behind = 20, .freed = 20, .bad = 1, .singles = 20},
	{.name = "twenty: a bad one among them",
	 .before = 5, .at = {20}, .num = 1, .behind = 15, .freed = 20, .bad = 1, .singles = 20},
	{.name = "twenty: one further behind",
	 .before = 11, .at = {AT_ONES}, .num = 1, .behind = 9, .freed = 20, .bad = 1, .singles = 20},
	{.name = "twenty: the same twice",
	 .before = 4, .at = {3}, .num = 1, .behind = 16, .freed = 20, .bad = 1, .singles = 20},
	{.name = "twenty: eight, the sixth bad",
	 .before = 5, .at = {AT_SIZE}, .num = 1, .behind = 2, .freed = 7, .bad = 1, .singles = 20},
	{.name = "twenty: eight, the last bad",
	 .before = 7, .at = {AT_ONES}, .num = 1, .freed = 7, .bad = 1, .singles = 20},
	{.name = "twenty: eight, the first bad",
	 .at = {20}, .num = 1, .behind = 7, .freed = 7, .bad = 1, .singles = 20},
	{.name = "twenty: one left out",
	 .before = 3, .at = {4}, .num = 1, .freed = 5, .singles = 20},
};
/* clang-format on */

static void
send_packets(struct vmx_test *t, const struct tx_case *c)
{
	static const uint8_t frame[60];
	const unsigned int segs[] = {1, 3, 1};

	vmx_device_tx_hold(t->dev, true);
	for (unsigned int i = 0; i < (c->singles != 0 ? c->singles : RTE_DIM(segs)); i++) {
		const size_t room = c->singles != 0 ? sizeof(frame) : sizeof(frame) / segs[i];
		struct rte_mbuf *m = vmx_chain(t->tx_pool, frame, sizeof(frame), room);

		assert_int_equal(rte_eth_tx_burst(t->id, 0, &m, 1), 1);
	}
	vmx_device_run(t->dev);
}

/* All bits that mean nothing are set: what lies behind the ring of descriptors looks like an EOP.
 */
static void
complete(struct vmx_test *t, unsigned int oldest, int at)
{
	uint32_t words[4] = {0, UINT32_MAX, UINT32_MAX, UINT32_MAX};

	if (at == AT_SIZE)
		words[0] = RING;
	else if (at == AT_ONES)
		words[0] = VMXNET3_TXC0_INDEX;
	else
		words[0] = (oldest + RING + (unsigned int)(at == WRONG_GEN ? 4 : at)) % RING;
	words[0] |= ~VMXNET3_TXC0_INDEX;
	vmx_device_forge(t->dev, true, 0, words, at == WRONG_GEN);
}

static void
tx_case(struct vmx_test *t, const struct tx_case *c, unsigned int warm_up)
{
	const uint64_t bad = vmx_xstat(t, "tx_q0_bad_completion_errors");
	static const uint8_t frame[60];
	struct vmx_frame *sent;

	for (unsigned int i = 0; i < warm_up; i++) {
		struct rte_mbuf *m = vmx_chain(t->tx_pool, frame, sizeof(frame), VMX_TX_ROOM);

		assert_int_equal(rte_eth_tx_burst(t->id, 0, &m, 1), 1);
		complete(t, 0, (int)i);
	}
	rte_eth_tx_done_cleanup(t->id, 0, 0);
	assert_int_equal(rte_mempool_in_use_count(t->tx_pool), 0);
	send_packets(t, c);
	for (unsigned int i = 0; i < c->before; i++)
		complete(t, warm_up, (int)i);
	for (unsigned int i = 0; i < c->num; i++)
		complete(t, warm_up, c->at[i]);
	for (unsigned int i = 0; i < c->behind; i++)
		complete(t, warm_up, (int)(c->before + i));
	rte_eth_tx_done_cleanup(t->id, 0, 0);
	assert_int_equal(rte_mempool_in_use_count(t->tx_pool),
			 (c->singles != 0 ? c->singles : 5) - c->freed);
	assert_int_equal(vmx_xstat(t, "tx_q0_bad_completion_errors") - bad, c->bad);
	rte_eth_tx_done_cleanup(t->id, 0, 0); /* no second time */
	assert_int_equal(vmx_xstat(t, "tx_q0_bad_completion_errors") - bad, c->bad);
	vmx_device_tx_hold(t->dev, false);
	while ((sent = vmx_device_sent(t->dev)) != NULL)
		free(sent);
}

static void
test_tx_bounds(void **state)
{
	static const unsigned int warm_ups[] = {0, 5, 59, 60, 62, 63};
	const struct vmx_setup setup = {.tx_ring = RING};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (size_t i = 0; i < RTE_DIM(tx_cases); i++) {
		print_message("case: %s\n", tx_cases[i].name);
		for (size_t w = 0; w < RTE_DIM(warm_ups); w++) {
			tx_case(&t, &tx_cases[i], warm_ups[w]);
			vmx_assert_recovers(&t, w == 5);
			vmx_stop(&t); /* so that rings begin at 0 again */
			vmx_start(&t);
		}
	}
	vmx_close_unchecked(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VMX_TEST(test_tx_bounds),
	};

	return VMX_RUN(tests);
}
