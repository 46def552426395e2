/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Masks and fields of a word: proto/pvn_field.h.
 */
#include "pvn_test.h"

#include <pvn_field.h>

static void
test_mask(void **state)
{
	(void)state;
	assert_int_equal(PVN_MASK32(0, 0), 0x00000001);
	assert_int_equal(PVN_MASK32(13, 0), 0x00003FFF);
	assert_int_equal(PVN_MASK32(31, 18), 0xFFFC0000);
	assert_int_equal(PVN_MASK32(31, 0), 0xFFFFFFFF);
	assert_int_equal(PVN_BIT32(31), 0x80000000);
}

static void
test_get_put(void **state)
{
	(void)state;
	assert_int_equal(pvn_field_get(PVN_MASK32(25, 16), 0xFFFFFFFF), 0x3FF);
	assert_int_equal(pvn_field_get(PVN_MASK32(25, 16), 0x01230000), 0x123);
	assert_int_equal(pvn_field_put(PVN_MASK32(25, 16), 0x123), 0x01230000);
	/* What does not fit never reaches the neighbours. */
	assert_int_equal(pvn_field_put(PVN_MASK32(13, 0), 16384), 0);
	assert_int_equal(pvn_field_put(PVN_MASK32(25, 16), 0xFFFFFFFF), 0x03FF0000);
}

static void
test_byte_order(void **state)
{
	const uint8_t bytes[8] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};
	pvn_le16 w16;
	pvn_le32 w32;
	pvn_le64 w64;

	(void)state;
	__builtin_memcpy(&w16, bytes, sizeof(w16));
	__builtin_memcpy(&w32, bytes, sizeof(w32));
	__builtin_memcpy(&w64, bytes, sizeof(w64));
	assert_int_equal(pvn_le16_to_cpu(w16), 0x0201);
	assert_int_equal(pvn_le32_to_cpu(w32), 0x04030201);
	assert_true(pvn_le64_to_cpu(w64) == 0x0807060504030201);
	assert_int_equal(pvn_cpu_to_le16(0x0201), w16);
	assert_int_equal(pvn_cpu_to_le32(0x04030201), w32);
	assert_true(pvn_cpu_to_le64(0x0807060504030201) == w64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_get_put),
		cmocka_unit_test(test_byte_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
