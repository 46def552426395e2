/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What applications may ask of net_ivshmem: for ports that transmit without a copy, and for regions
 * of pointer mode that EAL's start has found in a virtual machine.
 *
 * Link with librte_net_ivshmem.so, or load it with -d and find these calls by
 * dlsym(dlopen("librte_net_ivshmem.so", RTLD_LAZY | RTLD_NOLOAD), ...): EAL loads drivers for
 * itself.
 */
#ifndef PVN_NET_IVSHMEM_H
#define PVN_NET_IVSHMEM_H

#include <stdint.h>

struct pvn_ivshmem_guest;
struct rte_memzone;
struct rte_mempool;

/* The pool over memory shared with the port's host: mbufs from it are transmitted by this port as
 * they are. NULL with rte_errno ENODEV (no guest's net_ivshmem port) or ENOTSUP (the port copies:
 * give it the devarg zero_copy=1). The pool is the driver's and lives until the port is closed;
 * free all its mbufs before that. Never give it to a receive queue of another driver. Any thread.
 *
 * Towards a port that does DMA: in a virtual machine whose EAL uses physical addresses the buffers
 * carry those of the device's memory, so a device of the same machine may read them. With virtual
 * addresses (VFIO) register the memory first, once: rte_extmem_register() and rte_dev_dma_map() on
 * the pool's memory. Between plain processes there is no bus address: let such frames be copied.
 */
struct rte_mempool *pvn_ivshmem_net_pool(uint16_t port_id);

/* A memory zone of any region that is here, by its name; NULL with rte_errno ENOENT. Rings and
 * mempools are found by rte_ring_lookup() and rte_mempool_lookup(). Any thread.
 */
const struct rte_memzone *pvn_ivshmem_net_memzone(const char *name);

/* A region by its name, for pvn_ivshmem_guest_link_open(); NULL: it is not here, or its host is
 * gone, and nothing of it may be used any more. It is valid until its device is removed from EAL.
 * Any thread.
 */
const struct pvn_ivshmem_guest *pvn_ivshmem_net_region(const char *name);

#endif /* PVN_NET_IVSHMEM_H */
