/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A hostile guest: a front end of its own, without EAL and written from proto/ alone, that connects
 * as it should and then does one thing as fast as it can.
 *
 *   storm SPEC HANDLE     SPEC as in pvn_xen_open()
 *
 *   flap      writes one state after the other, those it must not be in too
 *   garbage   writes large nonsense to all its nodes, and claims to have answered with it
 *   events    connected and idle, notifies its event channel
 *   breaks    connects, puts the available index ahead of the ring, is thrown out, begins again
 *   refused   connected, keeps its transmit ring full of runts and of frames from another address
 *   busy      no storm, but as much work: connected and idle, writes a node that nobody looks at
 *   quiet     ends the storm: "quiet N", N being what it has done, when it is connected and idle
 *   quit
 *
 * An order is told on stdin. "connected" is said once, at the beginning.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pvn_xenbus.h>
#include <xenvirt.h>

#define RING 4096u /* the largest: full for many turns of the other end */
#define RING_PAGES ((VRING_BYTES(RING) + PVN_XEN_PAGE_SIZE - 1) / PVN_XEN_PAGE_SIZE)
#define SLOT 64u	 /* bytes of a frame's buffer */
#define SLOT_ROOM 12u	 /* [RING 3] before a buffer */
#define POOL_PAGES 64u	 /* a slot for each descriptor of the transmit ring */
#define WAIT_MS 10000	 /* for the back end, at most */
#define GARBAGE_LEN 1800 /* a node of a guest holds 2048 bytes with all that belongs to it */
#define LIES_PER_LOOK 64 /* between two looks at stdin, about */

static struct pvn_xen *x;
static char front[80], back[80];

/* What is shared; the same pages in every connection. */
static struct {
	uint16_t back_id;
	int event;
	uint8_t *control, *rx, *tx, *pool;
	pvn_le32 *directory;
	uint32_t control_ref, rx_refs[RING_PAGES], tx_refs[RING_PAGES], pool_refs[POOL_PAGES],
		directory_ref;
	char connection[32];
} me;

static void
die(const char *what)
{
	printf("failed %s: %s\n", what, pvn_xen_why());
	exit(1);
}

static void *
share(uint32_t pages, bool writable, uint32_t *refs)
{
	void *addr = pvn_xen_share(x, me.back_id, pages, writable, refs);

	if (addr == NULL)
		die("share");
	return addr;
}

static void
share_all(void)
{
	me.event = pvn_xen_event_alloc(x, me.back_id);
	if (me.event < 0)
		die("event channel");
	me.control = pvn_xen_share_notify(x, me.back_id, &me.control_ref,
					  XENVIRT_CONTROL_FRONT_ALIVE, me.event);
	if (me.control == NULL)
		die("share");
	me.rx = share(RING_PAGES, true, me.rx_refs);
	me.tx = share(RING_PAGES, true, me.tx_refs);
	me.pool = share(POOL_PAGES, true, me.pool_refs);
	me.directory = share(1, false, &me.directory_ref);
	for (uint32_t i = 0; i < POOL_PAGES; i++)
		me.directory[i] = pvn_cpu_to_le32(me.pool_refs[i]);
}

/* ---- the answer ---- */

static int
write_answer(struct pvn_xen *xen, uint32_t txn, void *arg)
{
	const struct {
		const char *node;
		uint32_t value;
	} numbers[] = {
		{"version", XENVIRT_VERSION},
		{"queues", 1},
		{"pools", 1},
		{"event-channel", (uint32_t)me.event},
		{"control-ref", me.control_ref},
		{"queue-0/rx-ring-size", RING},
		{"queue-0/tx-ring-size", RING},
		{"pool-0/pages", POOL_PAGES},
		{"pool-0/directory-ref", me.directory_ref},
		{"state", PVN_XENBUS_INITIALISED},
	};
	int ret = pvn_xenbus_write(xen, txn, front, "connection", "%s", (const char *)arg);

	if (ret >= 0)
		ret = pvn_xenbus_write(xen, txn, front, "features", "0");
	if (ret >= 0)
		ret = pvn_xenbus_write(xen, txn, front, "pool-0/access", "write");
	if (ret >= 0)
		ret = pvn_xenbus_write_refs(xen, txn, front, "queue-0/rx-ring-ref", me.rx_refs,
					    RING_PAGES);
	if (ret >= 0)
		ret = pvn_xenbus_write_refs(xen, txn, front, "queue-0/tx-ring-ref", me.tx_refs,
					    RING_PAGES);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && ret >= 0; i++)
		ret = pvn_xenbus_write(xen, txn, front, numbers[i].node, "%u", numbers[i].value);
	return ret;
}

