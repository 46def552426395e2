/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A fuzzer's input, and memory shared with a hostile peer that the input may rewrite before every
 * single load of ours: in one thread, so that every finding can be repeated.
 *
 * The code under test is not changed for it. It is compiled with clang's trace-loads and
 * trace-stores, which call us before each access. Of the accesses that our code makes in a call,
 * between hostile_enter() and hostile_leave(), each is checked:
 *
 *  - a byte of shared memory is loaded at most once in a call. What was checked is what is used.
 *  - loads and stores stay in the parts of the memory that this end may load and store.
 *
 * What breaks a rule ends the program by abort().
 */
#ifndef PVN_HOSTILE_H
#define PVN_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Prints what a rule says and how it was broken, and aborts. */
#define HOSTILE_RULE(good)                                                                         \
	do {                                                                                       \
		if (!(good))                                                                       \
			hostile_broken(__FILE__, __LINE__, #good);                                 \
	} while (0)
void hostile_broken(const char *file, int line, const char *rule) __attribute__((noreturn));

/* The input, used up from the front; zeros after its end. */
void hostile_input(const uint8_t *data, size_t bytes);
bool hostile_more(void);
uint8_t hostile_u8(void);
uint16_t hostile_u16(void);
uint32_t hostile_u32(void);
/* A number that is often near `about`, and may be any. */
uint16_t hostile_near(uint16_t about);

/* A part of shared memory, and what we may do there. */
struct hostile_part {
	size_t begin, end;
	bool load, store;
};

/* Shares `mem`, whose parts are given; at most 4. Until hostile_unshare(). */
void hostile_share(uint8_t *mem, size_t bytes, const struct hostile_part *parts, int count);
void hostile_unshare(void);

/* The peer writes `bytes` of `value`, little-endian, at an offset; or what the input says. */
void hostile_write(size_t offset, unsigned int bytes, uint64_t value);
void hostile_poke(void);
/* What stands there, little-endian, without being a load of ours. */
uint64_t hostile_read(size_t offset, unsigned int bytes);

/* Around each call of the code under test. */
void hostile_enter(void);
void hostile_leave(void);

#endif /* PVN_HOSTILE_H */
