/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * mov r32,m32 = 8B /r, mov m32,r32 = 89 /r, mov m32,imm32 = C7 /0 id. Before it may stand segment
 * overrides (without effect in 64-bit mode, but for FS and GS, which we refuse) and a REX prefix;
 * behind it a SIB byte and a displacement. The address itself is not worked out: the fault told it.
 */
#include "vmx_insn.h"

#include <string.h>

#define REX_R 0x4
#define REX_W 0x8

struct cursor {
	const uint8_t *code;
	size_t avail;
	size_t pos;
	bool overrun;
};

static uint8_t
next_byte(struct cursor *c)
{
	if (c->pos >= c->avail) {
		c->overrun = true;
		return 0;
	}
	return c->code[c->pos++];
}

static void
skip(struct cursor *c, size_t n)
{
	c->pos += n;
	if (c->pos > c->avail)
		c->overrun = true;
}

static uint32_t
next_imm32(struct cursor *c)
{
	uint32_t value = 0;

	for (int shift = 0; shift < 32; shift += 8)
		value |= (uint32_t)next_byte(c) << shift;
	return value;
}

static bool
is_segment_prefix(uint8_t byte)
{
	return byte == 0x26 || byte == 0x2E || byte == 0x36 || byte == 0x3E;
}

/* Prefixes up to the opcode, which is returned; the REX byte, or 0, goes to *rex. */
static uint8_t
opcode_after_prefixes(struct cursor *c, uint8_t *rex)
{
	uint8_t byte = next_byte(c);

	while (is_segment_prefix(byte))
		byte = next_byte(c);
	*rex = 0;
	if ((byte & 0xF0) == 0x40) {
		*rex = byte;
		byte = next_byte(c);
	}
	return byte;
}

/* SIB and displacement behind a ModRM byte that names memory. */
static void
skip_address(struct cursor *c, uint8_t modrm)
{
	uint8_t mod = modrm >> 6;
	uint8_t rm = modrm & 7;
	bool disp32 = mod == 2 || (mod == 0 && rm == 5); /* the latter is RIP-relative */

	if (rm == 4) {
		uint8_t base = next_byte(c) & 7;

		disp32 |= mod == 0 && base == 5;
	}
	if (mod == 1)
		skip(c, 1);
	else if (disp32)
		skip(c, 4);
}

int
vmx_insn_decode(const uint8_t *code, size_t avail, struct vmx_insn *insn)
{
	struct cursor c = {.code = code, .avail = avail};
	uint8_t opcode, modrm, rex;

	memset(insn, 0, sizeof(*insn));
	opcode = opcode_after_prefixes(&c, &rex);
	if (opcode != 0x8B && opcode != 0x89 && opcode != 0xC7)
		return -1;
	modrm = next_byte(&c);
	if (c.overrun || (rex & REX_W) != 0 || modrm >> 6 == 3)
		return -1;
	skip_address(&c, modrm);
	insn->store = opcode != 0x8B;
	insn->has_imm = opcode == 0xC7;
	insn->reg = ((modrm >> 3) & 7) | ((rex & REX_R) != 0 ? 8 : 0);
	if (insn->has_imm) {
		if ((modrm & 0x38) != 0)
			return -1;
		insn->reg = 0;
		insn->imm = next_imm32(&c);
	}
	if (c.overrun || c.pos > VMX_INSN_MAX)
		return -1;
	insn->len = (uint8_t)c.pos;
	return 0;
}
