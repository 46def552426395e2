/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * One end's hold on memory that it shares with others: the memory, the doorbells, and who else is
 * there. Where it comes from is a word:
 *
 *   socket:PATH    a server's socket: a keeper's (pvnctl ivshmem serve), or QEMU's ivshmem-server.
 *                  PATH is a guest's place; PATH.host, which only a keeper has, the host's.
 *   pci:ADDRESS    the device ADDRESS (0000:00:04.0) of this machine, by sysfs, uio_pci_generic or
 *                  vfio-pci, whatever it is bound to. Doorbells reach us with vfio-pci only.
 *   file:PATH      a file, as an ivshmem-plain device shows it. No doorbells, and nobody is seen.
 *
 * No EAL is needed. [IVS n] is docs/design/ivshmem.md, section n.
 *
 * Threads: pvn_ivshmem_peer_ring() any thread's, also in a data path (a system call, or a store to
 * the device's register); everything else belongs to one control thread.
 *
 * Errors: a negative errno, or NULL with errno set; pvn_ivshmem_why() then tells in words what was
 * wrong, with the value and with what to do.
 */
#ifndef PVN_IVSHMEM_PEER_H
#define PVN_IVSHMEM_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pvn_ivshmem_peer;

/* Opens it. For a socket, waits until the server has told our number and the memory, at most 5 s.
 * 0, or a negative errno: -ENOENT nothing there, -EPROTO what is there speaks something else,
 * -EBUSY the server hung up at once: the host's place is taken, or there is no room for one more
 * guest.
 */
int pvn_ivshmem_peer_open(const char *spec, struct pvn_ivshmem_peer **out);

/* The same with a socket that is connected to a server already, which is ours from here on, also if
 * this fails: how an application is connected to the server that it runs itself. [IVS 2]
 */
int pvn_ivshmem_peer_take(int sock, struct pvn_ivshmem_peer **out);

/* Lets go of everything, mappings too. NULL is fine. */
void pvn_ivshmem_peer_close(struct pvn_ivshmem_peer *p);

/* What was wrong in this thread's last call that failed; never NULL. */
const char *pvn_ivshmem_why(void);

/* Bytes of the memory. */
uint64_t pvn_ivshmem_peer_size(const struct pvn_ivshmem_peer *p);

/* The memory's descriptor, ours until close; -1 for a device. */
int pvn_ivshmem_peer_fd(const struct pvn_ivshmem_peer *p);

/* Our own number; 0 on a plain device, for a file and in the host's place. */
uint32_t pvn_ivshmem_peer_number(const struct pvn_ivshmem_peer *p);

/* Maps all of it, once, at `base` or, if that is 0, anywhere. NULL with errno EEXIST if something
 * is there already, which stays as it is; EALREADY if it is mapped; EACCES if it can only be read.
 */
void *pvn_ivshmem_peer_map(struct pvn_ivshmem_peer *p, uint64_t base, bool writable);

/* Lets go of the mapping, so that it can be mapped elsewhere: the header tells where. */
void pvn_ivshmem_peer_unmap(struct pvn_ivshmem_peer *p);

/* Rings vector `vector` of peer `number`. 0; -ENOTSUP if nothing here can be rung; -ENOENT if that
 * peer or vector is not there (a device does not tell).
 */
int pvn_ivshmem_peer_ring(struct pvn_ivshmem_peer *p, uint32_t number, uint32_t vector);

/* How often we have rung somebody. Any thread. */
uint64_t pvn_ivshmem_peer_rung(const struct pvn_ivshmem_peer *p);

/* Vectors that we can be rung on; 0: none. Those of a server are there after open; should one be
 * late, pvn_ivshmem_peer_look() takes it.
 */
uint32_t pvn_ivshmem_peer_vectors(const struct pvn_ivshmem_peer *p);

/* A non-blocking eventfd, readable when vector `vector` was rung; reading it is the caller's. */
int pvn_ivshmem_peer_bell(const struct pvn_ivshmem_peer *p, uint32_t vector);

/* Readable when pvn_ivshmem_peer_look() has something to do; -1: never. */
int pvn_ivshmem_peer_event_fd(const struct pvn_ivshmem_peer *p);

/* Takes what the server has sent; never waits, and does a bounded amount of work. How many peers
 * came or went; -ENODEV when server or device are gone, -EPROTO when the server has sent nonsense
 * and is not listened to any more: the mapping stays valid memory until close, and the event
 * descriptor is of no more use.
 */
int pvn_ivshmem_peer_look(struct pvn_ivshmem_peer *p);

/* Whether the server says that this peer is connected, or said so last if it is gone itself; true
 * if nothing can tell. Of the host it always says so: how the host is, is in its page.
 */
bool pvn_ivshmem_peer_there(const struct pvn_ivshmem_peer *p, uint32_t number);

#endif /* PVN_IVSHMEM_PEER_H */
