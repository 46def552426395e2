/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Little-endian words, and the fields inside them, for every layout in proto/.
 *
 * A layout is made of fixed-width words; a field is a mask of a word, named by its highest and
 * lowest bit. There are no bit-fields: they cannot be published with one store, mean different bits
 * on different machines, and pass a size check while being wrong. Nothing here needs DPDK.
 */
#ifndef PVN_FIELD_H
#define PVN_FIELD_H

#include <stdint.h>

/* A value as it stands in memory shared with a device or a peer: never used without conversion. */
typedef uint16_t pvn_le16;
typedef uint32_t pvn_le32;
typedef uint64_t pvn_le64;

/* Bits hi..lo of a 32-bit word, both included. */
#define PVN_MASK32(hi, lo) ((UINT32_MAX << (lo)) & (UINT32_MAX >> (31 - (hi))))
#define PVN_BIT32(bit) PVN_MASK32(bit, bit)

/* The value of the field `mask` in a word that is already in the CPU's byte order. */
static inline uint32_t
pvn_field_get(uint32_t mask, uint32_t word)
{
	return (word & mask) >> __builtin_ctz(mask);
}

/* `value` at the place of the field `mask`; bits that do not fit are cut off. */
static inline uint32_t
pvn_field_put(uint32_t mask, uint32_t value)
{
	return (value << __builtin_ctz(mask)) & mask;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PVN_SWAP_LE(bits, x) (x)
#else
#define PVN_SWAP_LE(bits, x) __builtin_bswap##bits(x)
#endif

static inline uint16_t
pvn_le16_to_cpu(pvn_le16 x)
{
	return PVN_SWAP_LE(16, x);
}

static inline uint32_t
pvn_le32_to_cpu(pvn_le32 x)
{
	return PVN_SWAP_LE(32, x);
}

static inline uint64_t
pvn_le64_to_cpu(pvn_le64 x)
{
	return PVN_SWAP_LE(64, x);
}

static inline pvn_le16
pvn_cpu_to_le16(uint16_t x)
{
	return PVN_SWAP_LE(16, x);
}

static inline pvn_le32
pvn_cpu_to_le32(uint32_t x)
{
	return PVN_SWAP_LE(32, x);
}

static inline pvn_le64
pvn_cpu_to_le64(uint64_t x)
{
	return PVN_SWAP_LE(64, x);
}

#endif /* PVN_FIELD_H */
