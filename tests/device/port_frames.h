/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The host's end of a port through pvn_hostframe.h. port_host_rx() and port_host_tx() go this way
 * where PVN_HOST_PATH=frames is in the environment.
 */
#ifndef PORT_FRAMES_H
#define PORT_FRAMES_H

#include <pvn_hostframe.h>

#include "port_fixture.h"

bool port_by_frames(void);

/* Its parts add up, and are where they may be. */
void port_assert_frame(const struct port *p, const struct pvn_host_frame *f);

/* The frame as it is. */
struct pvn_host_out port_out(const struct pvn_host_frame *f);

/* Bursts of queue 0. A frame for which there is no mbuf is lost. */
uint16_t port_frames_rx(struct port *p, struct rte_mbuf **mbufs, uint16_t n);
uint16_t port_frames_tx(struct port *p, struct rte_mbuf **mbufs, uint16_t n);

#endif /* PORT_FRAMES_H */