/* Waits until something below the back end's directory has changed, or may have. */
static void
wait_for_change(void)
{
	struct pollfd fd = {.fd = pvn_xen_watch_fd(x), .events = POLLIN};
	char *token;

	if (poll(&fd, 1, WAIT_MS) <= 0)
		die("the back end does not go on");
	while (pvn_xen_watch_next(x, &token, NULL) == 0)
		free(token);
}

static void
set_state(enum pvn_xenbus_state state)
{
	if (pvn_xenbus_write(x, PVN_XEN_NO_TXN, front, "state", "%u", state) < 0)
		die("state");
}

/* Whether there is an offer that we have not answered; it is then the one to answer. */
static bool
new_offer(void)
{
	char offer[sizeof(me.connection)];

	if (pvn_xenbus_state(x, back) != PVN_XENBUS_INIT_WAIT ||
	    pvn_xenbus_read(x, PVN_XEN_NO_TXN, back, "connection", offer, sizeof(offer)) <= 0 ||
	    strcmp(offer, me.connection) == 0)
		return false;
	memcpy(me.connection, offer, sizeof(offer));
	return true;
}

/* The back end may still be about to refuse what the storm has answered to the same offer: then
 * there is another offer, once we begin again.
 */
static bool
answer(void)
{
	enum pvn_xenbus_state state;

	memset(me.rx, 0, VRING_BYTES(RING));
	memset(me.tx, 0, VRING_BYTES(RING));
	me.control[XENVIRT_CONTROL_FRONT_ALIVE] = 1;
	if (pvn_xenbus_transact(x, write_answer, me.connection) < 0)
		die("answer");
	while ((state = pvn_xenbus_state(x, back)) == PVN_XENBUS_INIT_WAIT && !new_offer())
		wait_for_change();
	if (state == PVN_XENBUS_CONNECTED)
		set_state(PVN_XENBUS_CONNECTED);
	else
		me.connection[0] = '\0';
	return state == PVN_XENBUS_CONNECTED;
}

static void
connect_port(void)
{
	do {
		set_state(PVN_XENBUS_INITIALISING);
		while (!new_offer())
			wait_for_change();
	} while (!answer());
}

/* The same while connected. */
static void
reconnect(void)
{
	set_state(PVN_XENBUS_CLOSED);
	while (pvn_xenbus_state(x, back) == PVN_XENBUS_CONNECTED)
		wait_for_change();
	connect_port();
}

/* ---- the transmit ring ---- */

static struct vring_avail *
tx_avail(void)
{
	return (struct vring_avail *)(me.tx + VRING_AVAIL_OFFSET(RING));
}

static void
make_available(uint16_t idx)
{
	__atomic_store_n(&tx_avail()->idx, pvn_cpu_to_le16(idx), __ATOMIC_RELEASE);
}

/* Every other frame is a runt; the others come from an address that is not ours. */
static void
fill_ring(void)
{
	struct vring_desc *desc = (struct vring_desc *)me.tx;

	for (uint32_t i = 0; i < RING; i++) {
		uint32_t offset = i * SLOT + SLOT_ROOM;

		memset(me.pool + offset, 0x52, SLOT - SLOT_ROOM);
		desc[i].addr = pvn_cpu_to_le64(VRING_ADDR(0, offset));
		desc[i].len = pvn_cpu_to_le32(i % 2 == 0 ? 13 : SLOT - SLOT_ROOM);
		desc[i].flags = pvn_cpu_to_le16(0);
		desc[i].next = pvn_cpu_to_le16(0);
	}
}

/* ---- storms; each call is a short piece of one and says how much it did ---- */

static uint64_t
flap(void)
{
	for (unsigned int state = PVN_XENBUS_UNKNOWN; state <= PVN_XENBUS_CLOSED; state++)
		set_state((enum pvn_xenbus_state)state);
	return PVN_XENBUS_CLOSED + 1;
}

static uint64_t
busy(void)
{
	for (int i = 0; i < LIES_PER_LOOK / 8; i++)
		if (pvn_xen_write(x, PVN_XEN_NO_TXN, "data/storm", "5", 1) < 0)
			die("data/storm");
	return LIES_PER_LOOK / 8;
}

