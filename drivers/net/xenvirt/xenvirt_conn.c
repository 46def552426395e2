/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The life of a port, from its start to its stop. [XEN 5]
 *
 *   STOPPED --start--> WAITING --offer, answered--> ANSWERED --back end Connected--> CONNECTED
 *                         ^                            |                                |
 *                         +---- a new offer, or the back end refused, left or died -----+
 *
 * The pages stay shared from start to stop. Rings and slots begin anew with each answer, when no
 * gate is open, and a back end has let go of them before it makes a new offer; one that has not,
 * because it lies, can only spoil its own rings.
 *
 * xenvirt_conn_look() looks at the back end's nodes and at its byte in the control page and does
 * what follows; it is called for every watch, event and tick, and may be called at any time.
 */
#include <time.h>

#include <ethdev_vdev.h>

#include "xenvirt_pmd.h"

/* How long a stop waits for the back end to let go of the pages. */
#define LET_GO_TRIES 500
#define LET_GO_STEP_NS 1000000

static void
set_state(struct xenvirt_dev *dev, enum pvn_xenbus_state state)
{
	int ret = pvn_xenbus_write(xenvirt_xen(dev), PVN_XEN_NO_TXN, dev->front, "state", "%u",
				   state);

	if (ret < 0)
		XENVIRT_LOG(ERR, xenvirt_name(dev), "cannot write %s/state: %s", dev->front,
			    pvn_xen_why());
}

static bool
back_alive(const struct xenvirt_dev *dev)
{
	return __atomic_load_n(&dev->control.addr[XENVIRT_CONTROL_BACK_ALIVE], __ATOMIC_ACQUIRE) !=
	       0;
}

/* Takes every buffer back and waits for an offer. */
static void
disconnect(struct xenvirt_dev *dev)
{
	pvn_guestdev_disconnect(&dev->g);
	dev->phase = XENVIRT_WAITING;
}

/* New rings, with all buffers posted. */
static int
start_queues(struct xenvirt_dev *dev)
{
	void *rx[XENVIRT_QUEUES_MAX], *tx[XENVIRT_QUEUES_MAX];

	for (uint32_t i = 0; i < XENVIRT_QUEUES_MAX; i++) {
		rx[i] = dev->rx_rings[i].addr;
		tx[i] = dev->tx_rings[i].addr;
	}
	return pvn_guestdev_start_queues(&dev->g, rx, tx);
}

/* What the back end offers and we take. */
static int
agree(struct xenvirt_dev *dev)
{
	uint64_t offered;

	if (pvn_xenbus_read_number(xenvirt_xen(dev), PVN_XEN_NO_TXN, dev->back, "features", 16,
				   UINT64_MAX, &offered) < 0)
		return -EPROTO;
	dev->g.features = pvn_guestdev_agree(&dev->g, offered);
	return 0;
}

/* A back end is in InitWait: answers its offer, unless that is the one we answered before. */
static void
answer_offer(struct xenvirt_dev *dev)
{
	char offer[XENVIRT_CONNECTION_MAX];
	int ret = pvn_xenbus_read(xenvirt_xen(dev), PVN_XEN_NO_TXN, dev->back, "connection", offer,
				  sizeof(offer));

	if (ret <= 0 || strcmp(offer, dev->connection) == 0)
		return;
	memcpy(dev->connection, offer, sizeof(offer));
	dev->control.addr[XENVIRT_CONTROL_FRONT_ALIVE] = 1;
	dev->control.addr[XENVIRT_CONTROL_BACK_ALIVE] = 0;
	ret = agree(dev);
	if (ret == 0)
		ret = start_queues(dev);
	if (ret == 0)
		ret = xenvirt_answer(dev);
	if (ret < 0) {
		XENVIRT_LOG(ERR, xenvirt_name(dev), "cannot answer the back end in domain %u: %s",
			    dev->back_id,
			    ret == -EPROTO ? "its offer makes no sense" : strerror(-ret));
		disconnect(dev);
		return;
	}
	dev->told_refusal = false;
	dev->phase = XENVIRT_ANSWERED;
}

