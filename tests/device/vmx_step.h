/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Look at the world after every single instruction of this thread, by the CPU's trap flag: whatever
 * another core or a device could see in between is seen for certain. A second thread would see it
 * by luck only. Does not work under valgrind: then no step is counted.
 */
#ifndef VMX_STEP_H
#define VMX_STEP_H

#include <stdint.h>

/* From now on fn(arg) is called after each instruction. */
void vmx_step_begin(void (*fn)(void *arg), void *arg);

/* No more; returns the number of calls. */
uint64_t vmx_step_end(void);

#endif /* VMX_STEP_H */
