/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The xenvirt protocol, version 1: what a front end and a back end put into XenStore and into pages
 * that hold no ring. [XEN n] is docs/design/xen.md, section n. No DPDK header is needed.
 *
 * A device pair is two directories, made by the toolstack (pvnctl xen attach):
 *
 *   /local/domain/<front>/device/xenvirt/<handle>            owned by the front end, the back end
 * reads /local/domain/<back>/backend/xenvirt/<front>/<handle>    owned by the back end, the front
 * end reads
 *
 * The back end begins: it puts its limits and a fresh `connection` there and goes to InitWait. The
 * front end answers that connection, never an older one, with everything that is to be mapped, and
 * goes to Initialised; the back end maps it all and goes to Connected, and so does the front end.
 * Whoever has to begin again does so from there; no value of an older connection counts. [XEN 5]
 */
#ifndef PVN_PROTO_XENVIRT_H
#define PVN_PROTO_XENVIRT_H

#include "virtio_ring.h"

#define XENVIRT_VERSION 1u
#define XENVIRT_TYPE "xenvirt"
#define XENVIRT_FRONT_DIR "/local/domain/%u/device/" XENVIRT_TYPE "/%u"
#define XENVIRT_BACK_DIR "/local/domain/%u/backend/" XENVIRT_TYPE "/%u/%u"

/* Nodes: name, who writes it (T toolstack, F front end, B back end), what it holds. */
#define XENVIRT_FRONT_NODES(X)                                                                     \
	X("backend", T, "path of the other directory")                                             \
	X("backend-id", T, "the back end's domain")                                                \
	X("handle", T, "number of the device in its guest")                                        \
	X("state", F, "xenbus state; the toolstack begins with Initialising")                      \
	X("version", F, "protocol version, at most the back end's")                                \
	X("features", F, "feature bits in use, hexadecimal, a subset of the back end's")           \
	X("connection", F, "which offer of the back end this answers")                             \
	X("queues", F, "queue pairs")                                                              \
	X("control-ref", F, "grant of the control page")                                           \
	X("event-channel", F, "port for the back end to bind")                                     \
	X("queue-<i>/rx-ring-size", F, "descriptors of the ring towards the guest")                \
	X("queue-<i>/rx-ring-ref", F, "its grants, decimal, with commas")                          \
	X("queue-<i>/tx-ring-size", F, "descriptors of the ring from the guest")                   \
	X("queue-<i>/tx-ring-ref", F, "its grants")                                                \
	X("pools", F, "shared pools")                                                              \
	X("pool-<k>/pages", F, "pages of shared pool k")                                           \
	X("pool-<k>/access", F, "read or write: what the back end may do")                         \
	X("pool-<k>/directory-ref", F, "grants of the pages that list the pool's grants")

#define XENVIRT_BACK_NODES(X)                                                                      \
	X("frontend", T, "path of the other directory")                                            \
	X("frontend-id", T, "the front end's domain")                                              \
	X("handle", T, "number of the device in its guest")                                        \
	X("instance", T, "new for each device that is attached, also at the same place")           \
	X("online", T, "0: the device is to go away")                                              \
	X("mac", T, "the port's address; frames from any other are dropped unless mac-check is 0") \
	X("mac-check", T, "0: the guest may send from any address")                                \
	X("vlan", T, "for the switch: VLAN of the port")                                           \
	X("rate", T, "most bits per second from the guest, 0 for no limit")                        \
	X("queues", T, "most queue pairs")                                                         \
	X("mtu", T, "most bytes after the Ethernet header; the front end may use less")            \
	X("state", B, "xenbus state; the toolstack begins with Initialising")                      \
	X("version", B, "highest protocol version")                                                \
	X("features", B, "feature bits offered, hexadecimal")                                      \
	X("connection", B, "new for each offer")                                                   \
	X("max-queues", B, "most queue pairs")                                                     \
	X("max-ring-size", B, "most descriptors of a ring")                                        \
	X("max-pages", B, "most pages of all pools together")                                      \
	X("error", B, "why the last connection was refused or ended; gone when there is one again")

#define XENVIRT_POOLS_MAX 2u
#define XENVIRT_QUEUES_MAX 16u
#define XENVIRT_RING_SIZE_MAX 4096u
#define XENVIRT_MTU_MIN 68u
#define XENVIRT_MTU_MAX 9000u
#define XENVIRT_MTU_DEFAULT 1500u

/* Longest frame of an MTU: Ethernet header and one VLAN tag. */
#define XENVIRT_FRAME_MAX(mtu) ((mtu) + 18u)

/* A directory page: little-endian grant references, one after the other. */
#define XENVIRT_DIRECTORY_REFS 1024u

/* The control page. Each byte is set to 1 by one end and cleared by its kernel when that end's
 * process lets go of the page, however it ends. [XEN 6]
 */
#define XENVIRT_CONTROL_FRONT_ALIVE 0u
#define XENVIRT_CONTROL_BACK_ALIVE 64u

#endif /* PVN_PROTO_XENVIRT_H */