static uint64_t
garbage(void)
{
	static const char *const nodes[] = {
		"version",
		"features",
		"queues",
		"control-ref",
		"event-channel",
		"pools",
		"queue-0/rx-ring-size",
		"queue-0/rx-ring-ref",
		"queue-0/tx-ring-size",
		"queue-0/tx-ring-ref",
		"pool-0/pages",
		"pool-0/access",
		"pool-0/directory-ref",
		"pool-1/pages",
		"connection",
		"state",
	};
	const size_t count = sizeof(nodes) / sizeof(nodes[0]);
	static uint64_t turn;
	char text[GARBAGE_LEN + 1], offer[32];

	for (size_t i = 0; i < count; i++) {
		memset(text, "9,x\xff-"[turn++ % 5], GARBAGE_LEN);
		text[GARBAGE_LEN] = '\0';
		if (pvn_xenbus_write(x, PVN_XEN_NO_TXN, front, nodes[i], "%s", text) < 0)
			die(nodes[i]);
	}
	/* As if that had been an answer, so that it is also read; the next one is to a new offer.
	 */
	if (pvn_xenbus_read(x, PVN_XEN_NO_TXN, back, "connection", offer, sizeof(offer)) > 0 &&
	    pvn_xenbus_write(x, PVN_XEN_NO_TXN, front, "connection", "%s", offer) < 0)
		die("connection");
	set_state(PVN_XENBUS_INITIALISED);
	set_state(PVN_XENBUS_INITIALISING);
	return count + 3;
}

static uint64_t
events(void)
{
	for (int i = 0; i < LIES_PER_LOOK; i++)
		if (pvn_xen_event_notify(x, me.event) < 0)
			die("notify");
	return LIES_PER_LOOK;
}

static uint64_t
breaks(void)
{
	make_available(RING + 1);
	pvn_xen_event_notify(x, me.event);
	while (pvn_xenbus_state(x, back) != PVN_XENBUS_CLOSED)
		wait_for_change();
	connect_port();
	return 1;
}

/* As many as the ring holds, whenever some were taken. */
static uint64_t
refused(void)
{
	const struct vring_used *used = (struct vring_used *)(me.tx + VRING_USED_OFFSET(RING));
	uint16_t before = pvn_le16_to_cpu(tx_avail()->idx), idx = before;

	for (int i = 0; i < LIES_PER_LOOK * 1000; i++) {
		idx = pvn_le16_to_cpu(__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE)) + RING;
		make_available(idx);
	}
	return (uint16_t)(idx - before);
}

static const struct {
	const char *name;
	uint64_t (*piece)(void);
} storms[] = {
	{"busy", busy},	    {"flap", flap},	{"garbage", garbage},
	{"events", events}, {"breaks", breaks}, {"refused", refused},
};

/* ---- orders ---- */

/* A line of stdin, if there is one or `wait`; false at its end. */
static bool
next_order(char *line, size_t size, bool wait)
{
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};

	line[0] = '\0';
	if (poll(&fd, 1, wait ? -1 : 0) <= 0)
		return true;
	if (fgets(line, size, stdin) == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static bool
run_storm(const char *name)
{
	char line[32] = "";
	uint64_t done = 0;
	size_t i = 0;

	while (i < sizeof(storms) / sizeof(storms[0]) && strcmp(storms[i].name, name) != 0)
		i++;
	if (i == sizeof(storms) / sizeof(storms[0]))
		return false;
	fill_ring();
	while (line[0] == '\0') {
		done += storms[i].piece();
		if (!next_order(line, sizeof(line), false))
			return false;
	}
	reconnect();
	printf("quiet %llu\n", (unsigned long long)done);
	return true;
}

static void
find_device(const char *handle)
{
	uint64_t id = 0;

	snprintf(front, sizeof(front), XENVIRT_FRONT_DIR, pvn_xen_domid(x), atoi(handle));
	if (pvn_xenbus_read(x, PVN_XEN_NO_TXN, front, "backend", back, sizeof(back)) <= 0 ||
	    pvn_xenbus_read_number(x, PVN_XEN_NO_TXN, front, "backend-id", 10, UINT16_MAX, &id) < 0)
		die(front);
	me.back_id = id;
	if (pvn_xen_watch(x, back, "back") < 0)
		die(back);
}

int
main(int argc, char **argv)
{
	char line[32];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 3 || pvn_xen_open(argv[1], &x) < 0)
		die("usage: storm SPEC HANDLE");
	find_device(argv[2]);
	share_all();
	connect_port();
	puts("connected");
	while (next_order(line, sizeof(line), true) && run_storm(line))
		;
	pvn_xen_close(x);
	return 0;
}
