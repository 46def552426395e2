/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The decoder against bytes written down from the CPU manual's tables, checked with a disassembler.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmx_insn.h"

static const struct {
	const char *what;
	uint8_t code[16];
	uint8_t len;
	uint8_t reg;
	bool store;
	bool has_imm;
	uint32_t imm;
} good[] = {
	{"mov (%rax),%eax", {0x8B, 0x00}, 2, 0, false, false, 0},
	{"mov (%rdi),%edx", {0x8B, 0x17}, 2, 2, false, false, 0},
	{"mov %esi,(%rdi)", {0x89, 0x37}, 2, 6, true, false, 0},
	{"mov 0x20(%rbx),%r12d", {0x44, 0x8B, 0x63, 0x20}, 4, 12, false, false, 0},
	{"mov %r8d,0x600(%r9)", {0x45, 0x89, 0x81, 0, 6, 0, 0}, 7, 8, true, false, 0},
	{"mov (%rsp),%eax", {0x8B, 0x04, 0x24}, 3, 0, false, false, 0},
	{"mov 0x8(%r12),%ecx", {0x41, 0x8B, 0x4C, 0x24, 0x08}, 5, 1, false, false, 0},
	{"mov %ecx,0x600(%rax,%rdx,8)", {0x89, 0x8C, 0xD0, 0, 6, 0, 0}, 7, 1, true, false, 0},
	{"mov %r15d,(%r14,%r13,1)", {0x47, 0x89, 0x3C, 0x2E}, 4, 15, true, false, 0},
	{"mov 0x1000(,%rcx,8),%eax", {0x8B, 0x04, 0xCD, 0, 0x10, 0, 0}, 7, 0, false, false, 0},
	{"mov 0x10(%rip),%eax", {0x8B, 0x05, 0x10, 0, 0, 0}, 6, 0, false, false, 0},
	{"mov 0x0(%r13),%eax", {0x41, 0x8B, 0x45, 0x00}, 4, 0, false, false, 0},
	{"movl $1,(%rax)", {0xC7, 0x00, 1, 0, 0, 0}, 6, 0, true, true, 1},
	{"movl $0xcafe0000,0x20(%rdx)",
	 {0xC7, 0x42, 0x20, 0, 0, 0xFE, 0xCA},
	 7,
	 0,
	 true,
	 true,
	 0xCAFE0000},
	{"movl $7,0x808(%r11,%rbx,4)",
	 {0x41, 0xC7, 0x84, 0x9B, 8, 8, 0, 0, 7, 0, 0, 0},
	 12,
	 0,
	 true,
	 true,
	 7},
	{"movl $9,0x18(%rip)", {0xC7, 0x05, 0x18, 0, 0, 0, 9, 0, 0, 0}, 10, 0, true, true, 9},
	{"ds mov (%rax),%eax", {0x3E, 0x8B, 0x00}, 3, 0, false, false, 0},
};

