/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#define _GNU_SOURCE
#include "vmx_cpu.h"

#if defined(__x86_64__)

/* The CPU's register numbers in the order of the saved context. */
static const int greg_of[16] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8,	 REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

const uint8_t *
vmx_cpu_code(const ucontext_t *context)
{
	return (const uint8_t *)context->uc_mcontext.gregs[REG_RIP];
}

int
vmx_cpu_decode(const uint8_t *code, struct vmx_insn *insn)
{
	return vmx_insn_decode(code, VMX_INSN_MAX, insn);
}

uint32_t
vmx_cpu_stored(const ucontext_t *context, const struct vmx_insn *insn)
{
	return insn->has_imm ? insn->imm : (uint32_t)context->uc_mcontext.gregs[greg_of[insn->reg]];
}

/* Clears the upper half. */
void
vmx_cpu_load(ucontext_t *context, const struct vmx_insn *insn, uint32_t value)
{
	context->uc_mcontext.gregs[greg_of[insn->reg]] = (greg_t)value;
}

void
vmx_cpu_skip(ucontext_t *context, const struct vmx_insn *insn)
{
	context->uc_mcontext.gregs[REG_RIP] += insn->len;
}

void
vmx_cpu_store_and_forget(void *at, uint32_t value)
{
	__asm__ volatile("movl %1, %%r10d\n\t"
			 "movl %%r10d, (%0)\n\t"
			 "xorl %%r10d, %%r10d"
			 :
			 : "r"(at), "r"(value)
			 : "r10", "cc", "memory");
}

#elif defined(__aarch64__)

#define ZERO_REGISTER 31 /* it reads 0, and what is loaded to it is gone */

const uint8_t *
vmx_cpu_code(const ucontext_t *context)
{
	return (const uint8_t *)context->uc_mcontext.pc;
}

int
vmx_cpu_decode(const uint8_t *code, struct vmx_insn *insn)
{
	return vmx_insn_decode_arm(code, insn);
}

uint32_t
vmx_cpu_stored(const ucontext_t *context, const struct vmx_insn *insn)
{
	return insn->reg == ZERO_REGISTER ? 0 : (uint32_t)context->uc_mcontext.regs[insn->reg];
}

/* Clears the upper half. */
void
vmx_cpu_load(ucontext_t *context, const struct vmx_insn *insn, uint32_t value)
{
	if (insn->reg != ZERO_REGISTER)
		context->uc_mcontext.regs[insn->reg] = value;
}

void
vmx_cpu_skip(ucontext_t *context, const struct vmx_insn *insn)
{
	context->uc_mcontext.pc += insn->len;
}

void
vmx_cpu_store_and_forget(void *at, uint32_t value)
{
	__asm__ volatile("mov w10, %w1\n\t"
			 "str w10, [%0]\n\t"
			 "mov w10, wzr"
			 :
			 : "r"(at), "r"(value)
			 : "x10", "memory");
}

#else
#error "the instructions that reach a device register are known of x86-64 and 64-bit ARM only"
#endif
