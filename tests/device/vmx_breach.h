/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The rules a driver of a VMXNET3 device must keep, as one list: name, section of the device notes
 * [VMX3 n], what a breach of it means. The device model counts breaches; a test wants none.
 */
#ifndef VMX_BREACH_H
#define VMX_BREACH_H

/* clang-format off */
#define VMX_BREACHES(X) \
	/* Registers and commands. */ \
	X(REG_UNKNOWN, "2, 3", "access to an offset that is no register") \
	X(REG_READ_ONLY, "3", "write to a register that can only be read") \
	X(VERSION, "3", "version not picked, not offered, or more than one bit") \
	X(UPT_VERSION, "3", "pass-through version not picked or not 1") \
	X(CAPABILITY, "11.5", "capability asked for that is not offered") \
	X(CMD_UNKNOWN, "4", "command that does not exist") \
	X(CMD_VERSION, "4, 12.1", "command of a later version than the one picked") \
	X(CMD_RESULT_UNREAD, "4", "result of a command not read straight afterwards") \
	X(CMD_BEFORE_SHARED, "12.5", "command that reads the shared area before there is one") \
	X(DSAH_MISSING, "3", "high half of the shared area's address not written after the low") \
	X(ACTIVATE_TWICE, "12.2", "ACTIVATE of an active device") \
	X(STILL_ACTIVE, "13", "device taken away while active") \
	X(MAC_HALF, "3", "MACL written without MACH after it") \
	X(MAC_BEFORE_ACTIVATE, "12.4", "MAC written before ACTIVATE only, which may reset it") \
	X(UNMASK_INACTIVE, "9.2", "interrupt unmasked while inactive, which is ignored") \
	X(TOUCH_AFTER_STOP, "12.5", "doorbell while the device is not active") \
	/* What ACTIVATE reads. */ \
	X(SHARED_MEMORY, "5", "shared area not in memory the device may touch") \
	X(MAGIC, "5", "wrong magic") \
	X(REVISIONS, "5", "device revision or UPT version in the shared area is not 1") \
	X(GUEST_OS, "5, 12.16", "guest word tells no 64-bit or 32-bit Linux") \
	X(MTU_RANGE, "5", "MTU outside of what the version allows") \
	X(QUEUE_COUNT, "6.4", "no queue, or more than the version allows") \
	X(QUEUES_NOT_POWER, "6.4", "RSS over a number of rx queues that is no power of two, below v6") \
	X(QUEUE_TABLE, "6", "queue table misplaced, unaligned, or its length wrong") \
	X(SIDE_BLOCK, "5, 10", "RSS, wake-up, plug-in or multicast block described wrongly") \
	X(RSS_CONFIG, "10", "RSS block with a value outside of its range") \
	X(VECTOR_RANGE, "9.1, 12.3", "vector not below the number of vectors, or 25 and more") \
	X(RING_UNALIGNED, "6.4", "ring not 512-byte aligned") \
	X(RING_MEMORY, "6", "ring not in memory the device may touch") \
	X(RING_OVERLAP, "6", "two rings share memory") \
	X(SIZE_NOT_MULTIPLE, "6.4", "ring size not a multiple of 32") \
	X(SIZE_NOT_POWER, "6.4", "ring size not a power of two, v7 on") \
	X(SIZE_RANGE, "6.4", "ring size 0 or above the maximum") \
	X(DATA_RING, "7.6, 8.6", "data ring with slots of a size it must not have") \
	X(COMP_RING_SMALL, "6.2, 7.5", "completion ring smaller than what it completes") \
	X(RING_NOT_ZEROED, "7.2, 8.2", "ring holds descriptors of an earlier life at ACTIVATE") \
	X(RESERVED_AREA, "5, 6", "reserved part of shared area or queue table not zero") \
	X(SHARED_CHANGED, "5, 6", "shared area or queue table changed while active") \
	/* Commands with an argument. */ \
	X(COALESCE, "11.2", "coalescing scheme with a value outside of its range") \
	X(MEMORY_REGIONS, "11.3", "memory regions described wrongly, or too many") \
	X(RING_BUFFERS, "11.4", "buffer sizes that are impossible, or not those posted") \
	/* Rings of either direction. */ \
	X(DESC_REUSED, "7.2, 8.2", "descriptor changed while the device owned it") \
	X(DESC_GAP, "7.2, 8.2", "descriptor handed over behind one that was not") \
	X(RING_FULL_OVERRUN, "7.2, 8.2", "the last free descriptor was filled") \
	X(COMP_RING_WRITTEN, "7.5, 8.3", "completion ring written by the driver") \
	X(BUFFER_MEMORY, "7.1, 8.1", "buffer not in memory the device may touch") \
	X(RESERVED_BITS, "7.1, 8.1", "reserved bits or type of a descriptor not zero") \
	X(DOORBELL_MISSING, "7.4, 8.5", "descriptors handed over without a doorbell") \
	X(DOORBELL_RANGE, "2", "doorbell with an index outside of the ring") \
	X(DOORBELL_UNCONFIGURED_QUEUE, "12.7", "doorbell of a queue that does not exist") \
	X(GEN_NOT_FLIPPED, "7.2, 8.5", "doorbell for descriptors not handed over") \
	/* Transmit. */ \
	X(PARTIAL_PACKET_VISIBLE, "7.2", "packet handed over without its end") \
	X(TOO_MANY_DESC, "7.2", "more than 16 descriptors, 24 with TSO") \
	X(LEN_ZERO, "7.2", "descriptor of length 0, which means 16384") \
	X(OFFLOAD_MODE, "7.3, 12.8", "offload mode not of the version picked, or not granted") \
	X(PSEUDO_SUM, "7.3", "checksum field not filled with the pseudo header's sum") \
	X(WIRE, "7.3", "packet that is wrong when it goes out") \
	X(DATA_SLOT, "7.6", "data ring slot of another descriptor, or more bytes than it has") \
	X(OFFLOAD_FIELDS, "7.2, 7.3", "header length, MSS or checksum offset impossible") \
	/* Receive. */ \
	X(HEAD_IN_RING2, "8.2, 12.8", "head buffer in ring 2") \
	X(HEAD_SMALL, "8.1", "head buffer below 128 bytes") \
	X(RX_LEN, "8.1", "receive buffer of length 0") \
	X(BUFFER_TWICE, "8.2", "the same buffer posted twice")
/* clang-format on */

enum vmx_breach_kind {
#define VMX_X(name, section, meaning) VMX_BREACH_##name,
	VMX_BREACHES(VMX_X)
#undef VMX_X
		VMX_BREACH_KINDS
};

#endif /* VMX_BREACH_H */
