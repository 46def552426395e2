/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What QEMU and libvirt must be told so that a guest gets a region: arguments to start with, QMP
 * commands for a guest that runs, XML. [IVS 1]
 *
 * Each function writes text that ends with a NUL into `to`, and returns its length without that.
 * -ENOSPC when `size` is too small, by one byte or by more: then, and with any other error, nothing
 * was written. pvn_ivshmem_why() tells more.
 */
#ifndef PVN_IVSHMEM_QEMU_H
#define PVN_IVSHMEM_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Paths may have letters, digits and / . _ - + : @ % = and ','. */
struct pvn_ivshmem_qemu_cfg {
	const char *name;   /* of the region; QEMU's names are made of it: pvn-NAME, ... */
	uint64_t size;	    /* bytes, see pvn_ivshmem_check_size() */
	uint32_t vectors;   /* of a doorbell device, 1..32; 0: 1 */
	const char *socket; /* a doorbell device, and the server's socket; or NULL: */
	const char *file;   /* a plain device, and the memory's file, also /proc/PID/fd/N */
	bool read_only;	    /* a plain device that the guest can only read */
	const char *bus;    /* to plug it into; NULL: the root bus, for QMP pvn-NAME-port */
	uint32_t chassis;   /* of a port, 1..255, another one for each; 0: made of the name */
};

/* Arguments of one device, separated by single spaces; no shell needs to quote them. */
int pvn_ivshmem_qemu_args(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size);

/* Arguments that make the port pvn-NAME-port, with room for the region: a guest on q35 has none
 * without. For a device that is to be plugged in later, or with bus = "pvn-NAME-port" at once.
 */
int pvn_ivshmem_qemu_port(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size);

/* QMP commands, one a line, to be sent in turn. */
int pvn_ivshmem_qemu_plug(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size);

/* The same for unplugging: after the first one wait for the event DEVICE_DELETED of pvn-NAME, then
 * send the second.
 */
int pvn_ivshmem_qemu_unplug(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size);

/* libvirt: an element of <devices>; for a plain device whose file is not /dev/shm/NAME, where alone
 * libvirt looks, <qemu:commandline>, an element of <domain>.
 */
int pvn_ivshmem_qemu_xml(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size);

#endif /* PVN_IVSHMEM_QEMU_H */
