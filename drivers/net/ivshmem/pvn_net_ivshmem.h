/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * For applications that transmit without a copy from net_ivshmem ports.
 */
#ifndef PVN_NET_IVSHMEM_H
#define PVN_NET_IVSHMEM_H

#include <stdint.h>

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

#endif /* PVN_NET_IVSHMEM_H */
