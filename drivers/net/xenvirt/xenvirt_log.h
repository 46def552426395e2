/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Log lines of net_xenvirt. None of them is reached from the data path; those that the host can
 * cause are as rare as the connections it makes.
 */
#ifndef XENVIRT_LOG_H
#define XENVIRT_LOG_H

#include <pvn_compat.h>

extern int xenvirt_logtype;

/* `name` is the port that the line is about. */
#define XENVIRT_LOG(level, name, fmt, ...)                                                         \
	PVN_LOG_LINE(level, xenvirt_logtype, "net_xenvirt %s: " fmt, name, ##__VA_ARGS__)

#endif /* XENVIRT_LOG_H */
