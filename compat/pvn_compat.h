/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What differs between the DPDK versions Paravane builds against; nothing else looks at the
 * version.
 */
#ifndef PVN_COMPAT_H
#define PVN_COMPAT_H

#include <rte_common.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0)
#error "Paravane needs DPDK 22.11 or later"
#endif

/* One whole line; `type` is a variable made by RTE_LOG_REGISTER_*(). */
#define PVN_LOG_LINE(level, type, fmt, ...) rte_log(RTE_LOG_##level, type, fmt "\n", ##__VA_ARGS__)

/* Whether an mbuf has room for a bus address; 23.03 gave the word its name. */
#if defined(RTE_IOVA_IN_MBUF)
#define PVN_IOVA_IN_MBUF RTE_IOVA_IN_MBUF
#elif defined(RTE_IOVA_AS_PA)
#define PVN_IOVA_IN_MBUF RTE_IOVA_AS_PA
#else
#define PVN_IOVA_IN_MBUF 0
#endif

/* Empty lines between words of different writers: a build option since 23.11, one line before. */
#ifdef RTE_CACHE_GUARD_LINES
#define PVN_CACHE_GUARD_LINES RTE_CACHE_GUARD_LINES
#else
#define PVN_CACHE_GUARD_LINES 1
#endif

/* What a driver's list of packet types is asked with, and answers: it ends with RTE_PTYPE_UNKNOWN;
 * since 24.03 its length, without that end, is told too.
 */
#if RTE_VERSION < RTE_VERSION_NUM(24, 3, 0, 0)
#define PVN_PTYPES_ARGS(dev) struct rte_eth_dev *dev
#define PVN_PTYPES(list) (list)
#else
#define PVN_PTYPES_ARGS(dev) struct rte_eth_dev *dev, size_t *pvn_count
#define PVN_PTYPES(list) (*pvn_count = RTE_DIM(list) - 1, (list))
#endif

/* Since 25.11 counters of single queues are apart from the port's, and NULL where nobody asks for
 * them; and a negative rx queue count is an error.
 */
#if RTE_VERSION < RTE_VERSION_NUM(25, 11, 0, 0)
#define PVN_STATS_ARGS(dev, stats) struct rte_eth_dev *dev, struct rte_eth_stats *stats
#define PVN_QUEUE_STATS(stats) (stats)
#define pvn_queue_stats rte_eth_stats
#define PVN_QUEUE_COUNT_TYPE uint32_t
#else
#define PVN_STATS_ARGS(dev, stats)                                                                 \
	struct rte_eth_dev *dev, struct rte_eth_stats *stats, struct eth_queue_stats *pvn_queues
#define PVN_QUEUE_STATS(stats) (pvn_queues)
#define pvn_queue_stats eth_queue_stats
#define PVN_QUEUE_COUNT_TYPE int
#endif

/* What rte_pci_set_bus_master() takes cannot be changed by it since 23.11. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define PVN_BUS_MASTER_CONST
#else
#define PVN_BUS_MASTER_CONST const
#endif

/* Its later name. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define rte_tel_data_add_dict_uint rte_tel_data_add_dict_u64
#endif

#if RTE_VERSION < RTE_VERSION_NUM(24, 3, 0, 0)

/* Starts a thread on the CPUs that no lcore polls on. 0 or a negative errno. */
static inline int
pvn_control_thread(pthread_t *thread, const char *name, void *(*run)(void *), void *arg)
{
	return rte_ctrl_thread_create(thread, name, NULL, run, arg);
}

#else

#include <errno.h>
#include <stdlib.h>

#include <rte_thread.h>

/* Threads of later versions return a number. */
struct pvn_thread_start {
	void *(*run)(void *);
	void *arg;
};

static inline uint32_t
pvn_thread_begin(void *memory)
{
	struct pvn_thread_start start = *(struct pvn_thread_start *)memory;

	free(memory);
	start.run(start.arg);
	return 0;
}

static inline int
pvn_control_thread(pthread_t *thread, const char *name, void *(*run)(void *), void *arg)
{
	struct pvn_thread_start *start = malloc(sizeof(*start));
	rte_thread_t id;
	int ret;

	if (start == NULL)
		return -ENOMEM;
	*start = (struct pvn_thread_start){run, arg};
	ret = rte_thread_create_control(&id, name, pvn_thread_begin, start);
	if (ret != 0) {
		free(start);
		return -ret;
	}
	*thread = (pthread_t)id.opaque_id; /* the kind of EAL that there is here has it so */
	return 0;
}

#endif

#endif /* PVN_COMPAT_H */
