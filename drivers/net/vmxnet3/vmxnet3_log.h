/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Log lines of net_pvn_vmxnet3. None of them is reached from the data path.
 */
#ifndef VMXNET3_LOG_H
#define VMXNET3_LOG_H

#include <pvn_compat.h>

extern int vmxnet3_logtype;

/* `name` is the PCI address (or port name) that the line is about. */
#define VMXNET3_LOG(level, name, fmt, ...)                                                         \
	PVN_LOG_LINE(level, vmxnet3_logtype, "net_pvn_vmxnet3 %s: " fmt, name, ##__VA_ARGS__)

#endif /* VMXNET3_LOG_H */
