/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a client of `local` and its server say to each other, over a stream socket of one machine,
 * so in its byte order:
 *
 *   request  struct local_req, then `len` bytes of body
 *   reply    struct local_rep, then `len` bytes of body, then, if there are descriptors, one byte
 *            for each LOCAL_FD_GROUP of them, which carries the group
 *
 * Replies come in the order of the requests. A status below 0 is a negative errno, and the body
 * then the text that says why. Watch events come on a socket of their own, which the reply to HELLO
 * carries, one struct local_event and its path to a packet.
 */
#ifndef LOCAL_WIRE_H
#define LOCAL_WIRE_H

#include <stdint.h>

#define LOCAL_MAGIC 0x50564E31u
#define LOCAL_FD_GROUP 250u /* the kernel takes 253 */
#define LOCAL_FD_MAX 4096u
#define LOCAL_MAP_MAX 65536u	 /* pages in one map call, gntdev's limit [XEN 1] */
#define LOCAL_SHARE_MAX 1048576u /* pages in one share call */
#define LOCAL_BODY_MAX (LOCAL_MAP_MAX * 4)
#define LOCAL_NO_NOTIFY UINT32_MAX
#define LOCAL_NO_PORT UINT32_MAX

enum local_op {
	/* arg: magic, domid. Body: limits, two u32. Descriptor: watch events. */
	LOCAL_HELLO,
	/* Everything the client had is let go before the reply. */
	LOCAL_BYE,
	/* arg: peer, pages, writable, clear offset, port. Body: the references. Status: the share.
	 * Descriptor: the memory. */
	LOCAL_SHARE,
	LOCAL_UNSHARE, /* arg: share */
	/* As SHARE, body: the references. Reply: runs of pages and the memory they are in. */
	LOCAL_MAP,
	LOCAL_UNMAP, /* arg: map */
	/* arg: peer [, its port]. Status: the port. Descriptors: to wait on, to signal. */
	LOCAL_EVENT_ALLOC,
	LOCAL_EVENT_BIND,
	LOCAL_EVENT_CLOSE, /* arg: port */
	/* Body: the path; for WRITE with its NUL, then the value. */
	LOCAL_READ,
	LOCAL_WRITE,
	LOCAL_MKDIR,
	LOCAL_RM,
	LOCAL_LIST,	 /* status: their number; body: names, each with its NUL */
	LOCAL_SET_PERMS, /* arg: number; body: u32 each, then the path */
	LOCAL_GET_PERMS, /* status: number; body: u32 each */
	LOCAL_TXN_BEGIN, /* status: the transaction */
	LOCAL_TXN_END,	 /* arg: commit */
	LOCAL_WATCH,	 /* arg: an id that the client chose; body: the path */
	LOCAL_UNWATCH,	 /* arg: the id */
	LOCAL_OPS,
};

struct local_req {
	uint32_t len;
	uint32_t op;
	uint32_t txn;
	uint32_t arg[5];
};

struct local_rep {
	uint32_t len;
	int32_t status;
	uint32_t fds;
};

/* `count` pages, from page `page` of the memory behind descriptor `fd` on. */
struct local_run {
	uint32_t fd;
	uint32_t page;
	uint32_t count;
};

struct local_event {
	uint32_t watch;
	char path[];
};

/* A permission in a word. */
#define LOCAL_PERM_DOMID 0x0000FFFFu
#define LOCAL_PERM_READ 0x00010000u
#define LOCAL_PERM_WRITE 0x00020000u

#endif /* LOCAL_WIRE_H */
