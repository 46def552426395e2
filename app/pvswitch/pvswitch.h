/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * pvswitch: what its parts share. [SWITCH n] is docs/design/switch.md, section n.
 *
 *   settings.c  words and their values: the same in the file, on the command line, over pvnctl
 *   options.c   the whole configuration: the switch's own words, what belongs together
 *   config.c    the file
 *   cmdline.c   the command line
 *   ports.c     the ports there are; what changes them
 *   guests.c    ports of Xen guests
 *   ivshmem.c   ports of guests over IVSHMEM
 *   watch.c     Xen guests appear and vanish by themselves
 *   eth.c       any port of DPDK's
 *   view.c      what workers see of all that, swapped as a whole
 *   worker.c    the loop
 *   forward.c   a burst from its port to its ports
 *   control.c   the control socket
 *   show.c      answers to it
 *   main.c      start and end
 *
 * Threads: everything is done by the main thread but the loop of the workers, and a hub's thread
 * for each Xen, which only wakes the main one.
 */
#ifndef PVSWITCH_H
#define PVSWITCH_H

#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include <pvn_switch.h>

#include "settings.h"

#define PVS_PORTS_MAX PVN_SWITCH_PORTS_MAX
#define PVS_WORKERS_MAX 16u

extern int pvs_logtype;

/* One line for people. */
#define PVS_LOG(level, fmt, ...) PVN_LOG_LINE(level, pvs_logtype, fmt, ##__VA_ARGS__)

enum pvs_kind {
	PVS_FREE,
	PVS_GUEST,
	PVS_ETH,
	PVS_GOING, /* a guest's, in no view to come, until workers are done with the last */
};

struct pvs_guest;
struct pvs_eth;
struct pvs_view;

/* A port; its place in pvs.port[] is its number for lib/switch. The main thread's. */
struct pvs_port {
	enum pvs_kind kind;
	char name[PVS_NAME_MAX]; /* "xen3.0" for device 0 of domain 3, or as the operator says */
	char guest_name[PVS_NAME_MAX]; /* the domain's, where it is known */
	struct pvs_settings set;       /* in force */
	struct pvs_guest *guest;       /* kind GUEST */
	struct pvs_eth *eth;	       /* kind ETH */
	uint64_t mac;		       /* assigned to a guest; as a port's own of an ethdev */
	struct pvn_switch_counts base; /* counters when they were cleared last */
};

/* What a worker does with its time, in cycles; it alone writes. */
struct pvs_worker_counts {
	uint64_t busy, idle;
	uint64_t bursts, frames; /* received */
} __rte_cache_aligned;

struct pvs {
	struct pvs_options options;
	struct pvs_port port[PVS_PORTS_MAX];
	uint32_t workers;
	unsigned int lcore[PVS_WORKERS_MAX];
	struct pvs_worker_counts *worker_counts;	   /* of each worker */
	struct pvn_switch_counts *counts[PVS_WORKERS_MAX]; /* [worker][port] */
	struct pvn_fdb_counts *fdb_counts;		   /* of each worker */
	struct pvn_fdb *fdb;
	struct rte_rcu_qsbr *rcu;
	struct pvs_view *view; /* atomic */
	bool stale;	       /* the last try to make a new one failed */
	struct rte_mempool *pool;
	bool quit;   /* atomic: workers end */
	int wake_fd; /* eventfd: the main thread has something to look at */
};

/* The second, for the forwarding database. */
static inline uint16_t
pvs_now_s(void)
{
	return rte_rdtsc() / rte_get_tsc_hz();
}

/* ---- ports.c; errors are said in `why`, a whole sentence without a full stop ---- */

/* Adds a port of DPDK's. 0 or -errno. */
int pvs_port_add(struct pvs *sw, const char *name, const struct pvs_settings *set, char *why);

/* Removes it; returns when no worker uses it any more. Guests' ports go with their devices. */
int pvs_port_remove(struct pvs *sw, const char *name, char *why);

/* Changes its settings while it runs, all or none. */
int pvs_port_set(struct pvs *sw, const char *name, const struct pvs_settings *set, char *why);

struct pvs_port *pvs_port_find(struct pvs *sw, const char *name);

static inline uint16_t
pvs_port_number(const struct pvs *sw, const struct pvs_port *port)
{
	return port - sw->port;
}

bool pvs_port_up(const struct pvs_port *port);

/* Why a guest's last connection ended, or "". */
const char *pvs_port_why(const struct pvs_port *port);

/* What all workers counted of a port since it was cleared last. A guest's frames that its policy
 * refused are among them: RATE, RUNT, SPOOFED.
 */
void pvs_port_counts(const struct pvs *sw, const struct pvs_port *port,
		     struct pvn_switch_counts *sum);
void pvs_port_clear(struct pvs *sw, struct pvs_port *port);

/* The worker that polls the port's queue 0, or -1. */
int pvs_port_worker(const struct pvs *sw, const struct pvs_port *port);

/* Reads the file again; ports that it no longer names go, new ones come, others change. */
int pvs_reload(struct pvs *sw, char *why);

#endif /* PVSWITCH_H */