static const struct {
	const char *what;
	uint8_t code[16];
	uint8_t avail;
} bad[] = {
	{"mov (%rax),%rax: 64 bit", {0x48, 0x8B, 0x00}, 3},
	{"mov (%rax),%ax: 16 bit", {0x66, 0x8B, 0x00}, 3},
	{"mov (%rax),%al: 8 bit", {0x8A, 0x00}, 2},
	{"movzbl (%rax),%eax", {0x0F, 0xB6, 0x00}, 3},
	{"mov %fs:(%rax),%eax", {0x64, 0x8B, 0x00}, 3},
	{"mov %ecx,%eax: no memory", {0x89, 0xC8}, 2},
	{"lock or %ecx,(%rax)", {0xF0, 0x09, 0x08}, 3},
	{"movups (%rax),%xmm0", {0x0F, 0x10, 0x00}, 3},
	{"C7 /1", {0xC7, 0x08, 0, 0, 0, 0}, 6},
	{"no opcode", {0x44}, 1},
	{"no ModRM", {0x8B}, 1},
	{"no SIB", {0x8B, 0x04}, 2},
	{"half a displacement", {0x8B, 0x80, 0, 0}, 4},
	{"half a constant", {0xC7, 0x00, 1, 0}, 4},
	{"nothing", {0}, 0},
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct vmx_insn insn;

		print_message("case: %s\n", good[i].what);
		assert_int_equal(vmx_insn_decode(good[i].code, sizeof(good[i].code), &insn), 0);
		assert_int_equal(insn.len, good[i].len);
		assert_int_equal(insn.reg, good[i].reg);
		assert_int_equal(insn.store, good[i].store);
		assert_int_equal(insn.has_imm, good[i].has_imm);
		assert_int_equal(insn.imm, good[i].imm);
	}
}

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vmx_insn insn;

		print_message("case: %s\n", bad[i].what);
		assert_int_equal(vmx_insn_decode(bad[i].code, bad[i].avail, &insn), -1);
	}
}

/* Of 64-bit ARM: as in the manual's tables, checked with a disassembler. */
static const struct {
	const char *what;
	uint32_t code;
	bool good;
	uint8_t reg;
	bool store;
} arm[] = {
	{"ldr w0, [x0]", 0xB9400000, true, 0, false},
	{"ldr w30, [x1, #32]", 0xB940203E, true, 30, false},
	{"str w2, [x3]", 0xB9000062, true, 2, true},
	{"str wzr, [x3, #4]", 0xB900047F, true, 31, true},
	{"ldr w5, [x6, x7]", 0xB86768C5, true, 5, false},
	{"str w5, [x6, w7, uxtw #2]", 0xB82758C5, true, 5, true},
	{"ldur w8, [x9, #-4]", 0xB85FC128, true, 8, false},
	{"stur w8, [x9, #-4]", 0xB81FC128, true, 8, true},
	{"ldr w0, [x1], #4: changes x1", 0xB8404420, false, 0, false},
	{"str w0, [x1, #4]!: changes x1", 0xB8004C20, false, 0, false},
	{"ldr x0, [x1]: 64 bit", 0xF9400020, false, 0, false},
	{"ldrh w0, [x1]: 16 bit", 0x79400020, false, 0, false},
	{"ldrsw x0, [x1]", 0xB9800020, false, 0, false},
	{"ldr s0, [x1]", 0xBD400020, false, 0, false},
	{"swp w0, w1, [x2]", 0xB8208041, false, 0, false},
	{"ldp w0, w1, [x2]", 0x29400440, false, 0, false},
};

static void
test_arm(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(arm) / sizeof(arm[0]); i++) {
		const uint8_t code[4] = {(uint8_t)arm[i].code, (uint8_t)(arm[i].code >> 8),
					 (uint8_t)(arm[i].code >> 16),
					 (uint8_t)(arm[i].code >> 24)};
		struct vmx_insn insn;

		print_message("case: %s\n", arm[i].what);
		assert_int_equal(vmx_insn_decode_arm(code, &insn), arm[i].good ? 0 : -1);
		if (!arm[i].good)
			continue;
		assert_int_equal(insn.len, 4);
		assert_int_equal(insn.reg, arm[i].reg);
		assert_int_equal(insn.store, arm[i].store);
	}
}

/* Code may end where its page ends: nothing behind an instruction is looked at. */
static void
test_page_end(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *mem =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(mem, MAP_FAILED);
	assert_int_equal(mprotect(mem + page, page, PROT_NONE), 0);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint8_t *at = mem + page - good[i].len;
		struct vmx_insn insn;

		memcpy(at, good[i].code, good[i].len);
		assert_int_equal(vmx_insn_decode(at, VMX_INSN_MAX, &insn), 0);
	}
	munmap(mem, 2 * page);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_arm),
		cmocka_unit_test(test_page_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
