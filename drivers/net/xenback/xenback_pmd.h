/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_xenback inside: ethdevs over lib/hostport, and the watch that makes and removes them.
 */
#ifndef XENBACK_PMD_H
#define XENBACK_PMD_H

#include <bus_vdev_driver.h>
#include <ethdev_driver.h>

#include <pvn_hostdev.h>
#include <pvn_xenhost.h>

#include "xenback_log.h"

struct xenback_dev {
	struct pvn_hostdev d;
	struct pvn_xenhost host;
	bool told_going; /* the application has been told that the device is to go */
};

static inline struct xenback_dev *
xenback_dev(const struct rte_eth_dev *eth)
{
	return eth->data->dev_private;
}

/* What a vdev's devargs say. */
struct xenback_args {
	const char *name; /* for messages */
	char *xen;	  /* malloc'd; NULL: the default */
	uint32_t frontend;
	uint32_t handle;
	uint32_t watch;
	bool has_frontend;
};

/* ---- xenback_watch.c: ports that come and go by themselves ---- */

int xenback_watch_start(struct rte_vdev_device *vdev, const struct xenback_args *args);

/* False if this device is no watch. */
bool xenback_watch_stop(struct rte_vdev_device *vdev);

int xenback_spawn(pthread_t *thread, void *(*run)(void *), void *arg);

#endif /* XENBACK_PMD_H */
