/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The ways of receiving, and which is taken: by what the CPU can, how wide the application lets
 * vectors be, --force-max-simd-bitwidth. What the CPU can is asked for when a port starts, since a
 * program may have been built for another one.
 */
#include <rte_cpuflags.h>
#include <rte_vect.h>

#include "vmxnet3_rx.h"

static bool
always(void)
{
	return true;
}

#ifdef RTE_ARCH_X86_64
static bool
has_avx512(void)
{
	return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512F) > 0 &&
	       rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512BW) > 0 &&
	       rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VL) > 0;
}

static bool
has_avx2(void)
{
	return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) > 0;
}
#endif

/* The first that may be, is. */
static const struct way {
	const char *name; /* as DPDK's other drivers say */
	eth_rx_burst_t burst;
	eth_rx_burst_t burst_data; /* with data rings */
	uint16_t bits;		   /* of its vectors */
	bool (*usable)(void);
} ways[] = {
#ifdef RTE_ARCH_X86_64
	{"Vector AVX512", vmxnet3_rx_burst_avx512, vmxnet3_rx_burst_data_avx512, RTE_VECT_SIMD_512,
	 has_avx512},
	{"Vector AVX2", vmxnet3_rx_burst_avx2, vmxnet3_rx_burst_data_avx2, RTE_VECT_SIMD_256,
	 has_avx2},
#endif
#ifdef RTE_ARCH_ARM64
	{"Vector Neon", vmxnet3_rx_burst_neon, vmxnet3_rx_burst_data_neon, RTE_VECT_SIMD_128,
	 always},
#endif
	{"Scalar", vmxnet3_rx_burst, vmxnet3_rx_burst_data, 0, always},
};

void
vmxnet3_rx_choose(struct rte_eth_dev *dev)
{
	const struct way *way = ways;

	while (way->bits > rte_vect_get_max_simd_bitwidth() || !way->usable())
		way++;
	dev->rx_pkt_burst = vmxnet3_hw(dev)->rx_data_slot != 0 ? way->burst_data : way->burst;
}

/* What was chosen. */
const char *
vmxnet3_rx_way(const struct rte_eth_dev *dev)
{
	const struct way *way = ways;

	while (way->burst != dev->rx_pkt_burst && way->burst_data != dev->rx_pkt_burst &&
	       way->burst != vmxnet3_rx_burst)
		way++;
	return way->name;
}