static bool
same_connection(struct xenvirt_dev *dev)
{
	char now[XENVIRT_CONNECTION_MAX];

	return pvn_xenbus_read(xenvirt_xen(dev), PVN_XEN_NO_TXN, dev->back, "connection", now,
			       sizeof(now)) > 0 &&
	       strcmp(now, dev->connection) == 0;
}

/* Says once per connection why the back end does not want it. */
static void
tell_refusal(struct xenvirt_dev *dev)
{
	char error[256];

	if (dev->told_refusal || pvn_xenbus_read(xenvirt_xen(dev), PVN_XEN_NO_TXN, dev->back,
						 "error", error, sizeof(error)) <= 0)
		return;
	dev->told_refusal = true;
	XENVIRT_LOG(ERR, xenvirt_name(dev), "the back end in domain %u closed the connection: %s",
		    dev->back_id, error);
}

/* The back end broke a ring: only a new connection helps, and it has to offer one. */
static void
break_off(struct xenvirt_dev *dev, const char *why)
{
	XENVIRT_LOG(ERR, xenvirt_name(dev), "the back end in domain %u broke the rules: %s",
		    dev->back_id, why);
	disconnect(dev);
	set_state(dev, PVN_XENBUS_INITIALISING);
}

static void
look_connected(struct xenvirt_dev *dev, enum pvn_xenbus_state back)
{
	const char *fault = pvn_guestdev_fault(&dev->g);

	if (fault != NULL) {
		break_off(dev, fault);
	} else if (back != PVN_XENBUS_CONNECTED || !back_alive(dev) || !same_connection(dev)) {
		disconnect(dev);
		if (back == PVN_XENBUS_CLOSING || back == PVN_XENBUS_CLOSED)
			tell_refusal(dev);
		set_state(dev, PVN_XENBUS_INITIALISING);
		XENVIRT_LOG(NOTICE, xenvirt_name(dev), "the back end is gone, waiting for it");
	}
}

static void
look_answered(struct xenvirt_dev *dev, enum pvn_xenbus_state back)
{
	if (back == PVN_XENBUS_INIT_WAIT) {
		if (!same_connection(dev))
			disconnect(dev);
	} else if (back != PVN_XENBUS_CONNECTED) {
		tell_refusal(dev);
		disconnect(dev);
	} else if (same_connection(dev) && back_alive(dev)) {
		set_state(dev, PVN_XENBUS_CONNECTED);
		dev->phase = XENVIRT_CONNECTED;
		pvn_guestdev_connect(&dev->g);
		XENVIRT_LOG(NOTICE, xenvirt_name(dev),
			    "connected to domain %u: %u queue pairs, %s, features 0x%" PRIx64,
			    dev->back_id, dev->g.data->nb_rx_queues,
			    dev->zc != NULL ? "zero-copy" : "copying", dev->g.features);
	}
}

void
xenvirt_conn_look(struct pvn_xen_client *client)
{
	struct xenvirt_dev *dev = container_of(client, struct xenvirt_dev, client);
	enum pvn_xenbus_state back;

	if (dev->phase == XENVIRT_STOPPED)
		return;
	back = pvn_xenbus_state(xenvirt_xen(dev), dev->back);
	if (dev->phase == XENVIRT_CONNECTED)
		look_connected(dev, back);
	if (dev->phase == XENVIRT_ANSWERED)
		look_answered(dev, back);
	if (dev->phase == XENVIRT_WAITING && back == PVN_XENBUS_INIT_WAIT)
		answer_offer(dev);
}

/* Tells the application of the link, without the lock. */
void
xenvirt_conn_after(struct pvn_xen_client *client)
{
	pvn_guestdev_tell(&container_of(client, struct xenvirt_dev, client)->g);
}

