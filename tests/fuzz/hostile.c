/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * See hostile.h. What is here is no load of ours, so it is not traced.
 */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

static const uint8_t *input;
static size_t input_bytes;

static struct {
	uint8_t *mem;
	size_t bytes;
	struct hostile_part parts[4];
	int part_count;
	uint32_t *loaded; /* for each byte: the call that loaded it last */
	uint32_t call;
	bool inside;
	size_t last; /* offset of the load before */
} shared;

void
hostile_broken(const char *file, int line, const char *rule)
{
	fprintf(stderr, "%s:%d: rule broken: %s\n", file, line, rule);
	abort();
}

/* ---- input ---- */

void
hostile_input(const uint8_t *data, size_t bytes)
{
	input = data;
	input_bytes = bytes;
}

bool
hostile_more(void)
{
	return input_bytes > 0;
}

uint8_t
hostile_u8(void)
{
	if (input_bytes == 0)
		return 0;
	input_bytes--;
	return *input++;
}

uint16_t
hostile_u16(void)
{
	uint16_t low = hostile_u8();

	return low | hostile_u8() << 8;
}

uint32_t
hostile_u32(void)
{
	uint32_t low = hostile_u16();

	return low | (uint32_t)hostile_u16() << 16;
}

uint16_t
hostile_near(uint16_t about)
{
	uint8_t how = hostile_u8();

	if (how == 0xFF)
		return hostile_u16();
	return about + (how & 0x40 ? -(how & 0x3F) : how);
}

/* ---- shared memory ---- */

void
hostile_share(uint8_t *mem, size_t bytes, const struct hostile_part *parts, int count)
{
	shared.mem = mem;
	shared.bytes = bytes;
	memcpy(shared.parts, parts, count * sizeof(*parts));
	shared.part_count = count;
	shared.loaded = calloc(bytes, sizeof(*shared.loaded));
	shared.call = 0;
	shared.last = 0;
}

void
hostile_unshare(void)
{
	free(shared.loaded);
	memset(&shared, 0, sizeof(shared));
}

void
hostile_write(size_t offset, unsigned int bytes, uint64_t value)
{
	for (unsigned int i = 0; i < bytes; i++)
		if (offset + i < shared.bytes)
			shared.mem[offset + i] = value >> (8 * i);
}

uint64_t
hostile_read(size_t offset, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)shared.mem[offset + i] << (8 * i);
	return value;
}

void
hostile_poke(void)
{
	size_t offset = hostile_u16() * 2u % shared.bytes;

	hostile_write(offset, 2, hostile_u16());
}

void
hostile_enter(void)
{
	shared.call++;
	shared.inside = true;
}

void
hostile_leave(void)
{
	shared.inside = false;
}

/* ---- our accesses ---- */

/* What the peer does before one of our loads: mostly nothing; or it changes the word that is about
 * to be loaded, the one loaded before, one near it, or any.
 */
static void
strike(size_t offset, unsigned int bytes)
{
	uint8_t how = hostile_u8();

	if (how < 0xC0)
		return;
	if (how < 0xD8)
		hostile_write(offset, bytes, hostile_u16());
	else if (how < 0xF0)
		hostile_write(shared.last, 2, hostile_u16());
	else if (how < 0xF8)
		hostile_write(shared.last + 2 * (how & 7), 2, hostile_u16());
	else
		hostile_poke();
}

static void
check(size_t offset, unsigned int bytes, bool store)
{
	for (int i = 0; i < shared.part_count; i++) {
		const struct hostile_part *part = &shared.parts[i];

		if (offset < part->begin || offset >= part->end)
			continue;
		HOSTILE_RULE(offset + bytes <= part->end);
		HOSTILE_RULE(!store || part->store);
		HOSTILE_RULE(store || part->load);
		return;
	}
	HOSTILE_RULE(!"the access is in some part of the memory");
}

static void
on_load(const void *address, unsigned int bytes)
{
	size_t offset = (uintptr_t)address - (uintptr_t)shared.mem;

	if (!shared.inside || offset >= shared.bytes)
		return;
	check(offset, bytes, false);
	for (unsigned int i = 0; i < bytes; i++) {
		HOSTILE_RULE(shared.loaded[offset + i] != shared.call);
		shared.loaded[offset + i] = shared.call;
	}
	strike(offset, bytes);
	shared.last = offset;
}

static void
on_store(const void *address, unsigned int bytes)
{
	size_t offset = (uintptr_t)address - (uintptr_t)shared.mem;

	if (shared.inside && offset < shared.bytes)
		check(offset, bytes, true);
}

/* The names that clang calls. */
#define TRACE(bytes)                                                                               \
	void __sanitizer_cov_load##bytes(const void *address);                                     \
	void __sanitizer_cov_load##bytes(const void *address)                                      \
	{                                                                                          \
		on_load(address, bytes);                                                           \
	}                                                                                          \
	void __sanitizer_cov_store##bytes(const void *address);                                    \
	void __sanitizer_cov_store##bytes(const void *address)                                     \
	{                                                                                          \
		on_store(address, bytes);                                                          \
	}

TRACE(1)
TRACE(2)
TRACE(4)
TRACE(8)
TRACE(16)

#pragma clang attribute pop
