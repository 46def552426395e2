/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * For applications that transmit without a copy from net_xenvirt ports.
 */
#ifndef PVN_XENVIRT_H
#define PVN_XENVIRT_H

#include <stdint.h>

struct rte_mempool;

/* The pool over pages shared with the port's back end: mbufs from it are transmitted, by every port
 * towards that back end, as they are. NULL with rte_errno ENODEV (no net_xenvirt port) or ENOTSUP
 * (the port copies: give it the devarg zero_copy=1). The pool is the driver's and lives until the
 * last such port is closed; free all its mbufs before that. Never give it to a receive queue of
 * another driver. Any thread.
 */
struct rte_mempool *pvn_xenvirt_pool(uint16_t port_id);

#endif /* PVN_XENVIRT_H */
