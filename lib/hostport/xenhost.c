/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The life of a back end's port. [XEN 5]
 *
 *   STOPPED --start--> OFFERED --answer mapped--> CONNECTED
 *                       ^   |                         |
 *                       |   +--answer refused--> REFUSED
 *                       +--- guest left, died, or begins again ---+
 *
 * A connection costs some fifty calls of the store, so a guest that begins again and again gets a
 * bounded number of offers: what is too early is made later, from WAITING.
 *
 * host_look() looks at the guest's nodes and at its byte in the control page and does what follows.
 * Each offer has a number of its own, made at random, and an answer counts only if it names it: so
 * no answer to an earlier back end, or from an earlier guest, is ever mapped.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <pvn_compat.h>

#include "pvn_xenhost.h"

/* Ticks between looks at the store that nothing gives a reason for. With hundreds of ports and ten
 * ticks a second the store would do little else.
 */
#define QUIET_TICKS 20

static struct pvn_xen *
xen(const struct pvn_xenhost *host)
{
	return pvn_xen_hub_xen(host->hub);
}

/* Nodes of ours to be written together; those without a value go. */
struct words {
	const char *dir;
	const char *names[8];
	const char *values[8];
	uint32_t count;
};

static int
remove_node(struct pvn_xen *x, uint32_t txn, const char *dir, const char *name)
{
	char path[PVN_XENHOST_DIR_MAX + 16];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ret = pvn_xen_rm(x, txn, path);
	return ret == -ENOENT ? 0 : ret;
}

/* A directory that the toolstack has removed must not come back by our writing into it. */
static int
write_words(struct pvn_xen *x, uint32_t txn, void *arg)
{
	const struct words *w = arg;
	char online[4];
	int ret = pvn_xenbus_read(x, txn, w->dir, "online", online, sizeof(online));

	for (uint32_t i = 0; i < w->count && ret >= 0; i++)
		ret = w->values[i] == NULL
			      ? remove_node(x, txn, w->dir, w->names[i])
			      : pvn_xenbus_write(x, txn, w->dir, w->names[i], "%s", w->values[i]);
	return ret < 0 ? ret : 0;
}

static void
add_word(struct words *w, const char *name, const char *value)
{
	w->names[w->count] = name;
	w->values[w->count++] = value;
}

static int
put_words(struct pvn_xenhost *host, const struct words *w)
{
	int ret = pvn_xenbus_transact(xen(host), write_words, (void *)(uintptr_t)w);

	/* Gone, or no longer ours to look at, is the toolstack's doing; the next look sees it. */
	if (ret < 0 && ret != -ENOENT && ret != -EACCES)
		PVN_HOSTEND_TELL(ERR, &host->end, "cannot write into %s: %s", host->back,
				 pvn_xen_why());
	return ret;
}

static void
set_state(struct pvn_xenhost *host, enum pvn_xenbus_state state)
{
	const char digit[2] = {(char)('0' + state), '\0'};
	struct words w = {.dir = host->back};

	add_word(&w, "state", digit);
	put_words(host, &w);
}

static void
offer(struct pvn_xenhost *host)
{
	char version[8], features[20], queues[8], ring[8];
	struct words w = {.dir = host->back};
	uint64_t number = 0;

	host->phase = PVN_XENHOST_WAITING;
	if (!pvn_hostend_may_offer(&host->end))
		return;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return; /* the next look tries again */
	snprintf(host->connection, sizeof(host->connection), "%016llx", (unsigned long long)number);
	snprintf(features, sizeof(features), "%llx", (unsigned long long)host->end.features);
	snprintf(version, sizeof(version), "%u", XENVIRT_VERSION);
	snprintf(queues, sizeof(queues), "%u", host->end.rx_queues);
	snprintf(ring, sizeof(ring), "%u", XENVIRT_RING_SIZE_MAX);
	add_word(&w, "version", version);
	add_word(&w, "features", features);
	add_word(&w, "max-queues", queues);
	add_word(&w, "max-ring-size", ring);
	add_word(&w, "connection", host->connection);
	add_word(&w, "state", "2"); /* InitWait */
	if (put_words(host, &w) == 0)
		host->phase = PVN_XENHOST_OFFERED;
}

/* Lets go of the guest. */
static void
disconnect(struct pvn_xenhost *host)
{
	pvn_hostend_detach(&host->end);
	xenhost_unmap(host);
	host->phase = PVN_XENHOST_STOPPED;
}