/* Finds the back end's directory and what it says for good. */
int
xenvirt_conn_find(struct xenvirt_dev *dev)
{
	struct pvn_xen *x = xenvirt_xen(dev);
	uint64_t id, value;

	snprintf(dev->front, sizeof(dev->front), XENVIRT_FRONT_DIR, pvn_xen_domid(x), dev->handle);
	if (pvn_xenbus_read(x, PVN_XEN_NO_TXN, dev->front, "backend", dev->back,
			    sizeof(dev->back)) <= 0 ||
	    pvn_xenbus_read_number(x, PVN_XEN_NO_TXN, dev->front, "backend-id", 10, UINT16_MAX,
				   &id) < 0) {
		XENVIRT_LOG(
			ERR, xenvirt_name(dev),
			"this domain (%u) has no xenvirt device %u, XenStore has no %s/backend: "
			"on the host, run: pvnctl xen attach",
			pvn_xen_domid(x), dev->handle, dev->front);
		return -ENODEV;
	}
	dev->back_id = id;
	dev->g.max_queues = XENVIRT_QUEUES_MAX;
	if (pvn_xenbus_read_number(x, PVN_XEN_NO_TXN, dev->back, "queues", 10, XENVIRT_QUEUES_MAX,
				   &value) == 0 &&
	    value > 0)
		dev->g.max_queues = value;
	dev->g.max_mtu = XENVIRT_MTU_MAX;
	if (pvn_xenbus_read_number(x, PVN_XEN_NO_TXN, dev->back, "mtu", 10, XENVIRT_MTU_MAX,
				   &value) == 0 &&
	    value >= XENVIRT_MTU_MIN)
		dev->g.max_mtu = value;
	dev->g.max_ring = XENVIRT_RING_SIZE_MAX;
	return 0;
}

/* The toolstack may have made the device anew, with another back end, since the port was probed. */
static int
find_again(struct xenvirt_dev *dev)
{
	const uint16_t before = dev->back_id;
	int ret = xenvirt_conn_find(dev);

	if (ret < 0 || dev->zc == NULL || dev->back_id == before)
		return ret;
	XENVIRT_LOG(
		ERR, xenvirt_name(dev),
		"the back end is in domain %u now, and the zero-copy pool is shared with domain "
		"%u: remove the port and add it again",
		dev->back_id, before);
	return -ENODEV;
}

int
xenvirt_conn_start(struct xenvirt_dev *dev)
{
	char path[XENVIRT_DIR_MAX + 8];
	int ret;

	pvn_xen_hub_lock(dev->hub);
	dev->connection[0] = '\0';
	ret = find_again(dev);
	snprintf(path, sizeof(path), "%s/state", dev->back);
	if (ret == 0)
		ret = xenvirt_share_all(dev);
	if (ret == 0) {
		ret = pvn_xen_hub_watch(dev->hub, &dev->client, path);
		if (ret < 0) {
			XENVIRT_LOG(ERR, xenvirt_name(dev), "cannot watch %s: %s", path,
				    pvn_xen_why());
			xenvirt_unshare_all(dev);
		} else {
			set_state(dev, PVN_XENBUS_INITIALISING);
			dev->phase = XENVIRT_WAITING;
		}
	}
	pvn_xen_hub_unlock(dev->hub);
	if (ret == 0)
		pvn_xen_hub_wake(dev->hub, &dev->client);
	return ret;
}

/* Pages that the back end still maps would count against this domain's limit at the next start. */
static void
wait_until_let_go(struct xenvirt_dev *dev)
{
	const struct timespec step = {.tv_nsec = LET_GO_STEP_NS};

	for (int i = 0; i < LET_GO_TRIES && back_alive(dev); i++)
		nanosleep(&step, NULL);
}

void
xenvirt_conn_stop(struct xenvirt_dev *dev)
{
	char path[XENVIRT_DIR_MAX + 8];

	snprintf(path, sizeof(path), "%s/state", dev->back);
	pvn_xen_hub_lock(dev->hub);
	if (dev->phase != XENVIRT_STOPPED) {
		disconnect(dev);
		dev->phase = XENVIRT_STOPPED;
		set_state(dev, PVN_XENBUS_CLOSED);
		pvn_xen_hub_unwatch(dev->hub, &dev->client, path);
		wait_until_let_go(dev);
		xenvirt_unshare_all(dev);
	}
	pvn_xen_hub_unlock(dev->hub);
	xenvirt_conn_after(&dev->client);
}
