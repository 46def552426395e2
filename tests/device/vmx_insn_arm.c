/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * 64-bit ARM: ldr and str of a 32-bit register, with an immediate or a register as the offset, and
 * ldur and stur. Forms that change the base register too are refused.
 */
#include "vmx_insn.h"

#include <string.h>

/* Size, no vector register; then how the address is made. Bits 22 and 23 say load or store. */
#define KIND 0xFF800000u
#define KIND_SCALED 0xB9000000u
#define KIND_OTHER 0xB8000000u
#define OTHER_FORM 0x00200C00u
#define OTHER_UNSCALED 0x00000000u
#define OTHER_REGISTER 0x00200800u
#define LOAD 0x00400000u

int
vmx_insn_decode_arm(const uint8_t *code, struct vmx_insn *insn)
{
	const uint32_t word = code[0] | (uint32_t)code[1] << 8 | (uint32_t)code[2] << 16 |
			      (uint32_t)code[3] << 24;
	const uint32_t form = word & OTHER_FORM;

	memset(insn, 0, sizeof(*insn));
	if ((word & KIND) != KIND_SCALED &&
	    ((word & KIND) != KIND_OTHER || (form != OTHER_UNSCALED && form != OTHER_REGISTER)))
		return -1;
	insn->len = sizeof(word);
	insn->reg = word & 0x1F;
	insn->store = (word & LOAD) == 0;
	return 0;
}