/* Why, for everybody who looks; and nothing more until the guest begins again. */
static void
refuse(struct pvn_xenhost *host)
{
	struct words w = {.dir = host->back};

	PVN_HOSTEND_TELL(ERR, &host->end, "connection with domain %u ended: %s", host->front_id,
			 host->end.why);
	disconnect(host);
	add_word(&w, "error", host->end.why);
	add_word(&w, "state", "6"); /* Closed */
	put_words(host, &w);
	host->phase = PVN_XENHOST_REFUSED;
}

static bool
answers_us(struct pvn_xenhost *host)
{
	char named[sizeof(host->connection)];

	return pvn_xenbus_read(xen(host), PVN_XEN_NO_TXN, host->front, "connection", named,
			       sizeof(named)) > 0 &&
	       strcmp(named, host->connection) == 0;
}

static bool
front_alive(const struct pvn_xenhost *host)
{
	const uint8_t *page = host->control.addr;

	return __atomic_load_n(&page[XENVIRT_CONTROL_FRONT_ALIVE], __ATOMIC_ACQUIRE) != 0;
}

/* Connected, and nothing is wrong any more. */
static void
tell_connected(struct pvn_xenhost *host)
{
	struct words w = {.dir = host->back};

	host->end.why[0] = '\0';
	add_word(&w, "error", NULL);
	add_word(&w, "state", "4"); /* Connected */
	put_words(host, &w);
}

static void
attach(struct pvn_xenhost *host)
{
	void *rx[XENVIRT_QUEUES_MAX], *tx[XENVIRT_QUEUES_MAX];

	for (uint32_t i = 0; i < XENVIRT_QUEUES_MAX; i++) {
		rx[i] = host->rx_rings[i].addr;
		tx[i] = host->tx_rings[i].addr;
	}
	pvn_hostend_attach(&host->end, rx, tx);
}

static void
connect(struct pvn_xenhost *host)
{
	if (xenhost_map(host) < 0) {
		refuse(host);
		return;
	}
	attach(host);
	host->phase = PVN_XENHOST_CONNECTED;
	tell_connected(host);
	PVN_HOSTEND_TELL(NOTICE, &host->end,
			 "connected to domain %u: %u queue pairs, %u pages, features 0x%llx",
			 host->front_id, host->end.queues, host->page_count,
			 (unsigned long long)host->end.agreed);
}

static void
look_connected(struct pvn_xenhost *host, enum pvn_xenbus_state front)
{
	if (pvn_hostend_fault(&host->end)) {
		refuse(host);
	} else if ((front != PVN_XENBUS_INITIALISED && front != PVN_XENBUS_CONNECTED) ||
		   !front_alive(host) || !answers_us(host)) {
		disconnect(host);
		offer(host);
		PVN_HOSTEND_TELL(NOTICE, &host->end, "domain %u is gone, waiting for it",
				 host->front_id);
	}
}

/* Whether the toolstack wants the device to go. */
static bool
going(struct pvn_xenhost *host)
{
	uint64_t online;

	return pvn_xenbus_read_number(xen(host), PVN_XEN_NO_TXN, host->back, "online", 10, 1,
				      &online) < 0 ||
	       online == 0;
}

/* Whether this is only the tick, and all is well as far as our own memory tells. */
static bool
is_quiet(struct pvn_xenhost *host)
{
	if (host->client.told || host->phase == PVN_XENHOST_WAITING || ++host->quiet >= QUIET_TICKS)
		return false;
	return host->phase != PVN_XENHOST_CONNECTED ||
	       (front_alive(host) && !pvn_hostend_fault(&host->end));
}

static void
leave(struct pvn_xenhost *host)
{
	if (host->phase == PVN_XENHOST_STOPPED)
		return;
	disconnect(host);
	set_state(host, PVN_XENBUS_CLOSED);
}

static void
host_look(struct pvn_xen_client *client)
{
	struct pvn_xenhost *host = container_of(client, struct pvn_xenhost, client);
	enum pvn_xenbus_state front;

	if (!host->started || is_quiet(host))
		return;
	host->quiet = 0;
	host->going = going(host);
	if (host->going) {
		leave(host);
		host->started = false; /* a device that comes to this place later is another */
		return;
	}
	if (host->phase == PVN_XENHOST_STOPPED) {
		offer(host); /* the one before could not be written */
		return;
	}
	front = pvn_xenbus_state(xen(host), host->front);
	if (host->phase == PVN_XENHOST_CONNECTED)
		look_connected(host, front);
	else if (host->phase == PVN_XENHOST_WAITING ||
		 (host->phase == PVN_XENHOST_REFUSED && front == PVN_XENBUS_INITIALISING))
		offer(host);
	else if (host->phase == PVN_XENHOST_OFFERED && front == PVN_XENBUS_INITIALISED &&
		 answers_us(host))
		connect(host);
}

