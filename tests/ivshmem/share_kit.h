/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What tests of the sharing library share: EAL without hugepages, and a guest that is another
 * process. Tests are named by the conformance list, h19_...: tests/ivshmem/conformance.py knows it.
 */
#ifndef SHARE_KIT_H
#define SHARE_KIT_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "../unit/pvn_test.h"
#include "pvn_ivshmem.h"
#include "pvn_ivshmem_attach.h"
#include "pvn_ivshmem_link.h"

#define KIT_SIZE (UINT64_C(16) << 20)

/* With the library's own words, if it is not so. */
#define assert_ok(call)                                                                            \
	do {                                                                                       \
		int ret_ = (call);                                                                 \
		if (ret_ < 0)                                                                      \
			fail_msg("%s: %d, %s", #call, ret_, pvn_ivshmem_why());                    \
	} while (0)

/* Names of regions are the machine's, or the network namespace's: a test and its children have one
 * of their own, so that the same test may run twice at once.
 */
__attribute__((constructor)) static void
kit_own_names(void)
{
	if (getenv("PVN_KIT_NAMES") == NULL && unshare(CLONE_NEWNET) == 0)
		setenv("PVN_KIT_NAMES", "own", 1);
}

static inline void
kit_eal(const char *program)
{
	char prefix[32];
	char *argv[] = {(char *)(uintptr_t)program,
			"--no-huge",
			"-m",
			"64",
			"--no-pci",
			"--no-shconf",
			"--no-telemetry",
			"--log-level=4",
			"--iova-mode=va",
			"--lcores=0@0-1",
			"--file-prefix",
			prefix,
			NULL};

	snprintf(prefix, sizeof(prefix), "pvn-ivs-%d", (int)getpid());
	if (rte_eal_init(PVN_DIM(argv) - 1, argv) < 0) {
		fprintf(stderr, "EAL does not start: %s\n", rte_strerror(rte_errno));
		exit(1);
	}
}

static inline void
kit_create(const char *name)
{
	struct pvn_ivshmem_conf conf = {.size = KIT_SIZE};

	assert_ok(pvn_ivshmem_create(name, &conf));
}

/* Where another process finds a region of ours. */
static inline const char *
kit_where(const char *name)
{
	static char spec[64];

	snprintf(spec, sizeof(spec), "file:/proc/%d/fd/%d", (int)getpid(),
		 pvn_ivshmem_peer_fd(pvn_ivshmem_peer_of(name)));
	return spec;
}

static inline struct rte_ring *
kit_ring(const char *name, unsigned int size, const char *region)
{
	struct rte_ring *r = rte_ring_create(name, size, pvn_ivshmem_socket(region),
					     RING_F_SP_ENQ | RING_F_SC_DEQ);

	assert_non_null(r);
	return r;
}

static inline struct rte_mempool *
kit_pool(const char *name, unsigned int n, unsigned int cache, const char *region)
{
	struct rte_mempool *mp =
		rte_pktmbuf_pool_create(name, n, cache, 0, 2048, pvn_ivshmem_socket(region));

	if (mp == NULL)
		fail_msg("pool %s: %s", name, rte_strerror(rte_errno));
	return mp;
}

#endif /* SHARE_KIT_H */
