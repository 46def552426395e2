/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Decoder for the one kind of x86-64 instruction that reaches a device register: a 32-bit mov
 * between memory and a register, or of a constant to memory. That is what compilers make of
 * rte_read32() and rte_write32() at every optimisation level; anything else is refused, because a
 * device register must not be touched with another width. Pure: bytes in, description out. The same
 * for 64-bit ARM.
 */
#ifndef VMX_INSN_H
#define VMX_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMX_INSN_MAX 15 /* bytes, the longest an x86 instruction may be */

struct vmx_insn {
	uint8_t len;  /* bytes, of the whole instruction */
	uint8_t reg;  /* as the CPU numbers them; not for has_imm */
	bool store;   /* to memory */
	bool has_imm; /* stores imm, no register */
	uint32_t imm;
};

/* 0, or -1 when the bytes are no such mov. Reads no byte behind the end of a valid instruction. */
int vmx_insn_decode(const uint8_t *code, size_t avail, struct vmx_insn *insn);

/* The same of a 32-bit ldr or str; there are 4 bytes. */
int vmx_insn_decode_arm(const uint8_t *code, struct vmx_insn *insn);

#endif /* VMX_INSN_H */
