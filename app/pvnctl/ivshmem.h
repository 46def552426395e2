/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * pvnctl ivshmem ...: the keeper of regions, and what is said to it and about it. [IVS 2]
 *
 *   ivshmem_serve.c    the keeper: its loop and its control socket
 *   ivshmem_region.c   its regions, from people's text and back
 *   ivshmem.c          commands that ask it
 *   ivshmem_qmp.c      plug and unplug, over QMP
 *
 * Talking to it is as with pvswitch: a line with an array of words goes there, a line with an
 * object comes back.
 */
#ifndef PVNCTL_IVSHMEM_H
#define PVNCTL_IVSHMEM_H

#include <jansson.h>
#include <sys/queue.h>

#include <pvn_ivshmem_peer.h>
#include <pvn_ivshmem_qemu.h>
#include <pvn_ivshmem_server.h>

#include "ctl.h"

#define KEEPER_FOLDER "/run/pvn-ivshmem"
#define KEEPER_REGIONS_MAX 256u

/* The folder of the line's keeper. */
const char *keeper_folder(const struct ctl_line *line);

/* What QEMU is to be told about the region that the line names; *keep is to be freed after use,
 * also when this fails. 0 or CTL_FAIL.
 */
int region_cfg(const struct ctl_line *line, struct pvn_ivshmem_qemu_cfg *cfg, json_t **keep);

/* ---- regions, in the keeper ---- */

struct keeper_region {
	LIST_ENTRY(keeper_region) next;
	struct pvn_ivshmem_server *server;
	char name[32];
	char path[108];
	char file[256];	    /* "": a memfd */
	uint64_t huge_page; /* 0: the usual pages */
	uint32_t guests;
};

LIST_HEAD(keeper_regions, keeper_region);

/* Adds the one that "NAME,size=64M,..." tells of. 0 or CTL_FAIL. */
int region_add(struct keeper_regions *regions, const char *folder, const char *text);
int region_remove(struct keeper_regions *regions, const char *name);
void regions_end(struct keeper_regions *regions);

/* A region, or all, as JSON; NULL: no memory. */
json_t *region_json(struct keeper_region *r);

#endif /* PVNCTL_IVSHMEM_H */
