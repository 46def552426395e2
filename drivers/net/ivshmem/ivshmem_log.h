/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Log lines of net_ivshmem. None of them is reached from the data path; those that the host can
 * cause are as rare as the connections it makes.
 */
#ifndef IVSHMEM_LOG_H
#define IVSHMEM_LOG_H

#include <pvn_compat.h>

extern int ivshmem_logtype;

/* `name` is the port that the line is about. */
#define IVSHMEM_LOG(level, name, fmt, ...)                                                         \
	PVN_LOG_LINE(level, ivshmem_logtype, "net_ivshmem %s: " fmt, name, ##__VA_ARGS__)

#endif /* IVSHMEM_LOG_H */