static void
host_after(struct pvn_xen_client *client)
{
	struct pvn_xenhost *host = container_of(client, struct pvn_xenhost, client);
	bool up = pvn_xenhost_link(host);

	if (up == host->link_told && !host->going)
		return;
	host->link_told = up;
	if (host->end.changed != NULL)
		host->end.changed(&host->end);
}

/* What the operator set: MAC, rate, MTU. Nothing of it is in a place that the guest can write to.
 */
static int
read_policy(struct pvn_xenhost *host)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	uint64_t value;

	if (pvn_xenbus_read(xen(host), PVN_XEN_NO_TXN, host->back, "mac", mac, sizeof(mac)) <= 0 ||
	    rte_ether_unformat_addr(mac, &host->end.policy.mac) != 0) {
		PVN_HOSTEND_LOG(
			ERR, &host->end,
			"%s/mac holds no MAC address: make the device with pvnctl xen attach",
			host->back);
		return -ENODEV;
	}
	host->end.policy.check_mac = pvn_xenbus_read_number(xen(host), PVN_XEN_NO_TXN, host->back,
							    "mac-check", 10, 1, &value) < 0 ||
				     value != 0;
	host->end.mtu = XENVIRT_MTU_DEFAULT;
	if (pvn_xenbus_read_number(xen(host), PVN_XEN_NO_TXN, host->back, "mtu", 10,
				   XENVIRT_MTU_MAX, &value) == 0 &&
	    value >= XENVIRT_MTU_MIN)
		host->end.mtu = value;
	if (pvn_xenbus_read_number(xen(host), PVN_XEN_NO_TXN, host->back, "rate", 10, UINT64_MAX,
				   &value) < 0)
		value = 0;
	host->end.rate = value;
	if (pvn_host_policy_rate(&host->end.policy, value) == 0)
		return 0;
	PVN_HOSTEND_LOG(ERR, &host->end, "%s/rate: %llu bits per second are not possible",
			host->back, (unsigned long long)value);
	return -EINVAL;
}

int
pvn_xenhost_init(struct pvn_xenhost *host, struct pvn_xen_hub *hub, uint16_t front_id,
		 uint16_t handle)
{
	int ret;

	host->hub = hub;
	host->front_id = front_id;
	host->handle = handle;
	host->event = -1;
	host->client = (struct pvn_xen_client){
		.look = host_look,
		.after = host_after,
		.port = -1,
	};
	snprintf(host->front, sizeof(host->front), XENVIRT_FRONT_DIR, front_id, handle);
	snprintf(host->back, sizeof(host->back), XENVIRT_BACK_DIR, pvn_xen_domid(xen(host)),
		 front_id, handle);
	ret = read_policy(host);
	if (ret == 0)
		pvn_xen_hub_add(hub, &host->client);
	return ret;
}

void
pvn_xenhost_fini(struct pvn_xenhost *host)
{
	pvn_xenhost_stop(host);
	pvn_xen_hub_remove(host->hub, &host->client);
}

int
pvn_xenhost_start(struct pvn_xenhost *host)
{
	char path[PVN_XENHOST_DIR_MAX + 8];
	int ret;

	pvn_xen_hub_lock(host->hub);
	host->end.features |= PVN_HOSTEND_FEATURES;
	host->end.offers =
		(struct pvn_hostend_allowance){0}; /* this one is not the guest's doing */
	host->started = true;
	offer(host);
	snprintf(path, sizeof(path), "%s/state", host->front);
	ret = pvn_xen_hub_watch(host->hub, &host->client, path);
	snprintf(path, sizeof(path), "%s/online", host->back);
	if (ret == 0)
		ret = pvn_xen_hub_watch(host->hub, &host->client, path);
	pvn_xen_hub_unlock(host->hub);
	if (ret < 0)
		PVN_HOSTEND_LOG(ERR, &host->end, "cannot watch %s: %s", path, pvn_xen_why());
	else
		pvn_xen_hub_wake(host->hub, &host->client);
	return ret;
}

void
pvn_xenhost_stop(struct pvn_xenhost *host)
{
	char path[PVN_XENHOST_DIR_MAX + 8];

	pvn_xen_hub_lock(host->hub);
	host->started = false;
	leave(host);
	snprintf(path, sizeof(path), "%s/state", host->front);
	pvn_xen_hub_unwatch(host->hub, &host->client, path);
	snprintf(path, sizeof(path), "%s/online", host->back);
	pvn_xen_hub_unwatch(host->hub, &host->client, path);
	pvn_xen_hub_unlock(host->hub);
	host_after(&host->client);
}
