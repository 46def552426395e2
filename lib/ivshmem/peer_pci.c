/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A PCI device of this machine.
 */
#include "peer.h"

#include <errno.h>

#include "fail.h"

int
peer_open_pci(struct pvn_ivshmem_peer *p, const char *address)
{
	(void)p;
	return ivs_fail(ENOTSUP, "pci:%s: not yet", address);
}
