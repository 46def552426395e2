/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a fault handler sees of the CPU: the instruction that faulted, and its registers, which are
 * those that the interrupted program will go on with. For x86-64 and 64-bit ARM.
 */
#ifndef VMX_CPU_H
#define VMX_CPU_H

#include <stdint.h>
#include <ucontext.h>

#include "vmx_insn.h"

/* The instruction that faulted. */
const uint8_t *vmx_cpu_code(const ucontext_t *context);

/* As vmx_insn_decode(), for the CPU that this runs on. */
int vmx_cpu_decode(const uint8_t *code, struct vmx_insn *insn);

/* What a store stores. */
uint32_t vmx_cpu_stored(const ucontext_t *context, const struct vmx_insn *insn);

/* A load gets this value. */
void vmx_cpu_load(ucontext_t *context, const struct vmx_insn *insn, uint32_t value);

/* The program goes on behind it. */
void vmx_cpu_skip(ucontext_t *context, const struct vmx_insn *insn);

/* Stores `value` from a register that is overwritten by the very next instruction. */
void vmx_cpu_store_and_forget(void *at, uint32_t value);

#endif /* VMX_CPU_H */
