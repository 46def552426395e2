/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What differs between the DPDK versions Paravane builds against; nothing else looks at the
 * version.
 */
#ifndef PVN_COMPAT_H
#define PVN_COMPAT_H

#include <rte_log.h>
#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0)
#error "Paravane needs DPDK 22.11 or later"
#endif

/* One whole line; `type` is a variable made by RTE_LOG_REGISTER_*(). */
#define PVN_LOG_LINE(level, type, fmt, ...) rte_log(RTE_LOG_##level, type, fmt "\n", ##__VA_ARGS__)

#endif /* PVN_COMPAT_H */
