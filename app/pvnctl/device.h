/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Devices in XenStore. A device is known by its domain and its number there. The back end's
 * directory says what it is; the front end's belongs to the guest, so nothing in it is believed.
 */
#ifndef PVNCTL_DEVICE_H
#define PVNCTL_DEVICE_H

#include <pvn_xenbus.h>

#include "domain.h"

#define DEVICE_PATH_MAX 80

struct device {
	uint16_t front_id;
	uint16_t handle;
	uint16_t back_id;
	bool has_front;	   /* the front end's directory is there */
	bool has_back;	   /* the back end's is */
	bool online;	   /* nobody wants it to go away */
	bool front_lost;   /* the front end's domain is gone */
	bool only_if_left; /* for devices_detach(): not if both ends are there by now */
	bool unanswered;   /* by it: the back end had not let go when the time was over */
	enum pvn_xenbus_state front_state;
	enum pvn_xenbus_state back_state;
	struct settings settings;
	char error[256];
	char front_name[sizeof(((struct domain *)NULL)->name)];
	char front[DEVICE_PATH_MAX];
	char back[DEVICE_PATH_MAX];
};

/* All devices, by domain and number; *devices is malloc'd. If two back ends have a directory for
 * one, it is there twice. Their number, or CTL_FAIL.
 */
int devices_read(struct pvn_xen *x, struct device **devices);

/* Fills the paths from the numbers. */
void device_paths(struct device *device);

/* Calls `found` for each device of a kind ("vif") that a domain has the back end of, until it
 * returns something else than 0, which is then returned. Reads no node that a guest could write.
 */
typedef int walk_fn(void *arg, uint16_t back_id, uint16_t front_id, uint16_t handle);
int walk_backs(struct pvn_xen *x, uint32_t txn, uint16_t back_id, const char *kind, walk_fn *found,
	       void *arg);

/* ---- attach.c ---- */

struct attach {
	const char *domain;
	const char *backend;
	int handle; /* -1: the lowest that is free */
	struct settings settings;
	/* Out. */
	struct domain front;
	struct device device;
};

/* Makes a device, or leaves everything as it was. 0 or CTL_FAIL. */
int device_attach(struct pvn_xen *x, struct attach *attach);

/* ---- detach.c ---- */

/* Asks both ends to let go of devices, waits for that, at most `timeout_ms`, and removes those
 * whose back ends have or whose front ends are gone, and with `force` all. 0, or CTL_FAIL: what one
 * of those that stay is. Ends early, with CTL_FAIL, when `stop_fd` becomes readable; -1: never.
 */
int devices_detach(struct pvn_xen *x, struct device *devices, int count, int timeout_ms, bool force,
		   int stop_fd);

/* What is to be said of a device that was removed though its back end did not answer; else "". */
void tell_unanswered(const struct device *device, char *text, size_t size);

/* Milliseconds of --timeout, or its default; CTL_FAIL if it is no number that is accepted. */
struct ctl_line;
int detach_timeout(const struct ctl_line *line);

/* Forgets all watches that fired. 0, or CTL_FAIL when there will be no more. */
int drain_watches(struct pvn_xen *x);

#endif /* PVNCTL_DEVICE_H */
