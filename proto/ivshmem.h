/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A Paravane region: what host and guest find in memory that QEMU's IVSHMEM device, or a socket,
 * lets them share. [IVS n] is docs/design/ivshmem.md, section n. No DPDK header is needed.
 *
 *   0          header      written by the host before anybody else sees the region, then constant
 *   4 KiB      host page   written by the host, and by the keeper when the host has died
 *   8 KiB      guest page  written by the guest
 *   12 KiB     objects     a table of what can be found by name; written by the host
 *   data_off   data        what the objects describe
 *
 * A host never believes what it reads back: it keeps its own copy of the header and of the table.
 */
#ifndef PVN_PROTO_IVSHMEM_H
#define PVN_PROTO_IVSHMEM_H

#include "pvn_field.h"

/* PCI identity of QEMU's device. [IVS 1] */
#define IVSHMEM_PCI_VENDOR 0x1af4u
#define IVSHMEM_PCI_DEVICE 0x1110u
#define IVSHMEM_PCI_REVISION 1u
#define IVSHMEM_BAR_REGS 0u
#define IVSHMEM_BAR_MEMORY 2u

/* BAR0: 32-bit little-endian registers. [IVS 1] */
#define IVSHMEM_REG_POSITION 8u	 /* RO own peer number; 0 also on a plain device */
#define IVSHMEM_REG_DOORBELL 12u /* WO peer << 16 | vector */

/* Messages of the server: 8 bytes, signed, little-endian, some with a descriptor. [IVS 2] */
#define IVSHMEM_SERVER_VERSION 0
#define IVSHMEM_SERVER_MEMORY (-1) /* with the memory's descriptor */
#define IVSHMEM_PEER_MAX 65535
#define IVSHMEM_VECTORS_MAX 32u

/* The host's own peer number: nobody else ever has it. [IVS 2] */
#define IVSHMEM_PEER_HOST 0u

#define IVSHMEM_MAGIC UINT64_C(0x4d454d53564e5650) /* "PVNVSMEM" */
#define IVSHMEM_VERSION 1u
#define IVSHMEM_NAME_MAX 32u /* with the NUL */
#define IVSHMEM_PAGE 4096u
#define IVSHMEM_HOST_PAGE 4096u
#define IVSHMEM_GUEST_PAGE 8192u
#define IVSHMEM_OBJECTS_OFF 12288u
#define IVSHMEM_SIZE_MIN (UINT64_C(1) << 20)
#define IVSHMEM_SIZE_MAX (UINT64_C(1) << 40)
#define IVSHMEM_BASE_DEFAULT UINT64_C(0x200000000000)
#define IVSHMEM_OBJECTS_DEFAULT 1024u
#define IVSHMEM_OBJECTS_MAX 65536u

/* What the two processes must agree on before a pointer of one means the same to the other:
 * DPDK's layouts, as this build has them. A region that only has net ports has a stamp of zeros.
 * [IVS 4]
 */
struct ivshmem_stamp {
	pvn_le32 dpdk_version; /* RTE_VERSION; another one is only told, if all else agrees */
	pvn_le16 byte_order;   /* 0x1234 */
	pvn_le16 pointer_size;
	pvn_le16 cache_line;
	pvn_le16 guard_lines;
	pvn_le16 max_lcore;
	pvn_le16 headroom;
	pvn_le16 ring_size;
	pvn_le16 mempool_size;
	pvn_le32 mempool_cache_size;
	pvn_le16 mempool_objhdr_size;
	pvn_le16 mbuf_size;
	pvn_le32 flags;	  /* IVSHMEM_STAMP_* */
	pvn_le32 offsets; /* CRC-32C of where in these structs each field is */
};

#define IVSHMEM_STAMP_IOVA_IN_MBUF PVN_BIT32(0)
#define IVSHMEM_STAMP_REFCNT_ATOMIC PVN_BIT32(1)
#define IVSHMEM_STAMP_MEMPOOL_STATS PVN_BIT32(2)
#define IVSHMEM_STAMP_MEMPOOL_DEBUG PVN_BIT32(3)

struct ivshmem_header {
	pvn_le64 magic; /* stored last */
	pvn_le32 version;
	pvn_le32 flags; /* IVSHMEM_F_* */
	pvn_le64 size;	/* bytes of the region, a power of two */
	pvn_le64 base;	/* address where both sides map it; 0: anywhere, there are no pointers */
	pvn_le64 generation; /* new whenever the host begins anew; never 0 */
	char name[IVSHMEM_NAME_MAX];
	pvn_le32 objects_max; /* entries in the table */
	pvn_le32 reserved;
	pvn_le64 data_off; /* a multiple of IVSHMEM_PAGE */
	struct ivshmem_stamp stamp;
	pvn_le32 checksum; /* CRC-32C of all before it, with a magic that is stored already */
};

/* The guest cannot write to it. */
#define IVSHMEM_F_READ_ONLY PVN_BIT32(0)
/* The objects lie in the heap of the host's EAL, which is another file: an IVSHMEM_HEAP object
 * tells which. [IVS 9]
 */
