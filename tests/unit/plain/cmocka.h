/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The few words of cmocka that the pure tests use, for machines that have no cmocka: with this
 * folder before the system's, the same test files become plain programs. The first check that fails
 * ends the program. cross.sh is the user.
 */
#ifndef PVN_PLAIN_CMOCKA_H
#define PVN_PLAIN_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*run)(void **state);
	int (*setup)(void **state);
	int (*teardown)(void **state);
};

#define cmocka_unit_test(f)                                                                        \
	{                                                                                          \
		.name = #f, .run = f                                                               \
	}
#define cmocka_unit_test_setup_teardown(f, before, after)                                          \
	{                                                                                          \
		.name = #f, .run = f, .setup = before, .teardown = after                           \
	}
#define print_message(...) printf(__VA_ARGS__)

static inline void
plain_check(int good, const char *text, const char *file, int line)
{
	if (good)
		return;
	fflush(stdout);
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, text);
	exit(1);
}

#define PLAIN_CHECK(good) plain_check((good) != 0, #good, __FILE__, __LINE__)
#define assert_true(a) PLAIN_CHECK(a)
#define assert_false(a) PLAIN_CHECK(!(a))
#define assert_null(p) PLAIN_CHECK((p) == NULL)
#define assert_non_null(p) PLAIN_CHECK((p) != NULL)
#define assert_ptr_equal(a, b) PLAIN_CHECK((const void *)(a) == (const void *)(b))
#define assert_memory_equal(a, b, n) PLAIN_CHECK(memcmp(a, b, n) == 0)
#define assert_string_equal(a, b) PLAIN_CHECK(strcmp(a, b) == 0)
#define assert_string_not_equal(a, b) PLAIN_CHECK(strcmp(a, b) != 0)

/* Shows both numbers, as cmocka does; compared in 64 bits. */
static inline void
plain_equal(uint64_t a, uint64_t b, const char *text, const char *file, int line)
{
	if (a == b)
		return;
	fflush(stdout);
	fprintf(stderr, "%s:%d: %s: %#llx, %#llx\n", file, line, text, (unsigned long long)a,
		(unsigned long long)b);
	exit(1);
}

#define assert_int_equal(a, b)                                                                     \
	plain_equal((uint64_t)(a), (uint64_t)(b), #a " == " #b, __FILE__, __LINE__)

static inline int
plain_run(const struct CMUnitTest *tests, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		printf("%s\n", tests[i].name);
		if (tests[i].setup != NULL)
			tests[i].setup(NULL);
		tests[i].run(NULL);
		if (tests[i].teardown != NULL)
			tests[i].teardown(NULL);
	}
	printf("%zu tests passed\n", count);
	return 0;
}

#define cmocka_run_group_tests(tests, setup, teardown)                                             \
	plain_run(tests, sizeof(tests) / sizeof((tests)[0]))

#endif /* PVN_PLAIN_CMOCKA_H */
