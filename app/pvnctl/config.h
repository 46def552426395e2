/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The file of xen apply and xen watch: a section for each device.
 *
 *   # comment
 *   [NAME]              only for messages
 *   domain = web        id, name or UUID
 *   mac = 00:16:3e:00:00:01
 *   vlan = 10           and so on: the options of xen attach
 *
 * What is wrong in a section is kept with it, and the others count.
 */
#ifndef PVNCTL_CONFIG_H
#define PVNCTL_CONFIG_H

#include "ctl.h"

struct section {
	char name[64];
	char domain[128];
	char backend[128]; /* "0" unless said otherwise */
	int handle;	   /* -1: any; the device is then known by its address */
	struct settings settings;
	char error[256]; /* "" if the section is right */
	/* For who works with it. */
	int32_t front_id; /* the device it has now, or -1 */
	uint16_t device;
	char told[512]; /* what was printed about it last */
};

struct config {
	struct section *sections;
	int count;
};

/* 0, or CTL_FAIL: the file cannot be read, or is not made of sections. *config is then untouched.
 */
int config_read(const char *path, struct config *config);
void config_free(struct config *config);

#endif /* PVNCTL_CONFIG_H */
