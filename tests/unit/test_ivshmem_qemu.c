/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Text for QEMU: what is refused, and that a buffer is enough or stays as it is. Whether QEMU
 * understands the text is for tests/vm.
 */
#include "pvn_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pvn_ivshmem_peer.h"
#include "pvn_ivshmem_qemu.h"

#define SIZE (4u << 20)

typedef int generator(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size);

static generator *const generators[] = {
	pvn_ivshmem_qemu_args,	 pvn_ivshmem_qemu_port, pvn_ivshmem_qemu_plug,
	pvn_ivshmem_qemu_unplug, pvn_ivshmem_qemu_xml,
};

static const struct pvn_ivshmem_qemu_cfg good[] = {
	{.name = "r0", .size = SIZE, .socket = "/run/r0", .vectors = 4},
	{.name = "0.a_b-c", .size = SIZE, .socket = "/run/a,b", .bus = "pcie.3"},
	{.name = "r0", .size = SIZE, .file = "/dev/shm/r0"},
	{.name = "r0", .size = SIZE, .file = "/proc/1/fd/7", .read_only = true, .chassis = 255},
};

/* H15, H16, H40 */
static void
test_buffers(void **state)
{
	char text[2048], small[2048], nothing[2048];

	(void)state;
	memset(nothing, '#', sizeof(nothing));
	for (size_t i = 0; i < PVN_DIM(good) * PVN_DIM(generators); i++) {
		const struct pvn_ivshmem_qemu_cfg *cfg = &good[i / PVN_DIM(generators)];
		generator *g = generators[i % PVN_DIM(generators)];
		int len = g(cfg, text, sizeof(text));

		assert_true(len > 0);
		assert_int_equal(len, strlen(text));
		memset(small, '#', sizeof(small));
		assert_int_equal(g(cfg, small, len), -ENOSPC);
		assert_memory_equal(small, nothing, sizeof(small));
		assert_int_equal(g(cfg, small, 1), -ENOSPC);
		assert_int_equal(g(cfg, small, 0), -EINVAL);
		assert_int_equal(g(cfg, NULL, 100), -EINVAL);
		assert_memory_equal(small, nothing, sizeof(small));
		assert_int_equal(g(cfg, small, len + 1), len);
		assert_string_equal(small, text);
		assert_memory_equal(small + len + 1, nothing, sizeof(small) - len - 1);
	}
}

/* H17, H41 and what would make QEMU abort (H37) */
static void
test_refused(void **state)
{
	static const struct {
		const char *why;
		struct pvn_ivshmem_qemu_cfg cfg;
	} cases[] = {
		{"name", {.size = SIZE, .socket = "/r"}},
		{"name", {.name = "a/b", .size = SIZE, .socket = "/r"}},
		{"power of two", {.name = "a", .size = SIZE + 4096, .socket = "/r"}},
		{"power of two", {.name = "a", .size = 3 * (SIZE / 4), .file = "/r"}},
		{"size 0", {.name = "a", .file = "/r"}},
		{"33 vectors", {.name = "a", .size = SIZE, .socket = "/r", .vectors = 33}},
		{"either", {.name = "a", .size = SIZE}},
		{"either", {.name = "a", .size = SIZE, .socket = "/r", .file = "/r"}},
		{"path", {.name = "a", .size = SIZE, .socket = "/a b"}},
		{"path", {.name = "a", .size = SIZE, .file = "/a\""}},
		{"path", {.name = "a", .size = SIZE, .file = ""}},
		{"path", {.name = "a", .size = SIZE, .file = "/a'<"}},
		{"bus", {.name = "a", .size = SIZE, .file = "/a", .bus = "x y"}},
		{"read-only", {.name = "a", .size = SIZE, .socket = "/a", .read_only = true}},
		{"chassis", {.name = "a", .size = SIZE, .socket = "/a", .chassis = 256}},
	};
	char text[2048] = "as it was";

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases) * PVN_DIM(generators); i++) {
		const char *why = cases[i / PVN_DIM(generators)].why;
		generator *g = generators[i % PVN_DIM(generators)];

		assert_int_equal(g(&cases[i / PVN_DIM(generators)].cfg, text, sizeof(text)),
				 -EINVAL);
		assert_non_null(strstr(pvn_ivshmem_why(), why));
		assert_string_equal(text, "as it was");
	}
	assert_int_equal(pvn_ivshmem_qemu_args(NULL, text, sizeof(text)), -EINVAL);
}

/* Each option of an argument is one word, with commas of paths doubled. */
static void
test_commas(void **state)
{
	char text[2048];

	(void)state;
	assert_true(pvn_ivshmem_qemu_args(&good[1], text, sizeof(text)) > 0);
	assert_non_null(strstr(text, ",path=/run/a,,b "));
	assert_true(pvn_ivshmem_qemu_plug(&good[1], text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"/run/a,b\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_commas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