#define IVSHMEM_F_WHOLE_HEAP PVN_BIT32(1)
#define IVSHMEM_F_ALL (IVSHMEM_F_READ_ONLY | IVSHMEM_F_WHOLE_HEAP)

/* How an end is; each end writes its own page only. [IVS 5] */
enum ivshmem_state {
	IVSHMEM_ABSENT,	 /* never there, left, or known to be dead */
	IVSHMEM_PRESENT, /* there, with the generation that its page names */
};

struct ivshmem_host_page {
	pvn_le32 state; /* enum ivshmem_state; the keeper stores IVSHMEM_ABSENT for a dead host */
	pvn_le32 peer;	/* to ring; IVSHMEM_PEER_HOST */
	pvn_le64 generation; /* changes before anything else does when the host begins anew */
	pvn_le64 heartbeat;  /* counts up while the host runs */
	pvn_le32 changes;    /* of the table: looked at again when it has changed */
	pvn_le32 reserved;
	pvn_le64
		gone; /* the attachment that was seen to be gone last: whoever has it has lost it */
};

struct ivshmem_guest_page {
	pvn_le32 state;
	pvn_le32 peer;	     /* to ring, or IVSHMEM_PEER_HOST: cannot be rung */
	pvn_le64 generation; /* of the host that this guest has attached to, 0: none */
	pvn_le64 attachment; /* new each time a guest attaches */
	pvn_le64 heartbeat;
};

enum ivshmem_type {
	IVSHMEM_FREE, /* no object here */
	IVSHMEM_MEMZONE,
	IVSHMEM_RING,
	IVSHMEM_MEMPOOL,
	IVSHMEM_LINK, /* buffers are lent and given back: struct ivshmem_link at its beginning */
	IVSHMEM_NET,  /* a net port: struct ivshmem_net at its beginning */
	IVSHMEM_HEAP, /* the whole heap, aux: address, bytes, offset and value of a mark in it */
};

#define IVSHMEM_TYPE_LAST IVSHMEM_HEAP

/* There is one of them at most. */
#define IVSHMEM_HEAP_NAME "heap"

/* off counts from the beginning of the heap's file instead, and len fits into that. [IVS 9] */
#define IVSHMEM_OBJECT_IN_HEAP PVN_BIT32(0)
/* A ring that several may put into, or take from, at a time: whoever dies in that stops all. */
#define IVSHMEM_OBJECT_MULTI PVN_BIT32(1)

/* A link: two rings of buffers, each a 32-bit count of cache lines from the region's beginning.
 * Every word of them has one writer, on a line of its own; an index counts up without end. What an
 * end needs of its own words is in its private memory. [IVS 6]
 *
 *	struct ivshmem_link
 *	slots pvn_le32[entries]  lent by the host to the guest
 *	slots pvn_le32[entries]  given back by the guest
 */
#define IVSHMEM_LINK_LINE 64u
#define IVSHMEM_LINK_ENTRIES_MAX 65536u

struct ivshmem_link {
	pvn_le32 entries;    /* [host] a power of two, constant */
	pvn_le32 reserved;   /* 0 */
	pvn_le64 attachment; /* [host] all indices are 0 for this one; 0: nobody's */
	uint8_t pad0[IVSHMEM_LINK_LINE - 16];
	pvn_le32 lent_tail; /* [host] */
	uint8_t pad1[IVSHMEM_LINK_LINE - 4];
	pvn_le32 taken_head; /* [guest] of what was lent */
	uint8_t pad2[IVSHMEM_LINK_LINE - 4];
	pvn_le32 given_tail; /* [guest] */
	uint8_t pad3[IVSHMEM_LINK_LINE - 4];
	pvn_le32 returned_head; /* [host] of what was given back */
	uint8_t pad4[IVSHMEM_LINK_LINE - 4];
};

_Static_assert(sizeof(struct ivshmem_link) == 5 * IVSHMEM_LINK_LINE, "link");

/* An entry is written while its type is FREE; the type is stored last, and cleared first. */
struct ivshmem_object {
	pvn_le32 type; /* enum ivshmem_type */
	pvn_le32 flags;
	char name[IVSHMEM_NAME_MAX];
	pvn_le64 off; /* from the region's beginning; all of it lies in the data */
	pvn_le64 len;
	char ops[IVSHMEM_NAME_MAX]; /* a mempool's operations, by name */
	pvn_le64 aux[4];	    /* by type */
	pvn_le32 reserved;
	pvn_le32 checksum; /* CRC-32C of all before it, with the type that is stored last */
};

_Static_assert(sizeof(struct ivshmem_stamp) == 36, "stamp");
_Static_assert(sizeof(struct ivshmem_header) <= IVSHMEM_PAGE, "header");
_Static_assert(sizeof(struct ivshmem_object) == 128, "object");

#endif /* PVN_PROTO_IVSHMEM_H */
